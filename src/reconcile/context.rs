use std::sync::{Arc, Mutex, PoisonError};

use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};

use super::{
    apply::Applied,
    backoff::Failures,
    caches::Caches,
    component::Reconciled,
    links::{Key, Links},
    told::Told,
};
use crate::{
    build::{Link, Linked, OwnedKind, by_name, definition::config_map_name, labels::MANAGER},
    defaults,
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

    /// The components of an app that its members run.
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

    fn components<C: Reconciled>(&self, keys: &[Key]) -> Vec<Link<C>> {
        let kind = C::kind(&());
        let of_kind = keys.iter().filter(|key| key.kind == kind);
        by_name(of_kind.filter_map(|key| self.link(key)).collect())
    }

    /// A component that can run, or could before it became invalid.
    fn link<C: Reconciled>(&self, key: &Key) -> Option<Link<C>> {
        let cached = self.caches.get::<C>(key)?;
        let given = cached.0.as_ref().ok().filter(|c| c.meta().deletion_timestamp.is_none())?;
        let component = defaults::of(given).ok()?;
        if let Ok((valid, _)) = Valid::check(component.clone()) {
            return Some(Link::valid(valid));
        }
        let defined = self.caches.owned(OwnedKind::ConfigMap, &key.namespace, &config_map_name(given));
        let hash = given.status().and_then(|status| status.hash.clone());
        defined.and(hash).map(|hash| Link::frozen(component, hash))
    }
}
