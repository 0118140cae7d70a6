//! What kwok brings to life: a node for pods and a class of volumes.

use serde_json::{Value, json};

use crate::api::Api;
use crate::error::Error;

/// The node's name.
const NODE: &str = "fake-node";

/// Creates the node, and the default StorageClass `standard`.
pub(crate) fn create(api: &Api) -> Result<(), Error> {
    api.create("/api/v1/nodes", &node())?;
    api.create("/apis/storage.k8s.io/v1/storageclasses", &storage_class())?;
    Ok(())
}

/// Whether pods can be scheduled to the node.
pub(crate) fn is_ready(api: &Api) -> bool {
    let Ok(node) = api.get(&format!("/api/v1/nodes/{NODE}")) else {
        return false;
    };
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    // A node is tainted when it is created; a controller takes that back once the node is ready.
    ready && node["spec"]["taints"].is_null()
}

fn node() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": NODE,
            "kubernetes.io/os": "linux",
        }},
    })
}

fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kwok.x-k8s.io/volume",
        "allowVolumeExpansion": true,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    })
}
