//! Components that were found valid, by version: reading embedded Python takes longer than all the
//! rest of a reconcile, and each change of an app looks at all of its components.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kube::ResourceExt;

use super::{component::Reconciled, links::Key};
use crate::{build::Link, defaults, validate::Valid};

/// What is known of each component.
#[derive(Default)]
pub struct Checked(Mutex<HashMap<Key, Record>>);

struct Record {
    uid: Option<String>,
    version: Option<String>,
    /// An `Option<Link<C>>`: none for an invalid one.
    link: Box<dyn Any + Send>,
}

impl Checked {
    /// The component as members run it, if it is valid.
    pub fn link<C: Reconciled>(&self, key: &Key, component: &C) -> Option<Link<C>> {
        let (uid, version) = (component.uid(), component.resource_version());
        if let Some(known) = self.known(key, &uid, &version) {
            return known;
        }
        let checked = defaults::of(component).ok().map(Valid::check);
        let link = checked.and_then(Result::ok).map(|(valid, _)| Link::valid(valid));
        let record = Record { uid, version, link: Box::new(link.clone()) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), record);
        link
    }

    fn known<C: Reconciled>(
        &self,
        key: &Key,
        uid: &Option<String>,
        version: &Option<String>,
    ) -> Option<Option<Link<C>>> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.get(key).filter(|record| record.uid == *uid && record.version == *version)?;
        record.link.downcast_ref::<Option<Link<C>>>().cloned()
    }

    /// The component is gone.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
