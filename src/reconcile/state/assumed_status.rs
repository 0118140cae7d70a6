//! The status that was written last, until the cache contains it.
//!
//! The watch lags a little behind. A status computed from an older one would report a change a second
//! time and be written again.

use std::{borrow::Cow, collections::HashMap, sync::Mutex};

use kube::{ResourceExt, core::object::HasStatus};

use crate::{
    api::{AppStatus, ComponentStatus},
    reconcile::cache::index::ObjectKey,
    sync::lock,
};

/// The statuses that were written last, by resource.
#[derive(Default)]
pub(crate) struct AssumeCache {
    apps: Records<AppStatus>,
    components: Records<ComponentStatus>,
}

type Records<S> = Mutex<HashMap<ObjectKey, AssumedRecord<S>>>;

/// A written status.
pub(crate) struct AssumedRecord<S> {
    /// The version of the cached resource that the status was computed from.
    version: Option<String>,
    status: S,
}

/// A status type with its place in the cache.
pub(crate) trait Assumed: Clone {
    /// Returns the statuses of this type.
    fn records(cache: &AssumeCache) -> &Mutex<HashMap<ObjectKey, AssumedRecord<Self>>>;
}

impl Assumed for AppStatus {
    fn records(cache: &AssumeCache) -> &Records<Self> {
        &cache.apps
    }
}

impl Assumed for ComponentStatus {
    fn records(cache: &AssumeCache) -> &Records<Self> {
        &cache.components
    }
}

impl AssumeCache {
    /// Returns the cached resource with its newest status.
    pub(crate) fn newest<'a, K>(&self, key: &ObjectKey, cached: &'a K) -> Cow<'a, K>
    where
        K: Clone + HasStatus + ResourceExt,
        K::Status: Assumed,
    {
        let mut records = lock(K::Status::records(self));
        match records.get(key) {
            Some(record) if record.version == cached.resource_version() => {
                let mut newest = cached.clone();
                *newest.status_mut() = Some(record.status.clone());
                Cow::Owned(newest)
            }
            Some(_) => {
                records.remove(key);
                Cow::Borrowed(cached)
            }
            None => Cow::Borrowed(cached),
        }
    }

    /// Remembers a status that was written, computed from this version of the resource.
    pub(crate) fn assume<S: Assumed>(&self, key: ObjectKey, version: Option<String>, status: S) {
        lock(S::records(self)).insert(key, AssumedRecord { version, status });
    }

    /// Forgets a resource that was deleted.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        lock(&self.apps).remove(key);
        lock(&self.components).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{KasprTable, Kind};

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
    fn a_written_status_counts_until_the_cache_moves_on() {
        let key = ObjectKey { kind: Kind::Table, namespace: "ns".to_owned(), name: "t".to_owned() };
        let cache = AssumeCache::default();
        let hash =
            |table: &KasprTable| cache.newest(&key, table).status.as_ref().and_then(|s| s.hash.clone());
        assert_eq!(hash(&table("1", "a")).as_deref(), Some("a"));
        cache.assume(key.clone(), Some("1".to_owned()), status("b"));
        assert_eq!(hash(&table("1", "a")).as_deref(), Some("b"));
        assert_eq!(hash(&table("2", "c")).as_deref(), Some("c"));
        cache.forget(&key);
        assert_eq!(hash(&table("1", "a")).as_deref(), Some("a"));
    }
}
