//! A release with cert-manager's own controllers in place of those that a test plays.

use std::{fs, os::unix::fs::symlink, path::Path};

use control_plane::{ControlPlane, cert_manager_crds};
use k8s_openapi::ByteString;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use super::{
    NAME,
    cluster::Cluster,
    lifecycle::{admission_works, uninstalled},
};
use crate::{
    certificates,
    harness::{condition, eventually_quiet},
    zero_downtime::calls::Calls,
};

/// The certificate of the webhooks, and its Secret.
const LEAF: (&str, &str) = ("kaspr-operator-webhook", "kaspr-operator-webhook-tls");
/// The CA that signs it.
const AUTHORITY: (&str, &str) = ("kaspr-operator-webhook-ca", "kaspr-operator-webhook-ca");

const CRDS: [&str; 4] = ["certificates", "certificaterequests", "issuers", "clusterissuers"];

#[test]
fn cert_manager_issues_and_renews_without_a_lost_call() {
    let cluster = Cluster::start(ControlPlane::builder());
    let crds = cert_manager_crds().expect("cert-manager's sources");
    for kind in CRDS {
        let file = crds.join(format!("cert-manager.io_{kind}.yaml"));
        cluster.apply(&fs::read_to_string(file).expect("a CRD"));
    }
    cluster.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    cluster.plane.run_cert_manager().expect("cert-manager");
    cluster.install(&[]);

    let first = issued(&cluster, LEAF, &Value::Null);
    let folder = cluster.folder().join("mounted");
    mount(&first, &folder, "1");
    trusts(&cluster, &first);
    let operator = cluster.run_operator(&folder);
    admission_works(&cluster);

    let calls = Calls::start(&cluster.plane);
    // The kubelet takes a while to update the files: until then, the operator serves the old certificate.
    let second = renewed(&cluster, LEAF, &first);
    assert_eq!(second["ca.crt"], first["ca.crt"], "the CA outlives the certificate");
    calls.more();
    mount(&second, &folder, "2");
    shows(&cluster, &second);
    calls.more();

    // A renewed CA signs no certificate until the certificate is renewed.
    let before = cluster.get("secret", AUTHORITY.1, NAME)["data"].clone();
    let authority = renewed(&cluster, AUTHORITY, &before);
    assert_eq!(authority["tls.key"], before["tls.key"], "what the old one signed stays good");
    calls.more();
    let third = renewed(&cluster, LEAF, &second);
    assert_ne!(third["ca.crt"], second["ca.crt"]);
    trusts(&cluster, &third);
    calls.more();
    mount(&third, &folder, "3");
    shows(&cluster, &third);
    calls.more();

    println!("cert-manager renews certificate and CA: {}", calls.count());
    assert_eq!(calls.failures(), Vec::<String>::new());
    drop(calls);
    uninstalled(&cluster);
    assert!(operator.stop().expect("an exit").success());
}

/// Waits until cert-manager has made another Secret for a Certificate. Returns its data.
fn issued(cluster: &Cluster, (certificate, secret): (&str, &str), before: &Value) -> Value {
    cluster.wait_for("certificate", certificate, NAME, |certificate| {
        condition(certificate, "Ready", "True", "Ready")
    });
    let made = cluster.wait_for("secret", secret, NAME, |secret| {
        let data = &secret["data"];
        ["tls.crt", "tls.key", "ca.crt"].iter().all(|name| data[name].is_string())
            && data["tls.crt"] != before["tls.crt"]
    });
    made["data"].clone()
}

/// Requests a renewal like cert-manager's own command line, and waits for the result.
fn renewed(cluster: &Cluster, which: (&str, &str), before: &Value) -> Value {
    let issuing =
        json!({ "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "a test" });
    let patch = json!([{ "op": "add", "path": "/status/conditions/-", "value": issuing }]).to_string();
    let certificate = ["-n", NAME, "patch", "certificate", which.0, "--subresource=status"];
    cluster.kubectl(&[&certificate[..], &["--type=json", "-p", &patch]].concat());
    issued(cluster, which, before)
}

/// Puts a Secret where its volume is, all files at once as kubelet does.
fn mount(secret: &Value, folder: &Path, version: &str) {
    let files = folder.join(version);
    fs::create_dir_all(&files).expect("a folder");
    for name in ["tls.crt", "tls.key"] {
        fs::write(files.join(name), bytes(&secret[name])).expect("written");
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).expect("a link");
        }
    }
    symlink(version, folder.join("..new")).expect("a link");
    fs::rename(folder.join("..new"), folder.join("..data")).expect("swapped");
}

fn bytes(value: &Value) -> Vec<u8> {
    let ByteString(bytes) = serde_json::from_value(value.clone()).expect("base64");
    bytes
}

/// Waits until both webhook configurations have the CA of a Secret.
fn trusts(cluster: &Cluster, secret: &Value) {
    let authority = String::from_utf8(bytes(&secret["ca.crt"])).expect("PEM");
    eventually_quiet("the CA in the webhook configurations", || {
        // Those of before stay until they end.
        let bundles =
            cluster.authorities().into_iter().map(|bundle| bundle.is_string().then(|| bytes(&bundle)));
        let bundles: Vec<_> =
            bundles.map(|bundle| String::from_utf8(bundle.unwrap_or_default()).expect("PEM")).collect();
        let all = bundles.iter().all(|bundle| bundle.contains(authority.trim()));
        if all { Ok(()) } else { Err(format!("{bundles:?}")) }
    });
}

/// Waits until the operator shows the certificate of a Secret.
fn shows(cluster: &Cluster, secret: &Value) {
    let held = CertificateDer::from_pem_slice(&bytes(&secret["tls.crt"])).expect("PEM").to_vec();
    certificates::shows(cluster.ports.0, &held);
}
