use proptest::{collection::btree_map, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{Defaults, apply_defaults, remove::remove_defaults};
use crate::api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView};

fn with_defaults_applied<T: Defaults>(spec: Value) -> Value {
    let mut object = json!({ "spec": spec });
    apply_defaults::<T>(&mut object);
    object["spec"].take()
}

fn parse_yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn assert_defaults<T: Defaults>(rows: &[(&str, &str)]) {
    for (spec, expected) in rows {
        similar_asserts::assert_eq!(
            with_defaults_applied::<T>(parse_yaml(spec)),
            parse_yaml(expected),
            "{}",
            spec
        );
    }
}

#[test]
fn apps() {
    const POLICY: &str = "installPolicy: {retries: 3, timeout: 600, onFailure: block}";
    let packages = |given: &str, got: &str| {
        (
            format!("{{pythonPackages: {{packages: [a], {given}}}}}"),
            format!("{{replicas: 1, pythonPackages: {{packages: [a], {got}}}}}"),
        )
    };
    let rows = [
        ("{}".to_owned(), "{replicas: 1}".to_owned()),
        (
            "{replicas: 0, storage: {type: ephemeral}}".to_owned(),
            "{replicas: 0, storage: {type: ephemeral}}".to_owned(),
        ),
        ("{replicas: null}".to_owned(), "{replicas: 1}".to_owned()),
        packages("indexUrl: 'https://a'", &format!("indexUrl: 'https://a', {POLICY}")),
        packages(
            "installPolicy: {retries: 0, onFailure: warn}",
            "installPolicy: {retries: 0, timeout: 600, onFailure: warn}",
        ),
        packages(
            "credentials: {secretRef: {name: s, usernameKey: user}}",
            &format!(
                "credentials: {{secretRef: {{name: s, usernameKey: user, passwordKey: password}}}}, {POLICY}"
            ),
        ),
        packages(
            "cache: {enabled: true}",
            &format!(
                "cache: {{type: pvc, enabled: true, accessMode: ReadWriteMany, size: 256Mi, deleteClaim: true}}, {POLICY}"
            ),
        ),
        packages(
            "cache: {type: gcs, gcs: {bucket: b, secretRef: {name: s}}}",
            &format!(
                "cache: {{type: gcs, enabled: false, accessMode: ReadWriteMany, gcs: {{bucket: b, prefix: kaspr-packages/, \
                 maxArchiveSize: 1Gi, secretRef: {{name: s, key: sa.json}}}}}}, {POLICY}"
            ),
        ),
        packages(
            "cache: {type: s3, s3: {bucket: b, secretRef: {name: s}}}",
            &format!(
                "cache: {{type: s3, enabled: false, accessMode: ReadWriteMany, s3: {{bucket: b, prefix: kaspr-packages/, \
                 maxArchiveSize: 1Gi, secretRef: {{name: s, accessKeyIdKey: accessKeyId, secretAccessKeyKey: secretAccessKey}}}}}}, {POLICY}"
            ),
        ),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(given, got)| (given.as_str(), got.as_str())).collect();
    assert_defaults::<KasprApp>(&rows);
}

#[test]
fn default_values_are_removed() {
    let without_defaults = |spec: &str| {
        let mut spec: Value = serde_saphyr::from_str(spec).expect("YAML");
        remove_defaults::<KasprApp>(spec.as_object_mut().expect("a spec"));
        spec
    };
    for (given, expected) in [
        ("{replicas: 1, version: 1.2.3}", "{version: 1.2.3}"),
        ("{replicas: 2}", "{replicas: 2}"),
        (
            "{pythonPackages: {packages: [a], installPolicy: {retries: 3, timeout: 60}}}",
            "{pythonPackages: {packages: [a], installPolicy: {timeout: 60}}}",
        ),
        (
            "{pythonPackages: {packages: [a], cache: {type: pvc, enabled: true, size: 256Mi, deleteClaim: false}}}",
            "{pythonPackages: {packages: [a], cache: {enabled: true, deleteClaim: false}}}",
        ),
        (
            "{pythonPackages: {packages: [a], cache: {type: gcs, size: 256Mi, gcs: {bucket: b, prefix: p, secretRef: {name: s, key: sa.json}}}}}",
            "{pythonPackages: {packages: [a], cache: {type: gcs, size: 256Mi, gcs: {bucket: b, prefix: p, secretRef: {name: s}}}}}",
        ),
    ] {
        let expected: Value = serde_saphyr::from_str(expected).expect("YAML");
        assert_eq!(without_defaults(given), expected, "{given}");
    }
}

#[test]
fn components() {
    assert_defaults::<KasprAgent>(&[
        ("{input: {}}", "{input: {}, isolatedPartitions: false}"),
        ("{isolatedPartitions: true}", "{isolatedPartitions: true}"),
    ]);
    assert_defaults::<KasprTask>(&[
        ("{name: a}", "{name: a, onLeader: false}"),
        ("{onLeader: true}", "{onLeader: true}"),
    ]);
    assert_defaults::<KasprJoin>(&[
        ("{leftTable: a}", "{leftTable: a, type: inner}"),
        ("{type: left}", "{type: left}"),
    ]);
    assert_defaults::<KasprTable>(&[("{name: a}", "{name: a}")]);
    assert_defaults::<KasprWebView>(&[("{name: a}", "{name: a}")]);
}

/// An object that is not a resource, or whose blocks are not objects, is not changed. Validation reports it.
#[test]
fn other_shapes_are_not_changed() {
    for mut object in [json!(null), json!([]), json!({}), json!({ "spec": 1 })] {
        let before = object.clone();
        apply_defaults::<KasprApp>(&mut object);
        assert_eq!(object, before);
    }
    assert_defaults::<KasprApp>(&[(
        "{replicas: 1, pythonPackages: [a]}",
        "{replicas: 1, pythonPackages: [a]}",
    )]);
}

/// Names of fields that defaults read, and other names.
const FIELDS: &[&str] = &[
    "replicas",
    "pythonPackages",
    "installPolicy",
    "retries",
    "timeout",
    "onFailure",
    "credentials",
    "secretRef",
    "usernameKey",
    "passwordKey",
    "cache",
    "type",
    "enabled",
    "accessMode",
    "size",
    "deleteClaim",
    "gcs",
    "prefix",
    "maxArchiveSize",
    "key",
    "isolatedPartitions",
    "onLeader",
    "packages",
    "name",
    "storage",
    "unknown",
];

/// Generates arbitrary values with these names, at any depth.
fn spec() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        select(vec!["pvc", "gcs", "", "block", "1Gi"]).prop_map(Value::from),
        Just(json!([])),
        Just(json!(["a", { "retries": null }])),
    ];
    let tree = leaf.prop_recursive(5, 60, 8, |inner| {
        btree_map(select(FIELDS), inner, 0..8).prop_map(|fields| {
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
        })
    });
    // Blocks are in their places more often than by chance.
    (tree.clone(), tree.clone(), tree.clone(), tree).prop_map(|(mut spec, mut packages, cache, gcs)| {
        let insert = |object: &mut Value, name: &str, value: Value| {
            if let Some(object) = object.as_object_mut() {
                object.insert(name.to_owned(), value);
            }
        };
        let mut cache = cache;
        insert(&mut cache, "gcs", gcs);
        insert(&mut packages, "cache", cache);
        insert(&mut spec, "pythonPackages", packages);
        spec
    })
}

/// Collects all leaves with their paths; null counts as absent.
fn collect_leaves(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect_leaves(value, &format!("{path}.{name}"), found))
        }
        other => found.push((path.to_owned(), other.clone())),
    }
}

/// Collects the paths of all objects.
fn collect_blocks(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        found.push(path.to_owned());
        fields.iter().for_each(|(name, value)| collect_blocks(value, &format!("{path}.{name}"), found));
    }
}

fn assert_invariants<T: Defaults>(spec: &Value) {
    let once = with_defaults_applied::<T>(spec.clone());
    assert_eq!(with_defaults_applied::<T>(once.clone()), once, "defaults are idempotent");
    if let (Value::Object(mut given), Value::Object(mut defaulted)) = (spec.clone(), once.clone()) {
        remove_defaults::<T>(&mut given);
        remove_defaults::<T>(&mut defaulted);
        assert_eq!(given, defaulted, "the result does not depend on whether defaults were applied");
    }

    let (mut before, mut after) = (Vec::new(), Vec::new());
    collect_leaves(spec, "", &mut before);
    collect_leaves(&once, "", &mut after);
    for leaf in &before {
        assert!(after.contains(leaf), "{leaf:?} is missing in {once}");
    }

    let (mut before, mut after) = (Vec::new(), Vec::new());
    collect_blocks(spec, "", &mut before);
    collect_blocks(&once, "", &mut after);
    for block in after.iter().filter(|block| !before.contains(block)) {
        assert_eq!(block, ".pythonPackages.installPolicy", "is the only block that may be added");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn defaults_only_add(spec in spec()) {
        assert_invariants::<KasprApp>(&spec);
        assert_invariants::<KasprAgent>(&spec);
        assert_invariants::<KasprTable>(&spec);
        assert_invariants::<KasprTask>(&spec);
        assert_invariants::<KasprWebView>(&spec);
        assert_invariants::<KasprJoin>(&spec);
    }
}
