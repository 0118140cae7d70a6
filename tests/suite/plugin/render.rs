//! `render`: the predicted objects, compared with the objects that the operator creates.

use std::{collections::BTreeSet, fs, path::Path};

use kaspr_operator::api::{
    config_keys::{CONFIG_KEYS, ConfigKey},
    member_variables::{MEMBER_VARIABLES, PYTHONPATH},
};
use serde_json::Value;
use similar_asserts::assert_eq;

use super::{APP, alone, within};
use crate::harness::{Namespace, eventually};

/// Kinds of objects that the operator creates.
const KINDS: &str = "configmap,serviceaccount,service,horizontalpodautoscaler,poddisruptionbudget,persistentvolumeclaim,statefulset";

/// Examples that together result in every kind of object.
const EXAMPLES: [&str; 6] = ["application", "agent", "join", "packages-claim", "pod-template", "storage"];

fn items(list: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(list).expect("JSON");
    list["items"].as_array().cloned().expect("items")
}

fn place(object: &Value) -> String {
    format!(
        "{} {}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

/// Collects the fields that a rendered object has and the live object does not. Fields that the API server
/// adds are ignored.
fn lacks(live: &Value, rendered: &Value, path: &str, found: &mut Vec<String>) {
    match (live, rendered) {
        (Value::Object(live), Value::Object(fields)) => {
            for (key, value) in fields {
                lacks(live.get(key).unwrap_or(&Value::Null), value, &format!("{path}.{key}"), found);
            }
        }
        (Value::Array(live), Value::Array(items)) if live.len() == items.len() => {
            for (i, (live, item)) in live.iter().zip(items).enumerate() {
                lacks(live, item, &format!("{path}[{i}]"), found);
            }
        }
        (live, rendered) if live == rendered => {}
        _ => found.push(format!("{path}: {rendered} rendered, {live} in the cluster")),
    }
}

#[test]
fn rendered_objects_are_those_of_the_operator() {
    for example in EXAMPLES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{example}.yaml"));
        let manifests = fs::read_to_string(path).expect("an example");
        let namespace = Namespace::new("render");
        namespace.apply(&manifests);
        let rendered = items(&within(&namespace, &["render", "-", "-o", "json"], &manifests).ok());
        let names: BTreeSet<String> = rendered.iter().map(place).collect();
        eventually(example, || {
            let live = namespace.list(KINDS);
            let mut found = Vec::new();
            for object in &rendered {
                let there = live.iter().find(|live| place(live) == place(object)).unwrap_or(&Value::Null);
                lacks(there, object, &place(object), &mut found);
            }
            let made = live.iter().filter(|object| {
                object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kaspr-operator"
            });
            let made: BTreeSet<String> = made.map(place).collect();
            // The members' claims are the StatefulSet's.
            let claims = made.difference(&names).filter(|name| !name.contains("-app-pv-"));
            found.extend(claims.map(|name| format!("{name} was not rendered")));
            if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
        });
    }
}

#[test]
fn invalid_files_have_the_findings_of_validate() {
    let wrong = APP.replace("name: clicks}\n  processors", "name: clicks, pattern: x}\n  processors");
    let wrong = wrong.replace("topicPartitions: 4", "topicPartition: 4");
    let ran = alone(&["render", "-"], &wrong);
    let validated = alone(&["validate", "-"], &wrong);
    assert_eq!((ran.code, ran.said.as_str()), (1, ""));
    assert_eq!(ran.noted, validated.said);
    assert_eq!(alone(&["render", "/nonexistent"], "").code, 2);
}

#[test]
fn withheld_components_cause_a_warning() {
    let without_table =
        APP.split("---").filter(|part| !part.contains("KasprTable")).collect::<Vec<_>>().join("---");
    let ran = alone(&["render", "-", "-n", "prod"], &without_table);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.noted.contains("warning: KasprAgent prod/clicks-counter is withheld"), "{}", ran.noted);
    assert!(ran.said.contains("name: clicks-app\n") && !ran.said.contains("clicks-counter"), "{}", ran.said);
    let ran = alone(&["render", "-"], APP);
    assert!(ran.noted.is_empty() && ran.said.contains("clicks-counter-agent.yaml"), "{}", ran.noted);
}

#[test]
fn components_without_an_app_have_a_definition() {
    let table = APP.split("---").nth(1).expect("a table");
    let ran = alone(&["render", "-", "-n", "prod"], table);
    assert!(ran.code == 0 && ran.said.contains("name: clicks-counts-table\n"), "{ran:?}");
    assert!(ran.noted.contains("warning: KasprApp prod/clicks is not in the files"), "{ran:?}");
}

#[test]
fn settings_reach_the_objects() {
    let said =
        alone(&["render", "-", "--image-registry", "mirror.example", "--scale-up-pods-per-step", "7"], APP)
            .ok();
    assert!(said.contains("image: mirror.example/kasprio/kaspr:") && said.contains("value: 7"), "{said}");
}

/// The rule `environment-replaced` reads the list of the variables that the operator sets: no variable is missing there,
/// and none is too much.
#[test]
fn the_list_of_the_variables_of_members_is_complete() {
    let files: Vec<String> = ["agent", "application", "join", "task", "tls", "webview", "packages"]
        .iter()
        .map(|example| format!("examples/{example}.yaml"))
        .chain(
            ["full", "minimal", "gcs"]
                .iter()
                .map(|recorded| format!("tests/golden/{recorded}/manifest.yaml")),
        )
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut manifests: Vec<String> =
        files.iter().map(|file| fs::read_to_string(root.join(file)).expect("manifests")).collect();
    // No example has a certificate of the members.
    manifests.push(APP.replacen("spec:", "spec:\n  tls: {certificateSecret: {secretName: member}}", 1));
    let mut set = BTreeSet::new();
    for manifest in manifests {
        let rendered = items(&alone(&["render", "-", "-o", "json"], &manifest).ok());
        let stateful_sets = rendered.iter().filter(|object| object["kind"] == "StatefulSet");
        let variables = stateful_sets.flat_map(|object| {
            let container = &object["spec"]["template"]["spec"]["containers"][0];
            container["env"].as_array().cloned().expect("variables")
        });
        let names = variables.map(|variable| variable["name"].as_str().expect("a name").to_owned());
        set.extend(names.filter(|name| !manifest.contains(name.as_str())));
    }
    for name in CONFIG_KEYS.iter().map(ConfigKey::variable) {
        if !MEMBER_VARIABLES.contains(&name.as_str()) {
            set.remove(&name);
        }
    }
    // The user may set these too.
    set.retain(|name| ![PYTHONPATH, "SSL_CERT_FILE"].contains(&name.as_str()));
    assert_eq!(set, MEMBER_VARIABLES.iter().map(|name| (*name).to_owned()).collect());
}
