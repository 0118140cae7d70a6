//! From `kubectl apply` to running members, and everything that changes after it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Namespace, condition, eventually};

pub(crate) const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  replicas: 2
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: persistent-claim, size: 1Gi, deleteClaim: true}
";

const TABLE: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: counts, labels: {kaspr.io/app: clicks}}
spec: {name: counts, partitions: 6}
";

const JOIN: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprJoin
metadata: {name: pairs, labels: {kaspr.io/app: clicks}}
spec: {leftTable: counts, rightTable: names, extractor: {python: 'def key(v): return v'}}
";

pub(crate) const SET: &str = "statefulset";

pub(crate) fn ready(object: &Value) -> bool {
    condition(object, "Ready", "True", "Healthy")
        && object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// An app that runs, in a namespace of its own.
pub(crate) fn running(prefix: &str, more: &str) -> Namespace {
    let namespace = Namespace::new(prefix);
    namespace.apply(&format!("{APP}---{more}"));
    namespace.wait_for("kasprapp", "clicks", ready);
    namespace
}

fn variable(set: &Value, name: &str) -> Option<String> {
    let env = set["spec"]["template"]["spec"]["containers"][0]["env"].as_array()?;
    Some(env.iter().find(|variable| variable["name"] == name)?["value"].as_str()?.to_owned())
}

fn versions(namespace: &Namespace) -> BTreeMap<String, Value> {
    let kinds = "configmap,horizontalpodautoscaler,service,serviceaccount,statefulset,persistentvolumeclaim";
    let versioned = |o: Value| {
        (format!("{}/{}", o["kind"], o["metadata"]["name"]), o["metadata"]["resourceVersion"].clone())
    };
    namespace.list(kinds).into_iter().map(versioned).collect()
}

#[test]
fn an_app_becomes_ready_and_reports_it() {
    let namespace = running("ready", TABLE);
    namespace.run(&["wait", "kasprapp/clicks", "--for=condition=Ready", "--timeout=60s"]);
    let app = namespace
        .wait_for("kasprapp", "clicks", |app| app["status"]["linkedResources"]["tables"][0].is_object());
    assert_eq!(app["status"]["kasprVersion"], "0.11.19");
    assert_eq!(app["status"]["linkedResources"]["tables"][0]["tableName"], "counts");
    assert!(condition(&app, "Progressing", "False", "ReconcileComplete"));
    let table =
        namespace.wait_for("kasprtable", "counts", |table| condition(table, "Ready", "True", "Defined"));
    assert_eq!(table["status"]["app"]["status"], "AppFound");
    assert_eq!(table["status"]["configMap"], "counts-table");
    eventually("an event", || {
        let events = namespace.run(&["events", "--for", "kasprapp/clicks"]);
        if events.contains("ServiceAccount clicks-app") && events.contains("StatefulSet clicks-app") {
            Ok(())
        } else {
            Err(events)
        }
    });
}

#[test]
fn numbers_and_booleans_of_open_maps_reach_the_members_as_text() {
    let namespace = Namespace::new("maps");
    let table = TABLE.replace(
        "partitions: 6",
        "partitions: 6, extraTopicConfigs: {retention.ms: 604800000, unclean.leader.election.enable: false, cleanup.policy: compact}",
    );
    namespace.apply(&format!("{APP}---{table}"));
    let map = namespace.wait_for("configmap", "counts-table", Value::is_object);
    let definition = map["data"]["counts-table.yaml"].as_str().expect("a definition");
    let definition: Value = serde_saphyr::from_str(definition).expect("YAML");
    let expected = serde_json::json!({
        "retention.ms": "604800000",
        "unclean.leader.election.enable": "false",
        "cleanup.policy": "compact",
    });
    assert_eq!(definition["tables"][0]["extra_topic_configs"], expected);
    // What the user wrote stays as it is.
    let spec = &namespace.get("kasprtable", "counts")["spec"]["extraTopicConfigs"];
    assert_eq!(spec["retention.ms"], 604_800_000);
    let refused = namespace.refused(&table.replace("604800000", "[1]"));
    assert!(refused.contains("a string, a number or a boolean"), "{refused}");
}

/// A loaded machine may need more than a second between two documents, so one of several attempts must succeed.
#[test]
fn a_folder_that_is_applied_at_once_starts_each_pod_once() {
    let revisions = |attempt: usize| {
        let namespace = running(&format!("folder-{attempt}"), TABLE);
        namespace.wait_for(SET, "clicks-app", |set| set.to_string().contains("counts-table"));
        namespace.list("controllerrevisions").len()
    };
    assert!((0..5).any(|attempt| revisions(attempt) == 1));
}

#[test]
fn drift_of_any_owned_field_is_corrected() {
    let namespace = running("drift", TABLE);
    let patches = [
        ("configmap", "clicks-app-config", r#"{"data":{"K_WEB_PORT":"1"}}"#, "/data/K_WEB_PORT"),
        ("configmap", "counts-table", r#"{"data":{"counts-table.yaml":"x"}}"#, "/data/counts-table.yaml"),
        (
            "service",
            "clicks-app-api",
            r#"{"metadata":{"labels":{"kaspr.io/app":"x"}}}"#,
            "/metadata/labels/kaspr.io~1app",
        ),
        ("horizontalpodautoscaler", "clicks-app-hpa", r#"{"spec":{"maxReplicas":9}}"#, "/spec/maxReplicas"),
        (
            SET,
            "clicks-app",
            r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1,"serviceAccountName":"x"}}}}"#,
            "/spec/template/spec/serviceAccountName",
        ),
    ];
    for (kind, name, patch, pointer) in patches {
        let before = namespace.get(kind, name).pointer(pointer).cloned();
        assert!(before.is_some(), "{kind} {name} {pointer}");
        namespace.run(&["patch", kind, name, "--type=merge", "-p", patch]);
        namespace.wait_for(kind, name, |object| object.pointer(pointer) == before.as_ref());
    }
    // A patch with another key replaces an item of a list: the old one comes back, and the new one goes.
    let container = "/spec/template/spec/containers/0";
    let keys = [
        ("service", "clicks-app-api", "/spec/ports/0/port".to_owned(), Value::from(81)),
        (SET, "clicks-app", format!("{container}/env/0/name"), Value::from("X")),
        (SET, "clicks-app", format!("{container}/volumeMounts/0/mountPath"), Value::from("/x")),
        (SET, "clicks-app", format!("{container}/ports/0/containerPort"), Value::from(81)),
    ];
    for (kind, name, pointer, value) in keys {
        let spec = |object: &Value| object["spec"].clone();
        let before = spec(&namespace.get(kind, name));
        let patch = serde_json::json!([{ "op": "replace", "path": pointer, "value": value }]).to_string();
        namespace.run(&["patch", kind, name, "--type=json", "-p", &patch]);
        namespace.wait_for(kind, name, |object| spec(object) == before);
    }
    for (kind, name) in
        [("configmap", "counts-table"), ("serviceaccount", "clicks-app"), ("service", "clicks-app")]
    {
        let uid = namespace.get(kind, name)["metadata"]["uid"].clone();
        namespace.run(&["delete", kind, name]);
        namespace.wait_for(kind, name, |object| object.is_object() && object["metadata"]["uid"] != uid);
    }
}

#[test]
fn only_what_differs_is_written() {
    let namespace = running("quiet", TABLE);
    let before = versions(&namespace);
    namespace.run(&["patch", "kasprapp", "clicks", "--type=merge", "-p", r#"{"spec":{"replicas":3}}"#]);
    namespace.wait_for("horizontalpodautoscaler", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 3);
    let app = namespace.wait_for("kasprapp", "clicks", |app| app["status"]["availableMembers"] == "1/3");
    assert_eq!(app["status"]["observedGeneration"], app["metadata"]["generation"]);
    let mut after = versions(&namespace);
    let hpa = "\"HorizontalPodAutoscaler\"/\"clicks-app-hpa\"";
    assert_ne!(before[hpa], after[hpa]);
    after.insert(hpa.to_owned(), before[hpa].clone());
    assert_eq!(before, after);
}

#[test]
fn a_change_of_a_component_rolls_its_app() {
    let namespace = running("roll", TABLE);
    let set = namespace.wait_for(SET, "clicks-app", |set| variable(set, "TABLES_HASH").is_some());
    let before = variable(&set, "TABLES_HASH");
    namespace.apply(&TABLE.replace("partitions: 6", "partitions: 12"));
    namespace.wait_for(SET, "clicks-app", |set| {
        variable(set, "TABLES_HASH").is_some_and(|hash| Some(hash) != before)
    });
    let map = namespace.get("configmap", "counts-table");
    assert!(map["data"]["counts-table.yaml"].as_str().is_some_and(|text| text.contains("partitions: 12")));
}

#[test]
fn a_component_can_move_and_be_deleted() {
    let namespace = running("move", TABLE);
    namespace.apply(&APP.replace("clicks", "views"));
    namespace.wait_for("kasprapp", "views", ready);
    let mounted = |set: &Value| set.to_string().contains("counts-table.yaml");
    namespace.wait_for(SET, "clicks-app", mounted);
    namespace.apply(&TABLE.replace("kaspr.io/app: clicks", "kaspr.io/app: views"));
    namespace.wait_for(SET, "views-app", mounted);
    namespace.wait_for(SET, "clicks-app", |set| !mounted(set));
    namespace.run(&["delete", "kasprtable", "counts"]);
    namespace.wait_for(SET, "views-app", |set| !mounted(set));
    namespace.wait_for("configmap", "counts-table", Value::is_null);
}

#[test]
fn deleting_an_app_cleans_up() {
    let namespace = running("delete", TABLE);
    namespace.run(&["delete", "kasprapp", "clicks"]);
    for (kind, name) in [
        (SET, "clicks-app"),
        ("service", "clicks-app"),
        ("service", "clicks-app-api"),
        ("serviceaccount", "clicks-app"),
        ("configmap", "clicks-app-config"),
        ("horizontalpodautoscaler", "clicks-app-hpa"),
        ("persistentvolumeclaim", "clicks-app-pv-clicks-app-0"),
    ] {
        namespace.wait_for(kind, name, Value::is_null);
    }
    let table =
        namespace.wait_for("kasprtable", "counts", |table| condition(table, "Ready", "False", "AppNotFound"));
    assert_eq!(table["status"]["app"]["status"], "AppNotFound");
    namespace.apply(APP);
    namespace.wait_for("kasprtable", "counts", |table| condition(table, "Ready", "True", "Defined"));
}

#[test]
fn no_replicas_stop_an_app_and_some_start_it() {
    let namespace = running("stop", "");
    namespace.run(&["patch", "kasprapp", "clicks", "--type=merge", "-p", r#"{"spec":{"replicas":0}}"#]);
    namespace.wait_for("horizontalpodautoscaler", "clicks-app-hpa", Value::is_null);
    namespace.wait_for(SET, "clicks-app", |set| set["spec"]["replicas"] == 0);
    namespace.wait_for("kasprapp", "clicks", |app| app["status"]["availableMembers"] == "0/0");
    namespace.run(&["patch", "kasprapp", "clicks", "--type=merge", "-p", r#"{"spec":{"replicas":2}}"#]);
    namespace.wait_for(SET, "clicks-app", |set| set["spec"]["replicas"] == 1);
    namespace.wait_for("horizontalpodautoscaler", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 2);
}

#[test]
fn a_paused_app_is_left_alone() {
    let namespace = running("pause", "");
    namespace.run(&["annotate", "kasprapp", "clicks", "kaspr.io/pause-reconciliation=true"]);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "Paused"));
    let before = versions(&namespace);
    namespace.run(&["patch", "kasprapp", "clicks", "--type=merge", "-p", r#"{"spec":{"replicas":5}}"#]);
    namespace.wait_for("kasprapp", "clicks", |app| {
        app["status"]["observedGeneration"] == app["metadata"]["generation"]
    });
    assert_eq!(before, versions(&namespace));
    namespace.run(&["annotate", "kasprapp", "clicks", "kaspr.io/pause-reconciliation-"]);
    namespace.wait_for("horizontalpodautoscaler", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 5);
    namespace
        .wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "ReconcileComplete"));
}

#[test]
fn a_join_waits_for_its_tables_and_is_in_one_file_with_them() {
    let namespace = running("join", &format!("{TABLE}---{JOIN}"));
    let join =
        namespace.wait_for("kasprjoin", "pairs", |join| condition(join, "Ready", "False", "TableNotFound"));
    assert_eq!(join["status"]["leftTable"]["status"], "LeftTableFound");
    assert_eq!(join["status"]["rightTable"]["status"], "RightTableNotFound");
    namespace.apply(&TABLE.replace("counts", "names"));
    namespace.wait_for("kasprjoin", "pairs", |join| condition(join, "Ready", "True", "Defined"));
    let map = namespace.wait_for("configmap", "clicks-app-joins", |map| map.to_string().contains("names"));
    let text = map["data"]["clicks-app-joins.yml"].as_str().unwrap_or_default();
    let file: Value = serde_saphyr::from_str(text).expect("YAML");
    let names = |list: &str| -> Vec<Value> {
        file[list].as_array().into_iter().flatten().map(|d| d["name"].clone()).collect()
    };
    assert_eq!(
        (names("tables"), names("joins")),
        (vec!["counts".into(), "names".into()], vec!["pairs".into()])
    );
    let set = namespace.wait_for(SET, "clicks-app", |set| set.to_string().contains("clicks-app-joins.yml"));
    assert!(!set.to_string().contains("counts-table.yaml"), "the table would be defined twice");
    namespace.run(&["delete", "kasprjoin", "pairs"]);
    namespace.wait_for("configmap", "clicks-app-joins", Value::is_null);
    namespace.wait_for(SET, "clicks-app", |set| set.to_string().contains("counts-table.yaml"));
}

#[test]
fn the_finalizer_of_the_python_operator_blocks_no_deletion() {
    let namespace = running("takeover", "");
    let marks = "finalizers: [kopf.zalando.org/KopfFinalizerMarker, example.com/mine], \
                 annotations: {kopf.zalando.org/last-handled-configuration: '{}', example.com/mine: x}";
    namespace.apply(&TABLE.replace("name: counts, labels", &format!("name: counts, {marks}, labels")));
    let table = namespace
        .wait_for("kasprtable", "counts", |table| !table.to_string().contains("KopfFinalizerMarker\""));
    assert_eq!(table["metadata"]["finalizers"], serde_json::json!(["example.com/mine"]));
    assert_eq!(table["metadata"]["annotations"]["example.com/mine"], "x");
    assert!(table["metadata"]["annotations"].get("kopf.zalando.org/last-handled-configuration").is_none());
    namespace.run(&[
        "patch",
        "kasprtable",
        "counts",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
}

#[test]
fn the_spec_reaches_the_pods_and_scales() {
    let namespace = Namespace::new("spec");
    namespace.apply(
        "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  replicas: 3
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  tls: {caSecret: {secretName: brokers}, certificateSecret: {secretName: member, certificateKey: cert.pem}}
  storage: {type: ephemeral}
  config: {webBasePath: /shop/}
  livenessProbe: {periodSeconds: 7}
  readinessProbe: {initialDelaySeconds: 3}
  template: {podDisruptionBudget: {maxUnavailable: 2, metadata: {labels: {team: web}}}}
",
    );
    let set = namespace.wait_for(SET, "clicks-app", |set| !set.is_null());
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/shop/status/");
    assert_eq!(container["livenessProbe"]["httpGet"]["port"], "http");
    assert_eq!(container["livenessProbe"]["periodSeconds"], 7);
    assert_eq!(container["readinessProbe"]["initialDelaySeconds"], 3);
    assert_eq!(variable(&set, "SSL_CERT_FILE").as_deref(), Some("/var/run/secrets/kafka-ca/ca.crt"));
    let volume = |name: &str| {
        let volumes = pod["volumes"].as_array().into_iter().flatten();
        volumes.clone().find(|volume| volume["name"] == name).map(|volume| volume["secret"].clone())
    };
    assert_eq!(volume("kafka-ca").expect("a volume")["secretName"], "brokers");
    let certificate = volume("kafka-certificate").expect("a volume");
    assert_eq!(certificate["items"][0], serde_json::json!({ "key": "cert.pem", "path": "tls.crt" }));
    let budget = namespace.get("poddisruptionbudget", "clicks-app-pdb");
    assert_eq!(budget["spec"]["maxUnavailable"], 2);
    assert_eq!(budget["metadata"]["labels"]["team"], "web");

    namespace.wait_for("kasprapp", "clicks", |app| app["status"]["replicas"] == 1);
    namespace.run(&["scale", "kasprapp", "clicks", "--replicas=1"]);
    namespace.wait_for("horizontalpodautoscaler", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 1);
    namespace.wait_for("poddisruptionbudget", "clicks-app-pdb", Value::is_null);
}

#[test]
fn an_autoscaler_without_metrics_is_explained() {
    let namespace = running("metricless", "");
    let app = namespace.get("kasprapp", "clicks");
    let words = app["status"]["conditions"].to_string();
    assert!(words.contains("1 of 2 members are available: replicas stay at the minimum of 1"), "{words}");
    assert!(words.contains("metrics-server"), "{words}");
}
