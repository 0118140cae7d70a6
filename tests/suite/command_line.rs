//! The subcommands as a person uses them.

use std::{os::unix::fs::PermissionsExt, process::Command};

use crate::harness::{BINARY, text};

fn run(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(BINARY)
        .args(args)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .output()
        .expect("the binary");
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_says_what_each_subcommand_does() {
    for (args, words) in [
        (&["--help"][..], "Runs Kaspr stream processors on Kubernetes"),
        (&["run", "--help"], "--local"),
        (&["crds", "--help"], "Print the CustomResourceDefinitions"),
        (&["webhook-config", "--help"], "--ca-file"),
        (&["validate", "--help"], "Fail on warnings too"),
        (&["rules", "--help"], "Print every rule"),
        (&["admission-policy", "--help"], "clusters without the webhooks"),
        (&["certs", "--help"], "Make a development CA"),
    ] {
        let (success, said, _) = run(args);
        assert!(success && said.contains(words), "{args:?}: {said}");
        assert!(said.contains("Usage: kaspr-operator"), "{said}");
    }
}

/// Arguments, and words of what is said about them.
const MISTAKES: &[(&[&str], &str)] = &[
    (&["run"], "--tls-cert-file <FILE>"),
    (&["run", "--local"], "no cluster is configured: set KUBECONFIG"),
    (&["run", "--local", "--log-level", "loud=1=2"], "'loud=1=2' is no log level"),
    (&["run", "--tls-cert-file", "/none", "--tls-key-file", "/none"], "can't read /none"),
    (&["webhook-config", "--url", "https://x"], "--ca-file <FILE>"),
    (&["crds", "--out", "/proc/none"], "can't make /proc/none"),
    (&["rum"], "similar subcommands exist: 'run'"),
];

#[test]
fn mistakes_are_explained() {
    for (args, words) in MISTAKES {
        let (success, _, said) = run(args);
        assert!(!success && said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn certificates_are_made_and_kept_to_oneself() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("certs");
    let (success, _, said) = run(&["certs", "--host", "example.com", "--out", out.to_str().expect("a path")]);
    assert!(success, "{said}");
    let key = std::fs::metadata(out.join("tls.key")).expect("a key");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    for file in ["ca.crt", "tls.crt"] {
        assert!(
            std::fs::read_to_string(out.join(file)).expect("PEM").starts_with("-----BEGIN CERTIFICATE-----")
        );
    }
}

#[test]
fn a_url_takes_the_place_of_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.crt");
    std::fs::write(&authority, "PEM").expect("a file");
    let (_, said, _) = run(&[
        "webhook-config",
        "--url",
        "https://host:1/",
        "--ca-file",
        authority.to_str().expect("a path"),
    ]);
    assert!(
        said.contains("url: https://host:1/default") && said.contains("url: https://host:1/validate"),
        "{said}"
    );
    assert!(said.contains("caBundle: UEVN") && !said.contains("inject-ca-from"), "{said}");
}
