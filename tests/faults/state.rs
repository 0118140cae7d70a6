//! What there is in a namespace, without what differs from run to run.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::ListParams;
use serde_json::{Map, Value};

use crate::{
    cluster::Cluster,
    guard::config_maps,
    scenario::{ROLLOUT_STATE, rollout_state},
};

/// What is compared.
const KINDS: [&str; 16] = [
    "ConfigMap",
    "ControllerRevision",
    "HorizontalPodAutoscaler",
    "KasprAgent",
    "KasprApp",
    "KasprJoin",
    "KasprTable",
    "KasprTask",
    "KasprWebView",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];

/// What Kubernetes makes in each namespace.
const GIVEN: [&str; 2] = ["ConfigMap/kube-root-ca.crt", "ServiceAccount/default"];

/// Fields that differ from run to run, wherever they stand.
const VOLATILE: [&str; 25] = [
    "clusterIP",
    "clusterIPs",
    "collisionCount",
    "controller-revision-hash",
    "creationTimestamp",
    "currentRevision",
    "generation",
    "lastTransitionTime",
    "managedFields",
    "nodeName",
    "nodePort",
    "podCreationTime",
    "podUID",
    "resourceVersion",
    "selfLink",
    "uid",
    "updateRevision",
    "volumeName",
    "kubectl.kubernetes.io/last-applied-configuration",
    // Which of several pods installed last, and when.
    "installedBy",
    "lastInstallTime",
    // Whether members ran when the subscriptions changed.
    "rebalanceRequired",
    // Hashes of objects, with the namespace's name and the owner's id.
    "kaspr.io/applied-hash",
    "kaspr.io/resource-hash",
    "kaspr.io/template-hash",
];

/// What stands for the name of the namespace.
const NAMESPACE: &str = "NAMESPACE";

/// The label of snapshots of definitions.
const SNAPSHOT: &str = "kaspr.io/snapshot-of";

/// The request for a return, until it is carried out.
const UNDO: &str = "kaspr.io/undo";

/// Objects by kind and name.
pub(crate) type State = BTreeMap<String, Value>;

/// The objects of a namespace as they are.
pub(crate) async fn read(cluster: &Cluster, namespace: &str) -> kube::Result<State> {
    let mut state = State::new();
    for kind in KINDS {
        for object in cluster.api(namespace, kind).list(&ListParams::default()).await? {
            let place = format!("{kind}/{}", object.metadata.name.clone().unwrap_or_default());
            if !GIVEN.contains(&place.as_str()) {
                // What came from the API server as JSON can go back to it.
                state.insert(place, serde_json::to_value(object).unwrap_or_default());
            }
        }
    }
    Ok(state)
}

/// The objects without what differs from run to run.
pub(crate) fn normal(state: &State, namespace: &str) -> State {
    let needed: BTreeSet<String> = state
        .iter()
        .filter(|(place, _)| !is_revision(place))
        .flat_map(|(_, object)| config_maps(object))
        .collect();
    // How many earlier revisions are left, and so their snapshots, depends on what their controller saw.
    let differs = |place: &str, object: &Value| {
        let name = place.strip_prefix("ConfigMap/").unwrap_or_default();
        is_revision(place) || (!object["metadata"]["labels"][SNAPSHOT].is_null() && !needed.contains(name))
    };
    let same = state.iter().filter(|(place, object)| !differs(place, object));
    let same = same.map(|(place, object)| (place.clone(), normal_object(place, object, namespace)));
    // The names of revisions differ from run to run, and messages contain them.
    let Some(newest) = newest_revision(state) else { return same.collect() };
    let unnamed = |object: Value| serde_json::from_str(&object.to_string().replace(newest, "the newest"));
    same.map(|(place, object)| (place, unnamed(object).unwrap_or_default())).collect()
}

/// The revision that the StatefulSet's controller updates pods to.
pub(crate) fn newest_revision(state: &State) -> Option<&str> {
    let set = state.iter().find(|(place, _)| place.starts_with("StatefulSet/"));
    set.and_then(|(_, set)| set["status"]["updateRevision"].as_str()).filter(|name| !name.is_empty())
}

fn is_revision(place: &str) -> bool {
    place.starts_with("ControllerRevision/")
}

fn normal_object(place: &str, object: &Value, namespace: &str) -> Value {
    let text = object.to_string().replace(namespace, NAMESPACE);
    let mut normal: Value = serde_json::from_str(&text).unwrap_or_default();
    let observed = &object["status"]["observedGeneration"];
    let up_to_date = *observed == object["metadata"]["generation"];
    let has_status = !observed.is_null();
    if place.starts_with("Pod/") || place.starts_with("HorizontalPodAutoscaler/") {
        // Both are other controllers' business, and full of times.
        without(&mut normal, "status");
    }
    if place.starts_with("StatefulSet/") {
        normal["metadata"]["annotations"][ROLLOUT_STATE] = normal_rollout(object);
    }
    drop_volatile(&mut normal);
    for condition in normal["status"]["conditions"].as_array_mut().into_iter().flatten() {
        // An old generation stands as long as nothing else changes; the newest one stands above.
        without(condition, "observedGeneration");
    }
    if has_status && normal["status"].is_object() {
        normal["status"]["observedGeneration"] = up_to_date.into();
    }
    normal
}

/// The state of a rollout: which revision is meant, instead of its name.
fn normal_rollout(set: &Value) -> Value {
    let mut state = rollout_state(set);
    let newest = set["status"]["updateRevision"].clone();
    for field in ["/good", "/held/revision", "/held/returnedTo"] {
        if let Some(revision) = state.pointer_mut(field) {
            *revision = if *revision == newest { "the newest" } else { "another" }.into();
        }
    }
    state
}

fn without(value: &mut Value, field: &str) {
    value.as_object_mut().map(|fields| fields.remove(field));
}

fn drop_volatile(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            fields.values_mut().for_each(drop_volatile);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_volatile),
        _ => {}
    }
}

/// Whether everybody says that he is done.
pub(crate) fn is_settled(state: &State) -> bool {
    unsettled(state).is_empty()
}

/// What is not done, without what differs from run to run.
pub(crate) fn unsettled(state: &State) -> State {
    let has_app = state.keys().any(|place| place.starts_with("KasprApp/"));
    let is_done = |place: &str, object: &Value| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let current = status["observedGeneration"] == object["metadata"]["generation"];
        let there = object["metadata"]["deletionTimestamp"].is_null();
        there
            && match place.split('/').next().unwrap_or_default() {
                "StatefulSet" => {
                    let all = |field: &str| {
                        status[field].as_i64().unwrap_or_default() == spec["replicas"].as_i64().unwrap_or(1)
                    };
                    let rolls = !rollout_state(object)["since"].is_null();
                    current && !rolls && all("replicas") && all("updatedReplicas") && all("availableReplicas")
                }
                "PersistentVolumeClaim" => {
                    status["capacity"]["storage"] == spec["resources"]["requests"]["storage"]
                }
                kind if kind.starts_with("Kaspr") => {
                    current
                        && object["metadata"]["annotations"][UNDO].is_null()
                        && conditions(status).all(|c| match c["type"].as_str() {
                            Some("Ready") => c["status"] == "True" || c["reason"] == "RolledBack" || !has_app,
                            Some("Progressing") => c["status"] == "False",
                            _ => true,
                        })
                        && knows_its_components(status, state)
                }
                _ => true,
            }
    };
    let unsettled = state.iter().filter(|(place, object)| !is_done(place, object));
    unsettled.map(|(place, object)| (place.clone(), normal_object(place, object, NAMESPACE))).collect()
}

/// Whether what an app says of its agents and tables is what they say of themselves.
fn knows_its_components(status: &Value, state: &State) -> bool {
    [("agents", "KasprAgent"), ("tables", "KasprTable")].iter().all(|(list, kind)| {
        status["linkedResources"][list].as_array().into_iter().flatten().all(|linked| {
            let place = format!("{kind}/{}", linked["name"].as_str().unwrap_or_default());
            state.get(&place).is_some_and(|component| component["status"]["hash"] == linked["hash"])
        })
    })
}

/// The conditions of a status.
pub(crate) fn conditions(status: &Value) -> impl Iterator<Item = &Value> {
    status["conditions"].as_array().into_iter().flatten()
}

/// How two states differ, for people.
pub(crate) fn difference(expected: &State, found: &State) -> String {
    let differing = |this: &State, other: &State| -> Value {
        let only = this.iter().filter(|(place, object)| other.get(*place) != Some(*object));
        Value::Object(only.map(|(place, object)| (place.clone(), object.clone())).collect::<Map<_, _>>())
    };
    let pretty = |value: Value| format!("{value:#}\n");
    let (left, right) = (pretty(differing(expected, found)), pretty(differing(found, expected)));
    similar_asserts::SimpleDiff::from_str(&left, &right, "undisturbed", "disturbed").to_string()
}
