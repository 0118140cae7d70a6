use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Certificate authorities in a Secret of the app's namespace.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaSecret {
    /// Name of the Secret.
    pub secret_name: String,
    /// Key of the Secret with the certificates in PEM. Default: `{CA_KEY}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
