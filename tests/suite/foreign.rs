//! Objects that users made, and objects that the API server refuses: they stay as they are, and everything
//! else continues.

use serde_json::{Value, json};

use crate::{
    harness::{Namespace, condition, eventually, message},
    lifecycle::{APP, SET, ready},
};

const AGENT: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {name: mine, labels: {kaspr.io/app: clicks}}
spec:
  input: {topic: {name: orders}}
  processors: {pipeline: [m], operations: [{name: m, map: {python: 'def m(value): return value'}}]}
";

const TABLE: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: counts, labels: {kaspr.io/app: clicks}}
spec: {name: counts}
";

const FOREIGN: &str = "exists and was not made by the operator: the operator changes only objects that it made. \
     Rename the resource, or rename or delete the object";

#[test]
fn a_config_map_of_a_user_is_neither_written_nor_deleted() {
    let namespace = Namespace::new("foreign");
    namespace.run(&["create", "configmap", "mine-agent", "--from-literal=a=b"]);
    let before = namespace.get("configmap", "mine-agent");
    namespace.apply(&format!("{APP}---{AGENT}---{TABLE}"));
    let agent =
        namespace.wait_for("kaspragent", "mine", |agent| condition(agent, "Ready", "False", "Refused"));
    assert_eq!(message(&agent, "Ready"), format!("ConfigMap mine-agent {FOREIGN}"));
    // The rest of the app runs.
    let app = namespace.wait_for("kasprapp", "clicks", |app| {
        ready(app) && condition(app, "ComponentsReady", "False", "ComponentsWaiting")
    });
    assert_eq!(message(&app, "ComponentsReady"), format!("KasprAgent mine: ConfigMap mine-agent {FOREIGN}"));
    namespace.wait_for("kasprtable", "counts", |table| condition(table, "Ready", "True", "Defined"));
    let set = namespace.get(SET, "clicks-app").to_string();
    assert!(set.contains("counts-table") && !set.contains("mine-agent"), "{set}");

    namespace.run(&["delete", "kaspragent", "mine"]);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "ComponentsReady", "True", "AllDefined"));
    assert_eq!(namespace.get("configmap", "mine-agent"), before);

    namespace.apply(AGENT);
    namespace.wait_for("kaspragent", "mine", |agent| condition(agent, "Ready", "False", "Refused"));
    namespace.run(&["delete", "configmap", "mine-agent"]);
    namespace.wait_for("kaspragent", "mine", |agent| condition(agent, "Ready", "True", "Defined"));
    namespace.wait_for("kasprapp", "clicks", |app| {
        ready(app) && condition(app, "ComponentsReady", "True", "AllDefined")
    });
}

/// Objects with the names of the app's, as a user may have them.
fn objects_of_a_user() -> Vec<Value> {
    let pod = json!({
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "registry.example.com/c"}]},
    });
    let object = |kind: &str, version: &str, name: &str, more: Value| {
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
        object.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        object
    };
    vec![
        object("ServiceAccount", "v1", "clicks-app", json!({})),
        object("ConfigMap", "v1", "clicks-app-config", json!({ "data": { "a": "b" } })),
        object("Service", "v1", "clicks-app-api", json!({ "spec": { "ports": [{ "port": 80 }] } })),
        object(
            "HorizontalPodAutoscaler",
            "autoscaling/v2",
            "clicks-app-hpa",
            json!({ "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
                "maxReplicas": 3,
            }}),
        ),
        object(
            "PodDisruptionBudget",
            "policy/v1",
            "clicks-app-pdb",
            json!({ "spec": { "minAvailable": 1, "selector": { "matchLabels": { "a": "b" } } } }),
        ),
        object(
            "PersistentVolumeClaim",
            "v1",
            "clicks-app-python-packages",
            json!({ "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            }}),
        ),
        object(
            "StatefulSet",
            "apps/v1",
            "clicks-app",
            json!({ "spec": {
                "replicas": 0,
                "serviceName": "x",
                "selector": {"matchLabels": {"a": "b"}},
                "template": pod,
            }}),
        ),
    ]
}

#[test]
fn objects_of_every_kind_stay_with_their_users() {
    let namespace = Namespace::new("foreign-all");
    let theirs = objects_of_a_user();
    namespace.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": theirs }).to_string());
    let read = |object: &Value| {
        let text = |value: &Value| value.as_str().expect("text").to_lowercase();
        let mut live = namespace.get(&text(&object["kind"]), &text(&object["metadata"]["name"]));
        live.as_object_mut().expect("an object").remove("status");
        let metadata = live["metadata"].as_object_mut().expect("metadata");
        metadata.retain(|field, _| !matches!(field.as_str(), "resourceVersion" | "managedFields"));
        live
    };
    let before: Vec<Value> = theirs.iter().map(read).collect();
    namespace.apply(
        &APP.replace("spec:", "spec:\n  pythonPackages: {packages: [requests], cache: {enabled: true}}"),
    );
    let app = namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "Error"));
    let reported = message(&app, "Progressing");
    for object in &theirs {
        let name = format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', "");
        assert!(reported.contains(&format!("{name} {FOREIGN}")), "{name}: {reported}");
    }
    assert_eq!(theirs.iter().map(read).collect::<Vec<_>>(), before);
    // The other objects are made.
    assert!(namespace.get("service", "clicks-app").is_object());

    namespace.run(&["delete", "kasprapp", "clicks", "--cascade=foreground", "--wait"]);
    assert_eq!(theirs.iter().map(read).collect::<Vec<_>>(), before);
}

#[test]
fn one_refused_object_does_not_stop_the_others() {
    let namespace = Namespace::new("refused");
    namespace.apply(
        "
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {services: '1'}}
",
    );
    eventually("the quota counts", || {
        let quota = namespace.get("resourcequota", "quota");
        if quota["status"]["hard"]["services"] == "1" { Ok(()) } else { Err(quota.to_string()) }
    });
    namespace.apply(APP);
    let app = namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "Error"));
    let reported = message(&app, "Progressing");
    assert!(
        reported.contains("exceeded quota: quota, requested: services=1, used: services=1"),
        "{reported}"
    );
    assert!(!reported.contains("Status {"), "{reported}");
    namespace.wait_for(SET, "clicks-app", Value::is_object);
    namespace.wait_for("horizontalpodautoscaler", "clicks-app-hpa", Value::is_object);
    let warnings = || {
        let events =
            namespace.run(&["get", "events", "--field-selector=type=Warning,reason=Error", "-o", "json"]);
        let events: Value = serde_json::from_str(&events).expect("JSON");
        events["items"].as_array().expect("events").len()
    };
    eventually("one event", || if warnings() == 1 { Ok(()) } else { Err(warnings().to_string()) });
    namespace.run(&["delete", "resourcequota", "quota"]);
    namespace.wait_for("kasprapp", "clicks", ready);
    assert_eq!(warnings(), 1);
}

#[test]
fn a_deleted_namespace_causes_no_errors() {
    let namespace = Namespace::new("ended");
    namespace.apply(&format!("{APP}---{AGENT}---{TABLE}"));
    namespace.wait_for("kasprapp", "clicks", ready);
    namespace.run(&["delete", "namespace", &namespace.name, "--wait"]);
    let complaints: Vec<Value> = crate::harness::operator()
        .lines()
        .into_iter()
        .filter(|line| line["level"] != "INFO" && line.to_string().contains(&namespace.name))
        .collect();
    assert_eq!(complaints, Vec::<Value>::new());
}
