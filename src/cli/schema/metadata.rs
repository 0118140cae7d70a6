//! Schema of the metadata of manifests, which the CRDs leave to the API server.

use serde_json::{Value, json};

use crate::{api::Kind, naming::APP_LABEL};

/// Returns the schema of the metadata of a kind. Fields that only the API server writes are allowed, but not
/// listed.
#[must_use]
pub(super) fn metadata_schema(kind: Kind) -> Value {
    let texts = |description: &str| {
        json!({
            "description": description,
            "type": ["object", "null"],
            "additionalProperties": { "type": ["string", "null"] },
        })
    };
    let mut labels = texts("Labels, by which resources are selected.");
    if kind != Kind::App {
        labels["properties"] = json!({
            APP_LABEL: { "description": "Name of the KasprApp that the component belongs to.", "type": "string" },
        });
    }
    json!({
        "description": "Name, namespace, labels and annotations.",
        "type": "object",
        "properties": {
            "name": { "description": "Name of the resource, unique for its kind in the namespace.", "type": "string" },
            "generateName": { "description": "Prefix of a name that the API server completes.", "type": "string" },
            "namespace": { "description": "Namespace of the resource.", "type": ["string", "null"] },
            "labels": labels,
            "annotations": texts("Annotations, such as `kaspr.io/roll`."),
        },
        "anyOf": [{ "required": ["name"] }, { "required": ["generateName"] }],
    })
}
