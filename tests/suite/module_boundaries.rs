//! Which room of the source may enter which.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A room, and what its files must not name.
const CLOSED: &[(&str, &[&str])] = &[
    (
        "api",
        &[
            "crate::resources",
            "crate::cli",
            "crate::defaults",
            "crate::reconcile",
            "crate::settings",
            "crate::validate",
            "crate::webhook",
            "kube::Client",
            "axum",
        ],
    ),
    (
        "defaults",
        &[
            "crate::resources",
            "crate::cli",
            "crate::reconcile",
            "crate::settings",
            "crate::validate",
            "crate::webhook",
            "kube::Client",
            "axum",
        ],
    ),
    (
        "validate",
        &[
            "crate::resources",
            "crate::cli",
            "crate::defaults",
            "crate::reconcile",
            "crate::settings",
            "crate::webhook",
            "kube::Client",
            "axum",
        ],
    ),
    (
        "packages",
        &[
            "crate::resources",
            "crate::cli",
            "crate::defaults",
            "crate::admission",
            "crate::reconcile",
            "crate::telemetry",
            "crate::validate",
            "crate::webhook",
            "kube::",
            "axum",
        ],
    ),
    (
        "kinds",
        &[
            "crate::resources",
            "crate::cli",
            "crate::reconcile",
            "crate::settings",
            "crate::webhook",
            "kube::Client",
            "axum",
        ],
    ),
    (
        "build",
        &["crate::cli", "crate::defaults", "crate::reconcile", "crate::webhook", "Client", "axum", "tokio"],
    ),
    ("webhook", &["crate::cli", "crate::reconcile", "Client,", "kube::Client"]),
    ("reconcile", &["crate::cli", "crate::webhook", "axum"]),
    ("cli", &["axum"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Code without its tests, which may use what they need.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a file");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn rooms_keep_to_themselves() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for (room, names) in CLOSED {
        for path in files(&source.join(room)) {
            if path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests")) {
                continue;
            }
            let text = code(&path);
            let shown = path.strip_prefix(&source).unwrap_or(&path).display().to_string();
            broken.extend(
                names.iter().filter(|name| text.contains(**name)).map(|name| format!("{shown} names {name}")),
            );
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_code_is_unsafe() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}
