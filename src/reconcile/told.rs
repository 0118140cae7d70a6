//! The status that was written last, for as long as the cache does not know of it.
//!
//! The watch is a little behind. A status that is made from an older one would say that something
//! changed just now that changed a moment ago, and be written again.

use std::{
    any::Any,
    borrow::Cow,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kube::{ResourceExt, core::object::HasStatus};

use super::links::Key;

/// What was written last, by resource.
#[derive(Default)]
pub struct Told(Mutex<HashMap<Key, Record>>);

struct Record {
    /// The version of the resource in the cache when the status was made.
    version: Option<String>,
    /// The status.
    status: Box<dyn Any + Send>,
}

impl Told {
    /// The resource with its newest status.
    pub fn newest<'a, K>(&self, key: &Key, cached: &'a K) -> Cow<'a, K>
    where
        K: Clone + HasStatus + ResourceExt,
        K::Status: Clone + 'static,
    {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records.get(key).is_some_and(|record| record.version != cached.resource_version()) {
            records.remove(key);
        }
        match records.get(key).and_then(|record| record.status.downcast_ref::<K::Status>()) {
            Some(status) => {
                let mut newest = cached.clone();
                *newest.status_mut() = Some(status.clone());
                Cow::Owned(newest)
            }
            None => Cow::Borrowed(cached),
        }
    }

    /// A status was written that was made from this version of the resource.
    pub fn wrote<S: Send + 'static>(&self, key: Key, version: Option<String>, status: S) {
        let record = Record { version, status: Box::new(status) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, record);
    }

    /// The resource is gone.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ComponentStatus, KasprTable};

    fn table(version: &str, hash: &str) -> KasprTable {
        let spec = serde_json::from_value(serde_json::json!({ "name": "t" })).expect("a spec");
        let mut table = KasprTable::new("t", spec);
        table.metadata.resource_version = Some(version.to_owned());
        table.status = Some(status(hash));
        table
    }

    fn status(hash: &str) -> ComponentStatus {
        ComponentStatus { hash: Some(hash.to_owned()), ..ComponentStatus::default() }
    }

    #[test]
    fn what_was_written_counts_until_the_cache_moves_on() {
        let key = Key { kind: "KasprTable", namespace: "ns".to_owned(), name: "t".to_owned() };
        let told = Told::default();
        let hash = |table: &KasprTable| told.newest(&key, table).status.as_ref().and_then(|s| s.hash.clone());
        assert_eq!(hash(&table("1", "a")).as_deref(), Some("a"));
        told.wrote(key.clone(), Some("1".to_owned()), status("b"));
        assert_eq!(hash(&table("1", "a")).as_deref(), Some("b"));
        assert_eq!(hash(&table("2", "c")).as_deref(), Some("c"));
        told.forget(&key);
        assert_eq!(hash(&table("1", "a")).as_deref(), Some("a"));
    }
}
