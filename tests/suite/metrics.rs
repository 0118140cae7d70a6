//! Metrics of the operator.

use std::collections::BTreeSet;

use crate::harness::{Namespace, condition, eventually, metrics};

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: counted}
spec:
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  pythonPackages: {packages: [requests]}
";

#[test]
fn series_are_removed_together_with_their_app() {
    let namespace = Namespace::new("metrics");
    let of_app = |text: &str| -> BTreeSet<String> {
        let whose = format!("namespace=\"{}\"", namespace.name);
        let lines =
            text.lines().filter(|line| line.contains(&whose) && line.contains("app_name=\"counted\""));
        lines.filter_map(|line| Some(line.split_once('{')?.0.to_owned())).collect()
    };
    namespace.apply(APP);
    namespace.wait_for("kasprapp", "counted", |app| condition(app, "Ready", "True", "Healthy"));
    let text = metrics();
    let names = of_app(&text);
    for name in [
        "kasprop_reconcile_duration_seconds_bucket",
        "kasprop_reconcile_total",
        "kasprop_reconcile_queue_depth",
        "kasprop_reconcile_queue_wait_seconds_count",
        "kasprop_resource_sync_duration_seconds_sum",
        "kasprop_resource_sync_total",
        "kasprop_status_updates_total",
        "kasprop_package_install_total",
        "kasprop_package_install_duration_seconds_count",
        "kasprop_package_auth_enabled",
        "kasprop_package_custom_index_enabled",
    ] {
        assert!(names.contains(name), "{name} is missing:\n{text}");
    }
    assert!(text.contains("kasprop_admission_reviews_total{"), "{text}");
    assert!(text.contains("kasprop_client_requests_total{"), "{text}");
    assert!(text.contains("kasprop_leader 1"), "{text}");
    namespace.run(&["delete", "kasprapp", "counted"]);
    eventually("the end of the series", || {
        let left = of_app(&metrics());
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}
