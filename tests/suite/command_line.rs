//! Help texts and error messages of the subcommands.

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
fn help_describes_each_subcommand() {
    for (args, words) in [
        (&["--help"][..], "Runs Kaspr stream processors on Kubernetes"),
        (&["run", "--help"], "--local"),
        (&["crds", "--help"], "Print the CustomResourceDefinitions"),
        (&["webhook-config", "--help"], "--ca-file"),
        (&["validate", "--help"], "Fail on warnings too"),
        (&["rules", "--help"], "Print every rule"),
        (&["admission-policy", "--help"], "clusters without the webhooks"),
        (&["schema", "--help"], "kaspr-test.json for test files"),
        (&["lsp", "--help"], "Run a language server"),
        (&["certs", "--help"], "Create a development CA"),
    ] {
        let (success, said, _) = run(args);
        assert!(success && said.contains(words), "{args:?}: {said}");
        assert!(said.contains("Usage: kaspr-operator"), "{said}");
    }
}

/// Invalid arguments, and a part of the error message.
const INVALID: &[(&[&str], &str)] = &[
    (&["run"], "--tls-cert-file <FILE>"),
    (&["run", "--local"], "no cluster is configured: set KUBECONFIG"),
    (&["run", "--local", "--log-level", "loud=1=2"], "'loud=1=2' is not a valid log level"),
    (&["run", "--tls-cert-file", "/none", "--tls-key-file", "/none"], "failed to read /none"),
    (&["webhook-config", "--url", "https://x"], "--ca-file <FILE>"),
    (&["crds", "--out", "/proc/none"], "failed to create /proc/none"),
    (&["schema", "KasprTabel"], "a similar value exists: 'KasprTable'"),
    (&["schema", "--out", "/proc/none"], "failed to create /proc/none"),
    (&["rum"], "similar subcommands exist: 'run'"),
];

#[test]
fn errors_are_explained() {
    for (args, words) in INVALID {
        let (success, _, said) = run(args);
        assert!(!success && said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn certificates_are_created_with_a_private_key_file() {
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
