use std::sync::{Arc, Mutex, PoisonError};

use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};

use super::{
    apply::Applied,
    backoff::Failures,
    caches::{Cached, Caches},
    links::{Key, Links},
    told::Told,
};
use crate::{
    build::{Linked, by_name, definition::Component, labels::MANAGER},
    defaults::{self, Defaults},
    settings::BuildSettings,
    validate::Valid,
};

/// What every reconcile works with.
pub struct Context {
    pub client: Client,
    pub caches: Caches,
    pub settings: BuildSettings,
    pub recorder: Recorder,
    pub applied: Applied,
    pub links: Arc<Mutex<Links>>,
    pub failures: Failures,
    pub told: Told,
}

impl Context {
    pub fn new(client: Client, caches: Caches, settings: BuildSettings, links: Arc<Mutex<Links>>) -> Self {
        let recorder = Recorder::new(client.clone(), Reporter::from(MANAGER));
        Self {
            client,
            caches,
            settings,
            recorder,
            applied: Applied::default(),
            links,
            failures: Failures::default(),
            told: Told::default(),
        }
    }

    /// The components of an app that can run: readable, valid and not on their way out.
    pub fn linked(&self, app: &Key) -> Linked {
        let keys = self.links.lock().unwrap_or_else(PoisonError::into_inner).components(app);
        Linked {
            agents: self.components(&keys),
            webviews: self.components(&keys),
            tables: self.components(&keys),
            tasks: self.components(&keys),
            joins: self.components(&keys),
        }
    }

    fn components<C>(&self, keys: &[Key]) -> Vec<Arc<Valid<C>>>
    where
        C: Cached
            + Component
            + Defaults
            + crate::validate::Validate
            + serde::Serialize
            + serde::de::DeserializeOwned,
    {
        let kind = C::kind(&());
        let of_kind = keys.iter().filter(|key| key.kind == kind);
        let runnable = of_kind.filter_map(|key| {
            let cached = self.caches.get::<C>(key)?;
            let component = cached.0.as_ref().ok().filter(|c| c.meta().deletion_timestamp.is_none())?;
            let (valid, _) = Valid::check(defaults::of(component).ok()?).ok()?;
            Some(Arc::new(valid))
        });
        by_name(runnable.collect())
    }
}
