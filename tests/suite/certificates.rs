//! Certificates in files that are replaced while the operator runs, and the operator's own.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use control_plane::Operator;
use k8s_openapi::ByteString;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;

use crate::{
    harness::{BINARY, Namespace, eventually_quiet, fetch, plane, text},
    probe::{Kept, free_port, is_ready, look},
};

/// Creates a certificate in a folder, and returns it in DER.
fn certify(folder: &Path) -> Vec<u8> {
    let made = Command::new(BINARY).args(["certs", "--out"]).arg(folder).output().expect("the binary");
    assert!(made.status.success(), "{}", text(&made.stderr));
    shown_in(&folder.join("tls.crt"))
}

fn shown_in(file: &Path) -> Vec<u8> {
    CertificateDer::from_pem_slice(&fs::read(file).expect("a file")).expect("PEM").to_vec()
}

/// Waits until an operator shows a certificate, DER.
pub(crate) fn shows(port: u16, certificate: &[u8]) {
    eventually_quiet("a new certificate", || {
        let seen = look(port, "/healthz").map_err(|error| error.to_string())?;
        if seen.certificate == certificate { Ok(()) } else { Err("it is another one".to_owned()) }
    });
}

#[test]
fn new_files_are_served_and_bad_ones_are_not() {
    // An operator that manages an empty namespace, next to the shared operator.
    let namespace = Namespace::new("files");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    // As kubelet does with a Secret's volume.
    let first = certify(&at("..1"));
    symlink("..1", at("..data")).expect("a link");
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), at(name)).expect("a link");
    }
    let (port, metrics) = (free_port(), free_port());
    let args = [
        format!("--webhook-address=127.0.0.1:{port}"),
        format!("--metrics-port={metrics}"),
        format!("--namespace={}", namespace.name),
        format!("--lease-namespace={}", namespace.name),
        format!("--tls-cert-file={}", at("tls.crt").display()),
        format!("--tls-key-file={}", at("tls.key").display()),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let log = plane().log_dir().join("files.log");
    let mut operator =
        Operator::start(Path::new(BINARY), plane().kubeconfig(), &log, &args).expect("an operator");
    operator.ready().expect("a ready operator");
    let mut kept = Kept::open(port).expect("a connection");
    assert_eq!(kept.get("/readyz").expect("an answer").certificate, first);

    let second = certify(&at("..2"));
    symlink("..2", at("..new")).expect("a link");
    fs::rename(at("..new"), at("..data")).expect("swapped");
    shows(port, &second);
    // An open connection continues.
    let seen = kept.get("/healthz").expect("an answer");
    assert!(seen.answer.starts_with("HTTP/1.1 200 ") && seen.certificate == first, "{seen:?}");

    // The key of another certificate, and a file without a certificate.
    fs::copy(at("..1/tls.key"), at("..2/tls.key")).expect("copied");
    let refused = |words: &str| {
        operator_says(&operator, words);
        shows(port, &second);
    };
    refused("the certificate and its key do not match");
    fs::write(at("..2/tls.crt"), "rubbish").expect("written");
    refused("the certificate is empty");
    fs::remove_file(at("..2/tls.crt")).expect("removed");
    refused("failed to read ");

    // Written anew in place.
    let third = certify(&at("..2"));
    shows(port, &third);
    let metrics = fetch(&format!("http://127.0.0.1:{metrics}/metrics"));
    let (_, read) = x509_parser::parse_x509_certificate(&third).expect("a certificate");
    let ends = read.validity().not_after.timestamp();
    let line = format!("kasprop_certificate_expiry_timestamp_seconds {ends}");
    assert!(metrics.contains(&line), "{metrics}");
    assert!(operator.stop().expect("an exit").success());
}

fn operator_says(operator: &Operator, words: &str) {
    eventually_quiet(words, || {
        let log = operator.log();
        let said = operator.lines().iter().any(|line| {
            line["message"] == "new certificate rejected; keeping the current one"
                && line["error"].as_str().is_some_and(|error| error.contains(words))
        });
        if said { Ok(()) } else { Err(log) }
    });
}

/// An operator with a Secret of its own, and without webhook configurations.
fn with_a_secret(namespace: &Namespace, port: u16) -> Operator {
    let args = [
        format!("--webhook-address=127.0.0.1:{port}"),
        format!("--metrics-port={}", free_port()),
        format!("--namespace={}", namespace.name),
        format!("--lease-namespace={}", namespace.name),
        "--certificate-secret=own".to_owned(),
        "--webhook-service=webhook".to_owned(),
        "--webhook-configuration=nowhere".to_owned(),
        "--certificate-check-seconds=1".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let log = plane().log_dir().join("secret.log");
    Operator::start(Path::new(BINARY), plane().kubeconfig(), &log, &args).expect("an operator")
}

#[test]
fn a_secret_of_another_issuer_is_left_alone_and_a_broken_one_repaired() {
    let namespace = Namespace::new("secret");
    let folder = tempfile::tempdir().expect("a folder");
    let foreign = certify(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key) = (format!("--cert={}", file("tls.crt")), format!("--key={}", file("tls.key")));
    namespace.run(&["create", "secret", "tls", "own", &cert, &key]);
    let port = free_port();
    let mut operator = with_a_secret(&namespace, port);
    let mut says = |field: &'static str, words: &'static str| {
        let said = |line: &Value| line[field].as_str().is_some_and(|text| text.contains(words));
        operator.wait_for(said).expect(words);
    };
    says("error", "delete the Secret, or name another one with --certificate-secret");
    // Probes are answered, and it is not ready.
    let seen = look(port, "/healthz").expect("an answer");
    assert!(seen.answer.starts_with("HTTP/1.1 200 ") && seen.certificate != foreign && !is_ready(port));
    assert_eq!(namespace.get("secret", "own")["data"]["ca.crt"], Value::Null);

    namespace.run(&["delete", "secret", "own"]);
    says("error", "there is no MutatingWebhookConfiguration and no ValidatingWebhookConfiguration named");
    says("message", "ready");
    let made = namespace.get("secret", "own")["data"].clone();
    shows(port, &bytes(&made["tls.crt"]));

    let rubbish = r#"{"data": {"ca.key": "cnViYmlzaA==", "tls.key": "cnViYmlzaA=="}}"#;
    namespace.run(&["patch", "secret", "own", "--type=merge", "-p", rubbish]);
    says("reason", "ca.key matches no CA in ca.crt");
    let repaired = namespace.get("secret", "own")["data"].clone();
    let bundle = |data: &Value| bundle(&data["ca.crt"]);
    assert!(bundle(&repaired).len() == 2 && bundle(&repaired)[1..] == bundle(&made));
    shows(port, &bytes(&repaired["tls.crt"]));
    assert!(!operator.log().contains("PRIVATE"));
    assert!(operator.stop().expect("an exit").success());
}

fn bundle(value: &Value) -> Vec<Vec<u8>> {
    let ByteString(pem) = serde_json::from_value(value.clone()).expect("base64");
    CertificateDer::pem_slice_iter(&pem).map(|found| found.expect("PEM").to_vec()).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    bundle(value).into_iter().next().expect("a certificate")
}
