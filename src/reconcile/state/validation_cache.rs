//! The verdict on each component, by version: reading embedded Python takes longer than the rest of a
//! reconcile, and each change of an app looks at all of its components.

use std::{collections::HashMap, sync::Mutex};

use kube::ResourceExt;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView},
    defaults::{self, Defaults},
    reconcile::{cache::index::ObjectKey, conditions},
    resources::{RunnableComponent, definition::Component},
    sync::lock,
    validate::{Valid, ValidateUpdate},
};

type Records<C> = Mutex<HashMap<ObjectKey, Verdict<C>>>;

/// The verdicts, by component.
#[derive(Default)]
pub(crate) struct ValidationCache {
    agents: Records<KasprAgent>,
    tables: Records<KasprTable>,
    tasks: Records<KasprTask>,
    webviews: Records<KasprWebView>,
    joins: Records<KasprJoin>,
}

/// The verdict on a version of a component.
pub(crate) struct Verdict<C> {
    uid: Option<String>,
    version: Option<String>,
    /// The component as members run it, or what is wrong.
    runnable: Result<RunnableComponent<C>, String>,
}

/// A component type with its place in the cache.
pub(crate) trait Validated:
    Clone + Component + Defaults + DeserializeOwned + Serialize + ValidateUpdate
{
    /// Returns the verdicts of this type.
    fn records(cache: &ValidationCache) -> &Mutex<HashMap<ObjectKey, Verdict<Self>>>;
}

macro_rules! validated {
    ($($type:ty => $field:ident),* $(,)?) => {
        $(impl Validated for $type {
            fn records(cache: &ValidationCache) -> &Records<Self> {
                &cache.$field
            }
        })*
    };
}

validated! {
    KasprAgent => agents,
    KasprTable => tables,
    KasprTask => tasks,
    KasprWebView => webviews,
    KasprJoin => joins,
}

impl ValidationCache {
    /// Returns the component as members run it.
    ///
    /// # Errors
    ///
    /// The message of its condition if it is invalid.
    pub(crate) fn runnable<C: Validated>(
        &self,
        key: &ObjectKey,
        component: &C,
    ) -> Result<RunnableComponent<C>, String> {
        let (uid, version) = (component.uid(), component.resource_version());
        if let Some(record) = lock(C::records(self)).get(key)
            && record.uid == uid
            && record.version == version
        {
            return record.runnable.clone();
        }
        let runnable = match defaults::with_defaults(component).map(Valid::check) {
            Ok(Ok((valid, _))) => Ok(RunnableComponent::valid(valid)),
            Ok(Err(found)) => Err(conditions::invalid_spec_message(&found)),
            Err(_) => Err(conditions::UNREADABLE_MESSAGE.to_owned()),
        };
        let record = Verdict { uid, version, runnable: runnable.clone() };
        lock(C::records(self)).insert(key.clone(), record);
        runnable
    }

    /// Forgets a component that was deleted.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        lock(&self.agents).remove(key);
        lock(&self.tables).remove(key);
        lock(&self.tasks).remove(key);
        lock(&self.webviews).remove(key);
        lock(&self.joins).remove(key);
    }
}
