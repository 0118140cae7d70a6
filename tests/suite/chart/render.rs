//! The rendered manifests in each mode, validated by a real API server.

use std::process::Command;

use control_plane::ControlPlane;
use serde_json::{Value, json};

use super::{NAME, chart, documents, failed, helm, object, succeeded, template};
use crate::harness::{BINARY, kubectl_of, text};

/// All features that can be enabled together.
const ALL: &[&str] = &[
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboards.enabled=true",
    "metrics.dashboards.extra.scheduler=json",
    "networkPolicy.egress.enabled=true",
    "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=platform",
    "priorityClassName=system-cluster-critical",
    "webhooks.default.failurePolicy=Ignore",
    "webhooks.excludedNamespaces={sandbox}",
    "imagePullSecrets[0].name=registry",
    "settings.hungRebalancingThresholdSeconds=1000000",
    "settings.autoRebalance=false",
    "extraEnv[0].name=RUST_BACKTRACE",
    "extraEnv[0].value=full",
];

/// The modes, with the values that select them.
const MODES: &[(&str, &[&str])] = &[
    ("cert-manager", &[]),
    ("an issuer that is there", &["certificates.certManager.issuerRef.name=internal"]),
    ("builtin", &["certificates.mode=builtin"]),
    ("existing", &["certificates.mode=existing", "certificates.existing.secretName=tls"]),
    ("one namespace", &["watchNamespace=apps"]),
    ("one namespace, builtin", &["watchNamespace=apps", "certificates.mode=builtin"]),
    ("the node's network", &["hostNetwork=true", "webhooks.port=9443"]),
    ("no Lease", &["leaderElection.enabled=false", "replicas=1"]),
    ("everything", ALL),
    ("a digest", &["image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000"]),
];

#[test]
fn helm_lint_has_no_warnings() {
    let home = tempfile::tempdir().expect("a folder");
    for (mode, values) in MODES {
        let mut lint = helm(home.path());
        lint.args(["lint", "--strict"]).arg(chart()).args(values.iter().flat_map(|value| ["--set", value]));
        assert!(!succeeded(&mut lint).contains("[WARNING]"), "{mode}");
    }
}

#[test]
fn an_api_server_accepts_every_mode() {
    let plane = ControlPlane::builder().without_controller_manager().without_scheduler();
    let plane = plane.start().expect("a control plane");
    let apply = |args: &[&str], manifests: &str| {
        let output = kubectl_of(&plane, &[&["apply", "--server-side"], args].concat(), manifests);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    apply(&["-f", "-"], include_str!("stand-ins.yaml"));
    for namespace in [NAME, "apps"] {
        // Pods that violate the standard are rejected; other objects cause warnings.
        let labels = json!({
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
        });
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}});
        apply(&["-f", "-"], &namespace.to_string());
    }
    for (mode, values) in MODES {
        let said = apply(&["--dry-run=server", "-f", "-"], &template(values));
        // The standard forbids the host network, which one mode uses.
        let complaints: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("Warning") && !line.contains("(hostNetwork=true)"))
            .collect();
        assert!(complaints.is_empty(), "{mode}: {said}");
    }
}

#[test]
fn unknown_and_impossible_values_are_refused() {
    let home = tempfile::tempdir().expect("a folder");
    for (value, words) in [
        ("replica=3", "additional properties 'replica' not allowed"),
        ("certificates.mode=self", "value must be one of 'certManager', 'builtin', 'existing'"),
        ("certificates.mode=existing", "certificates.existing.secretName must name a Secret"),
        ("settings.autoRebalanc=true", "additional properties 'autoRebalanc' not allowed"),
        ("hostNetwork=true", "port 10250 of a node is kubelet's"),
        ("webhooks.validate.failurePolicy=fail", "value must be one of 'Fail', 'Ignore'"),
        (
            "test.namespace=kaspr-operator",
            "test.namespace must be another one than kube-system, kaspr-operator,",
        ),
        ("webhooks.excludedNamespaces={default}", "test.namespace must be another one than"),
        ("leaderElection.enabled=false", "leaderElection.enabled=false needs replicas=1"),
    ] {
        let mut command = helm(home.path());
        command.args(["template", NAME]).arg(chart()).args(["--namespace", NAME, "--set", value]);
        let said = failed(&mut command);
        assert!(said.contains(words), "{value}: {said}");
    }
}

#[test]
fn a_namespaced_operator_has_no_cluster_wide_permissions() {
    let rendered = documents(&template(&["watchNamespace=apps", "deregister.enabled=false"]));
    let kinds: Vec<&str> = rendered.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert!(!kinds.contains(&"ClusterRole") && !kinds.contains(&"ClusterRoleBinding"), "{kinds:?}");
    let name = format!("{NAME}-{NAME}");
    let webhooks = &object(&rendered, "ValidatingWebhookConfiguration", &name)["webhooks"];
    assert_eq!(
        webhooks[0]["namespaceSelector"]["matchExpressions"],
        json!([{ "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["apps"] }])
    );
    assert_eq!(object(&rendered, "Role", &name)["metadata"]["namespace"], "apps");
}

#[test]
fn pods_are_replaced_without_a_gap() {
    let rendered = documents(&template(&["drainSeconds=20"]));
    let spec = &object(&rendered, "Deployment", NAME)["spec"];
    assert_eq!(spec["replicas"], 2);
    assert_eq!(spec["strategy"]["rollingUpdate"], json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    let pod = &spec["template"]["spec"];
    // The drain period, and the time for the process to exit.
    assert_eq!(pod["terminationGracePeriodSeconds"], 50);
    assert_eq!(variable(pod, "DRAIN_SECONDS"), Some("20"));
    let keys: Vec<&Value> = pod["topologySpreadConstraints"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| &c["topologyKey"])
        .collect();
    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    assert_eq!(object(&rendered, "PodDisruptionBudget", NAME)["spec"]["maxUnavailable"], 1);
}

#[test]
fn without_a_lease_the_old_pod_is_deleted_first() {
    let rendered = documents(&template(&["leaderElection.enabled=false", "replicas=1"]));
    let strategy = &object(&rendered, "Deployment", NAME)["spec"]["strategy"];
    assert_eq!(*strategy, json!({ "type": "Recreate" }));
}

#[test]
fn settings_are_passed_in_known_variables() {
    let all = [
        "settings.imageRegistry=registry.example",
        "settings.clusterDomain=k8s.example.org",
        "settings.scaleUpPodsPerStep=2",
        "settings.scaleUpPeriodSeconds=30",
        "settings.initialMaxReplicas=2",
        "settings.clientStatusCheck=false",
        "settings.clientStatusCheckTimeoutSeconds=5",
        "settings.autoRebalance=false",
        "memberLogs.enabled=false",
        "settings.hungMemberDetection=false",
        "settings.hungRebalancingThresholdSeconds=1000000",
        "settings.rolloutOnFailure=hold",
        "settings.statefulsetDeletionTimeoutSeconds=9",
        "watchNamespace=apps",
        "certificates.mode=builtin",
    ];
    let rendered = documents(&template(&all));
    let pod = &object(&rendered, "Deployment", NAME)["spec"]["template"]["spec"];
    assert_eq!(variable(pod, "HUNG_REBALANCING_THRESHOLD_SECONDS"), Some("1000000"));
    assert_eq!(variable(pod, "AUTO_REBALANCE_ENABLED"), Some("false"));
    assert_eq!(variable(pod, "MEMBER_LOGS_ENABLED"), Some("false"));
    assert_eq!(variable(pod, "ROLLOUT_ON_FAILURE"), Some("hold"));
    assert_eq!(variable(pod, "KASPR_IMAGE_REGISTRY"), Some("registry.example"));
    assert_eq!(variable(pod, "CLUSTER_DOMAIN"), Some("k8s.example.org"));
    let help = succeeded(Command::new(BINARY).args(["run", "--help"]));
    let names = pod["containers"][0]["env"].as_array().expect("variables");
    let unknown: Vec<&str> = names
        .iter()
        .filter_map(|variable| variable["name"].as_str())
        .filter(|name| !help.contains(&format!("[env: {name}=")))
        .collect();
    assert!(unknown.is_empty(), "`run` does not know {unknown:?}");
}

#[test]
fn the_permission_to_read_logs_can_be_left_out() {
    for (values, expected) in [(&[][..], true), (&["memberLogs.enabled=false"], false)] {
        for scope in [&[][..], &["watchNamespace=apps"]] {
            let rendered = template(&[values, scope].concat());
            assert_eq!(rendered.contains("pods/log"), expected, "{values:?} {scope:?}");
        }
    }
}

fn variable<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    let env = pod["containers"][0]["env"].as_array()?;
    env.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}
