//! What there is in a namespace, without what differs from run to run.

use std::collections::BTreeMap;

use kube::api::ListParams;
use serde_json::{Map, Value};

use crate::cluster::Cluster;

/// What is compared.
const KINDS: [&str; 15] = [
    "ConfigMap",
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
const VOLATILE: [&str; 23] = [
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
    state.iter().map(|(place, object)| (place.clone(), normal_object(place, object, namespace))).collect()
}

fn normal_object(place: &str, object: &Value, namespace: &str) -> Value {
    let text = object.to_string().replace(namespace, "NAMESPACE");
    let mut normal: Value = serde_json::from_str(&text).unwrap_or_default();
    let observed = &object["status"]["observedGeneration"];
    let up_to_date = *observed == object["metadata"]["generation"];
    let has_status = !observed.is_null();
    if place.starts_with("Pod/") || place.starts_with("HorizontalPodAutoscaler/") {
        // Both are other controllers' business, and full of times.
        without(&mut normal, "status");
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
    let has_app = state.keys().any(|place| place.starts_with("KasprApp/"));
    state.iter().all(|(place, object)| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let current = status["observedGeneration"] == object["metadata"]["generation"];
        let there = object["metadata"]["deletionTimestamp"].is_null();
        there
            && match place.split('/').next().unwrap_or_default() {
                "StatefulSet" => {
                    let all = |field: &str| {
                        status[field].as_i64().unwrap_or_default() == spec["replicas"].as_i64().unwrap_or(1)
                    };
                    current && all("replicas") && all("updatedReplicas") && all("availableReplicas")
                }
                "PersistentVolumeClaim" => {
                    status["capacity"]["storage"] == spec["resources"]["requests"]["storage"]
                }
                kind if kind.starts_with("Kaspr") => {
                    current
                        && conditions(status).all(|c| match c["type"].as_str() {
                            Some("Ready") => c["status"] == "True" || !has_app,
                            Some("Progressing") => c["status"] == "False",
                            _ => true,
                        })
                        && knows_its_components(status, state)
                }
                _ => true,
            }
    })
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
