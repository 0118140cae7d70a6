//! What must hold at any time while the pods of an app change.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, pin_mut};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams},
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    cluster::Cluster,
    state::{State, newest_revision},
};

/// How old a pod is at most that was deleted in place of another one.
const YOUNG_SECONDS: i64 = 5;

/// Watches a namespace for what must not happen.
pub(crate) struct Guard {
    violations: Violations,
    /// Ends with the guard.
    _tasks: JoinSet<()>,
}

#[derive(Clone, Default)]
struct Violations(Arc<Mutex<BTreeSet<String>>>);

impl Violations {
    fn add(&self, violation: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(violation);
    }
}

impl Guard {
    /// Watches from now on. All members run.
    pub(crate) fn watch(cluster: &Cluster, namespace: &str, members: u64) -> Self {
        let violations = Violations::default();
        let mut tasks = JoinSet::new();
        let api = |kind: &str| cluster.api(namespace, kind);
        tasks.spawn(sets(api("StatefulSet"), members, violations.clone()));
        tasks.spawn(pods(api("Pod"), members, violations.clone()));
        let readers = [api("Pod"), api("ControllerRevision")];
        tasks.spawn(maps(api("ConfigMap"), readers, violations.clone()));
        Self { violations, _tasks: tasks }
    }

    /// What happened that must not.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The StatefulSet keeps its replicas.
async fn sets(api: Api<DynamicObject>, members: u64, violations: Violations) {
    let events = watch(api);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(set) | Event::InitApply(set)) => {
                let replicas = set.data["spec"]["replicas"].as_u64().unwrap_or_default();
                if replicas < members {
                    violations.add(format!("{} has {replicas} replicas", set.name_any()));
                }
            }
            Ok(Event::Delete(set)) => violations.add(format!("StatefulSet {} was deleted", set.name_any())),
            _ => {}
        }
    }
}

/// At most one member is replaced at a time. The StatefulSet's controller deletes pods by name, and where a pod is gone
/// at once, it may take the new one for the old one: that is not the operator's doing.
async fn pods(api: Api<DynamicObject>, members: u64, violations: Violations) {
    let (mut existing, mut young) = (BTreeSet::new(), BTreeSet::new());
    let events = watch(api);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => existing.clear(),
            Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                young.remove(&pod.name_any());
                existing.insert(pod.name_any());
            }
            Ok(Event::Delete(pod)) => {
                existing.remove(&pod.name_any());
                if is_young(&pod) {
                    young.insert(pod.name_any());
                }
                if ((existing.len() + young.len()) as u64) + 1 < members {
                    violations.add(format!("only these pods existed: {existing:?}"));
                }
            }
            _ => {}
        }
    }
}

fn is_young(pod: &DynamicObject) -> bool {
    let created = pod.creation_timestamp().map_or(0, |created| created.0.as_second());
    Timestamp::now().as_second() - created <= YOUNG_SECONDS
}

/// A ConfigMap stays as long as a pod or a revision names it.
async fn maps(api: Api<DynamicObject>, readers: [Api<DynamicObject>; 2], violations: Violations) {
    let events = watch(api);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let Ok(Event::Delete(map)) = event else { continue };
        for reader in &readers {
            for found in reader.list(&ListParams::default()).await.into_iter().flatten() {
                if config_maps(&found.data).contains(&map.name_any()) {
                    let (map, found) = (map.name_any(), found.name_any());
                    violations.add(format!("ConfigMap {map} was deleted, which {found} names"));
                }
            }
        }
    }
}

fn watch(api: Api<DynamicObject>) -> impl futures::Stream<Item = watcher::Result<Event<DynamicObject>>> {
    watcher(api, watcher::Config::default()).default_backoff()
}

/// What must hold in the end: the pods are of one revision, and what they and the kept revisions name exists.
pub(crate) fn end(state: &State, members: u64) -> Vec<String> {
    let of = |kind: &'static str| state.iter().filter(move |(place, _)| place.starts_with(kind));
    let mut violations = Vec::new();
    let newest = newest_revision(state);
    for (place, pod) in of("Pod/") {
        let revision = &pod["metadata"]["labels"]["controller-revision-hash"];
        if revision.as_str() != newest {
            violations.push(format!("{place} is of revision {revision} instead of {newest:?}"));
        }
    }
    let count = of("Pod/").count() as u64;
    if count < members {
        violations.push(format!("there are {count} pods"));
    }
    for (place, reader) in of("Pod/").chain(of("ControllerRevision/")) {
        let missing = config_maps(reader).into_iter();
        let missing = missing.filter(|map| !state.contains_key(&format!("ConfigMap/{map}")));
        violations.extend(missing.map(|map| format!("{place} names ConfigMap {map}, which does not exist")));
    }
    violations
}

/// The ConfigMaps that a pod or a template requires.
pub(crate) fn config_maps(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(value, &mut names);
    names
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for field in ["configMap", "configMapKeyRef", "configMapRef"] {
                let reference = fields.get(field).filter(|reference| reference["optional"] != true);
                let name = reference.and_then(|reference| reference["name"].as_str());
                // Kubernetes mounts it by itself.
                names.extend(name.filter(|name| *name != "kube-root-ca.crt").map(str::to_owned));
            }
            fields.values().for_each(|value| collect(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}
