//! Admission with `kubectl apply`: errors of invalid manifests, and defaults of valid ones.

use serde_json::json;

use crate::harness::Namespace;

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: persistent-claim, size: 2Gi}
";

/// Removes warnings, which may be about apps of other tests.
fn without_warnings(output: &str) -> String {
    let errors: Vec<&str> = output.lines().filter(|line| !line.starts_with("Warning: ")).collect();
    errors.join("\n")
}

/// Returns the app with additional lines in its spec.
fn app_with(lines: &str) -> String {
    format!("{APP}  {}\n", lines.replace('\n', "\n  "))
}

#[test]
fn one_error_is_one_line() {
    let namespace = Namespace::new("one-error");
    let output = namespace.refused(&app_with("pythonPackages: {packages: [a], cache: {type: gcs}}"));
    assert_eq!(
        without_warnings(&output),
        "The KasprApp \"clicks\" is invalid: spec.pythonPackages.cache.gcs: Required value: must be given when type is 'gcs'"
    );
    assert!(namespace.get("kasprapp", "clicks").is_null());
}

#[test]
fn all_errors_are_reported_at_once() {
    let namespace = Namespace::new("all-errors");
    let output = namespace.refused(&app_with(
        "pythonPackages: {packages: ['a; rm -rf /'], cache: {type: gcs, gcs: {bucket: b, secretRef: {name: s}}}}\n\
         config: {topicPartition: 12}\n\
         template: {kasprContainer: {volumeMounts: [{name: ca, mountPath: /ca}]}}",
    ));
    let fields: Vec<&str> =
        output.lines().filter_map(|line| line.strip_prefix("* ")?.split(": ").next()).collect();
    assert_eq!(
        fields,
        [
            "spec.config.topicPartition",
            "spec.pythonPackages.packages[0]",
            "spec.pythonPackages.cache.gcs.bucket",
            "spec.template.kasprContainer.volumeMounts[0].name",
        ],
        "{output}"
    );
    assert!(output.contains("use 'topicPartitions'"), "{output}");
}

#[test]
fn a_long_list_is_truncated() {
    let namespace = Namespace::new("long-list");
    let packages: Vec<String> = (0..80).map(|i| format!("'-{i}'")).collect();
    let output =
        namespace.refused(&app_with(&format!("pythonPackages: {{packages: [{}]}}", packages.join(", "))));
    assert_eq!(output.lines().filter(|line| line.starts_with("* spec.pythonPackages.packages[")).count(), 50);
    assert!(output.contains("* spec: 30 more errors are not shown"), "{output}");
}

#[test]
fn warnings_do_not_reject_a_resource() {
    let namespace = Namespace::new("warnings");
    let output = namespace.apply(&app_with(
        "replicas: 3\nconfig: {topicPartitions: 2}\n\
         pythonPackages: {packages: [a], cache: {type: gcs, enabled: true, gcs: {bucket: bucket, secretRef: {name: s}}}}",
    ));
    for warning in [
        "Warning: spec.replicas: exceeds config.topicPartitions (2): the members above it idle",
        "Warning: spec.pythonPackages.cache.enabled: has no effect when type is 'gcs'",
    ] {
        assert!(output.lines().any(|line| line == warning), "{output}");
    }
}

#[test]
fn absent_fields_get_default_values() {
    let namespace = Namespace::new("defaults");
    namespace.apply(&app_with(
        "pythonPackages: {packages: [a], indexUrl: 'https://host/simple', cache: {enabled: true}, credentials: {secretRef: {name: s}}}",
    ));
    let spec = namespace.get("kasprapp", "clicks")["spec"].clone();
    assert_eq!(spec["replicas"], 1);
    assert_eq!(
        spec["pythonPackages"],
        json!({
            "packages": ["a"],
            "indexUrl": "https://host/simple",
            "cache": {
                "type": "pvc", "enabled": true, "accessMode": "ReadWriteMany", "size": "256Mi", "deleteClaim": true,
            },
            "credentials": { "secretRef": { "name": "s", "usernameKey": "username", "passwordKey": "password" } },
            "installPolicy": { "retries": 3, "timeout": 600, "onFailure": "block" },
        })
    );
    assert!(spec.get("config").is_none() && spec.get("template").is_none(), "{spec}");
}

/// Changes of a running app, with their error messages.
const IMMUTABLE: &[(&str, &str, &str)] = &[
    (
        "config: {topicPartitions: 12}",
        "config: {topicPartitions: 24}",
        "spec.config.topicPartitions: Invalid value: 24: field is immutable: it was '12' when the app's topics were created",
    ),
    (
        "replicas: 1",
        "storage: {type: ephemeral}",
        "spec.storage.type: Invalid value: \"ephemeral\": field is immutable: it was 'persistent-claim'",
    ),
    (
        "replicas: 1",
        "storage: {type: persistent-claim, size: 2Gi, class: fast}",
        "spec.storage.class: Invalid value: \"fast\": field is immutable: it was unset",
    ),
    (
        "replicas: 1",
        "storage: {type: persistent-claim, size: 1Gi}",
        "spec.storage.size: Invalid value: \"1Gi\": must not be less than before ('2Gi'): a claim can only grow",
    ),
];

#[test]
fn immutable_fields_cannot_be_changed() {
    for (before, after, message) in IMMUTABLE {
        let namespace = Namespace::new("fixed");
        namespace.apply(&app_with(before));
        let changed = if after.starts_with("storage") {
            APP.replace("storage: {type: persistent-claim, size: 2Gi}", after)
        } else {
            app_with(after)
        };
        let output = namespace.refused(&changed);
        assert_eq!(without_warnings(&output), format!("The KasprApp \"clicks\" is invalid: {message}"));
    }
}

#[test]
fn a_dry_run_reports_the_same_errors() {
    let namespace = Namespace::new("dry-run");
    let bad = app_with("pythonPackages: {packages: []}");
    let output = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"], &bad);
    assert_eq!(crate::harness::text(&output.stderr), namespace.refused(&bad));
}

#[test]
fn a_component_must_name_its_app() {
    let namespace = Namespace::new("component");
    let table = "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {name: t}\nspec: {name: t}\n";
    let output = namespace.refused(table);
    assert_eq!(
        without_warnings(&output),
        "The KasprTable \"t\" is invalid: metadata.labels[kaspr.io/app]: Required value: must name the KasprApp that runs the component"
    );
}
