use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::{
    Client,
    core::DynamicObject,
    runtime::events::{Recorder, Reporter},
};

use super::{
    apply::Applied,
    backoff::Failures,
    caches::Caches,
    checked::Checked,
    component::{Reconciled, kind_of},
    links::{Key, Links},
    members::{LookAfter, MemberClient, Members},
    packages, plan,
    pods::MemberPod,
    quarantine::{self, AllWaiting, Sorted},
    queue::Queues,
    told::Told,
};
use crate::{
    api::KasprApp,
    build::{Link, Linked, OwnedKind, by_name, definition::config_map_name, labels::MANAGER, names},
    defaults,
    settings::ReconcileSettings,
    telemetry::Metrics,
};

/// What every reconcile works with.
pub struct Context {
    pub client: Client,
    pub caches: Caches,
    pub settings: ReconcileSettings,
    pub metrics: Arc<Metrics>,
    /// Counts warnings that repeat, and remembers each for some minutes.
    pub recorder: Recorder,
    pub applied: Applied,
    pub links: Arc<Mutex<Links>>,
    pub failures: Failures,
    pub told: Told,
    pub checked: Checked,
    pub queues: Arc<Queues>,
    pub members: Members,
    pub member_client: MemberClient,
    /// The apps whose members are to be looked after.
    pub look_after: LookAfter,
    /// What waited when an app was reconciled last.
    waiting: Mutex<HashMap<Key, AllWaiting>>,
    /// The pods whose install is counted, by app.
    installs: Mutex<HashMap<Key, HashSet<(String, bool)>>>,
}

fn recorder(client: Client) -> Recorder {
    Recorder::new(client, Reporter::from(MANAGER))
}

impl Context {
    pub fn new(
        client: Client,
        caches: Caches,
        settings: ReconcileSettings,
        metrics: Arc<Metrics>,
        links: Arc<Mutex<Links>>,
    ) -> Self {
        let recorder = recorder(client.clone());
        let timeout = Duration::from_secs(settings.members.client_status_check_timeout_seconds);
        let queues = Arc::new(Queues::new(metrics.clone(), links.clone()));
        Self {
            client,
            caches,
            settings,
            metrics,
            recorder,
            applied: Applied::default(),
            links,
            failures: Failures::default(),
            told: Told::default(),
            checked: Checked::default(),
            queues,
            members: Members::default(),
            member_client: MemberClient::new(timeout),
            look_after: LookAfter::default(),
            waiting: Mutex::default(),
            installs: Mutex::default(),
        }
    }

    /// A recorder that remembers nothing.
    pub fn fresh_recorder(&self) -> Recorder {
        recorder(self.client.clone())
    }

    /// Which components belong to which app.
    pub fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The components that the members of an app run, and those that wait.
    pub fn sorted(&self, key: &Key, app: &KasprApp) -> Sorted {
        let defined = |component: &Key| {
            let config_map = names::definition(component.kind, &component.name);
            self.caches.has(OwnedKind::ConfigMap, &component.namespace, &config_map)
        };
        let app = defaults::of(app).unwrap_or_else(|_| app.clone());
        quarantine::sort(&app, self.linked(key), defined)
    }

    /// The components of an app that could be run, each by itself.
    pub fn linked(&self, app: &Key) -> Linked {
        let keys = self.links().components(app);
        Linked {
            agents: self.components(&keys),
            webviews: self.components(&keys),
            tables: self.components(&keys),
            tasks: self.components(&keys),
            joins: self.components(&keys),
        }
    }

    fn components<C: Reconciled>(&self, keys: &[Key]) -> Vec<Link<C>> {
        let of_kind = keys.iter().filter(|key| key.kind == kind_of::<C>());
        by_name(of_kind.filter_map(|key| self.link(key)).collect())
    }

    /// A component that can run, or could before it became invalid.
    fn link<C: Reconciled>(&self, key: &Key) -> Option<Link<C>> {
        let cached = self.caches.get::<C>(key)?;
        let given = cached.0.as_ref().ok().filter(|c| c.meta().deletion_timestamp.is_none())?;
        if let Some(link) = self.checked.link(key, given) {
            return Some(link);
        }
        let defined = self.caches.has(OwnedKind::ConfigMap, &key.namespace, &config_map_name(given));
        plan::frozen(given, defined)
    }

    /// Keeps what waits, for the next time. Gives the components for which that changed.
    pub fn now_waiting(&self, app: &Key, waiting: &AllWaiting) -> Vec<Key> {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before =
            if waiting.is_empty() { all.remove(app) } else { all.insert(app.clone(), waiting.clone()) };
        let before = before.unwrap_or_default();
        let changed = |key: &&Key| before.get(*key) != waiting.get(*key);
        let keys: std::collections::BTreeSet<&Key> = before.keys().chain(waiting.keys()).collect();
        keys.into_iter().filter(changed).cloned().collect()
    }

    /// The StatefulSet of an app, from the cache.
    pub fn stateful_set(&self, app: &Key) -> Option<DynamicObject> {
        self.caches.owned(OwnedKind::StatefulSet, &app.namespace, &names::app(&app.name))
    }

    /// The members' pods, by number.
    pub fn member_pods(&self, app: &Key) -> Vec<MemberPod> {
        let names = self.links().pods(app);
        let cached = names.iter().filter_map(|name| self.caches.pod(&app.namespace, name));
        let mut pods: Vec<MemberPod> = cached.filter_map(|pod| pod.member.clone()).collect();
        pods.sort_by_key(|pod| pod.ordinal);
        pods
    }

    /// Counts all installs again: their series have ended with the Lease.
    pub fn forget_installs(&self) {
        self.installs.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Counts the installs that ended since the last time.
    pub fn count_installs(&self, app: &Key, pods: &[MemberPod]) {
        let mut all = self.installs.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all.entry(app.clone()).or_default();
        counted.retain(|(uid, _)| pods.iter().any(|pod| pod.uid == *uid));
        for pod in pods {
            let Some((end, report)) = packages::end_of(pod) else { continue };
            if counted.insert((pod.uid.clone(), end.error.is_none())) {
                self.metrics.installed(&app.name, &app.namespace, &end);
                if let (Some(total), Some(used)) = (report.cache_total_bytes, report.cache_used_bytes) {
                    self.metrics.cache_usage(&app.name, &app.namespace, total, used);
                }
            }
        }
    }

    /// A reconcile was asked for that comes too late: its wish is not to be seen for ever.
    pub fn gone(&self, key: &Key) {
        self.queues.taken(key);
        self.forget_metrics(key);
    }

    fn forget_metrics(&self, key: &Key) {
        if key.kind == super::links::APP {
            self.metrics.forget_app(&key.name, &key.namespace);
        } else {
            self.metrics.forget_component(&key.name, &key.namespace);
        }
    }

    /// A resource is gone: nothing of it is kept.
    pub fn forget(&self, key: &Key) {
        self.told.forget(key);
        self.checked.forget(key);
        self.failures.forget(key.kind, Some(&key.namespace), &key.name);
        self.forget_metrics(key);
        if key.kind == super::links::APP {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
            self.installs.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
            self.members.nudge(key);
        }
    }
}
