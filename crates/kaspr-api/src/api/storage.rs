use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cel;

/// Storage of the members' tables.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::needs_when("type", "persistent-claim", "size", "must be given when type is 'persistent-claim', such as '10Gi'"))]
pub struct Storage {
    /// Whether tables outlive a pod. Immutable.
    #[x_kube(validation = cel::immutable())]
    pub r#type: StorageType,
    /// Storage class of the claims. Default: the default class of the cluster. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Delete the claims together with the app. Default: {STORAGE_DELETE_CLAIM}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_claim: Option<bool>,
    /// Size of each member's claim, such as `10Gi`. It can grow but not shrink. Required for claims;
    /// optional for ephemeral storage, where it is the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}

/// Whether tables outlive a pod.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum StorageType {
    /// In the pod: tables are rebuilt from Kafka at every start.
    #[serde(rename = "ephemeral")]
    Ephemeral,
    /// In a claim for each member.
    #[serde(rename = "persistent-claim")]
    PersistentClaim,
}
