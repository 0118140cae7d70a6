//! What `kubectl apply` says of bad manifests, and what it makes of good ones.

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

/// Without what is said of the apps of other tests.
fn without_warnings(said: &str) -> String {
    let errors: Vec<&str> = said.lines().filter(|line| !line.starts_with("Warning: ")).collect();
    errors.join("\n")
}

/// The app with more lines in its spec.
fn app_with(lines: &str) -> String {
    format!("{APP}  {}\n", lines.replace('\n', "\n  "))
}

#[test]
fn one_mistake_is_one_line() {
    let namespace = Namespace::new("one-mistake");
    let said = namespace.refused(&app_with("pythonPackages: {packages: [a], cache: {type: gcs}}"));
    assert_eq!(
        without_warnings(&said),
        "The KasprApp \"clicks\" is invalid: spec.pythonPackages.cache.gcs: Required value: must be given when type is 'gcs'"
    );
    assert!(namespace.get("kasprapp", "clicks").is_null());
}

#[test]
fn all_mistakes_are_told_at_once() {
    let namespace = Namespace::new("all-mistakes");
    let said = namespace.refused(&app_with(
        "pythonPackages: {packages: ['a; rm -rf /'], cache: {type: gcs, gcs: {bucket: b, secretRef: {name: s}}}}\n\
         config: {topicPartition: 12}\n\
         template: {kasprContainer: {volumeMounts: [{name: ca, mountPath: /ca}]}}",
    ));
    let fields: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("* ")?.split(": ").next()).collect();
    assert_eq!(
        fields,
        [
            "spec.config.topicPartition",
            "spec.pythonPackages.packages[0]",
            "spec.pythonPackages.cache.gcs.bucket",
            "spec.template.kasprContainer.volumeMounts[0].name",
        ],
        "{said}"
    );
    assert!(said.contains("did you mean 'topicPartitions'?"), "{said}");
}

#[test]
fn a_long_list_is_cut() {
    let namespace = Namespace::new("long-list");
    let packages: Vec<String> = (0..80).map(|i| format!("'-{i}'")).collect();
    let said =
        namespace.refused(&app_with(&format!("pythonPackages: {{packages: [{}]}}", packages.join(", "))));
    assert_eq!(said.lines().filter(|line| line.starts_with("* spec.pythonPackages.packages[")).count(), 50);
    assert!(said.contains("* spec: 30 more mistakes are not shown"), "{said}");
}

#[test]
fn warnings_do_not_refuse() {
    let namespace = Namespace::new("warnings");
    let said = namespace.apply(&app_with(
        "replicas: 3\nconfig: {topicPartitions: 2}\n\
         pythonPackages: {packages: [a], cache: {type: gcs, enabled: true, gcs: {bucket: bucket, secretRef: {name: s}}}}",
    ));
    for warning in [
        "Warning: spec.replicas: exceeds config.topicPartitions (2): the members above it idle",
        "Warning: spec.pythonPackages.cache.enabled: has no effect when type is 'gcs'",
    ] {
        assert!(said.lines().any(|line| line == warning), "{said}");
    }
}

#[test]
fn absent_fields_are_filled_in() {
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

/// What is changed about a running app, and the words that refuse it.
const FIXED: &[(&str, &str, &str)] = &[
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
fn what_is_fixed_stays() {
    for (before, after, words) in FIXED {
        let namespace = Namespace::new("fixed");
        namespace.apply(&app_with(before));
        let changed = if after.starts_with("storage") {
            APP.replace("storage: {type: persistent-claim, size: 2Gi}", after)
        } else {
            app_with(after)
        };
        let said = namespace.refused(&changed);
        assert_eq!(without_warnings(&said), format!("The KasprApp \"clicks\" is invalid: {words}"));
    }
}

#[test]
fn dry_run_answers_the_same() {
    let namespace = Namespace::new("dry-run");
    let bad = app_with("pythonPackages: {packages: []}");
    let said = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"], &bad);
    assert_eq!(crate::harness::text(&said.stderr), namespace.refused(&bad));
}

#[test]
fn a_component_says_which_app_it_belongs_to() {
    let namespace = Namespace::new("component");
    let table = "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {name: t}\nspec: {name: t}\n";
    let said = namespace.refused(table);
    assert_eq!(
        without_warnings(&said),
        "The KasprTable \"t\" is invalid: metadata.labels[kaspr.io/app]: Required value: must name the KasprApp that runs the component"
    );
}
