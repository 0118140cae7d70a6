//! Files with the address of the API server and the identity of a client.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::authority::Pair;
use crate::error::{Context, Error};

/// Writes the kubeconfig of the user with `credentials` at the server `url` to `file`.
pub(crate) fn write(file: &Path, url: &str, authority: &str, credentials: &Pair) -> Result<(), Error> {
    let name = "control-plane";
    // JSON is YAML.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": url,
            "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{"name": name, "user": {
            "client-certificate-data": STANDARD.encode(&credentials.public),
            "client-key-data": STANDARD.encode(&credentials.private),
        }}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    });
    fs::write(file, format!("{config:#}\n")).context(|| format!("write {}", file.display()))
}
