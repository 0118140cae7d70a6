//! The chart is consistent with the manifests that are generated from the types.

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::{NAME, documents, object, project, succeeded, template};
use crate::harness::BINARY;

#[test]
fn the_crds_are_the_generated_ones() {
    let names = |folder: &str| -> Vec<_> {
        let entries = fs::read_dir(project(folder)).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    let (ours, chart) = ("crds", "deploy/helm/kaspr-operator/files/crds");
    assert_eq!(names(ours), names(chart), "run `make generate`");
    for name in names(ours) {
        let text = |folder: &str| fs::read_to_string(project(folder).join(&name)).expect("text");
        assert!(text(ours) == text(chart), "{} is stale: run `make generate`", name.display());
    }
}

#[test]
fn the_crds_are_the_generated_ones_with_the_policy_keep() {
    let rendered = documents(&template(&[]));
    let printed = succeeded(Command::new(BINARY).arg("crds"));
    for mut crd in documents(&printed) {
        let name = crd["metadata"]["name"].as_str().expect("a name").to_owned();
        crd["metadata"]["annotations"]["helm.sh/resource-policy"] = json!("keep");
        assert!(object(&rendered, "CustomResourceDefinition", &name) == &crd, "{name} differs");
    }
    let loose = documents(&template(&["crds.keep=false"]));
    let app = object(&loose, "CustomResourceDefinition", "kasprapps.kaspr.io");
    assert_eq!(app["metadata"]["annotations"]["helm.sh/resource-policy"], Value::Null);
    assert!(!template(&["crds.install=false"]).contains("CustomResourceDefinition"));
}

#[test]
fn the_webhook_configurations_are_the_generated_ones() {
    let rendered = documents(&template(&[]));
    let printed = succeeded(Command::new(BINARY).arg("webhook-config"));
    for wanted in documents(&printed) {
        let kind = wanted["kind"].as_str().expect("a kind");
        let is = object(&rendered, kind, NAME);
        similar_asserts::assert_eq!(is["webhooks"], wanted["webhooks"]);
        assert_eq!(is["metadata"]["annotations"], wanted["metadata"]["annotations"]);
        for (label, value) in wanted["metadata"]["labels"].as_object().expect("labels") {
            assert_eq!(&is["metadata"]["labels"][label], value);
        }
    }
}

#[test]
fn the_certificate_is_the_one_for_clusters_without_helm() {
    let rendered = documents(&template(&[]));
    let kept = fs::read_to_string(project("certs/cert-manager.yaml")).expect("a file");
    for wanted in documents(&kept) {
        let kind = wanted["kind"].as_str().expect("a kind");
        let is = object(&rendered, kind, wanted["metadata"]["name"].as_str().expect("a name"));
        for (field, value) in wanted["spec"].as_object().expect("a spec") {
            assert_eq!(&is["spec"][field], value, "{kind} {field}");
        }
    }
}

#[test]
fn no_ca_is_ever_templated() {
    for mode in ["certManager", "builtin", "existing"] {
        let mode = format!("certificates.mode={mode}");
        let manifests = template(&[&mode, "certificates.existing.secretName=tls"]);
        assert!(!manifests.contains("caBundle"), "{mode}");
    }
}

#[test]
fn the_chart_has_the_version_of_the_operator() {
    let chart = fs::read_to_string(project("deploy/helm/kaspr-operator/Chart.yaml")).expect("a chart");
    let chart: Value = serde_saphyr::from_str(&chart).expect("YAML");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
