use std::fmt;

use k8s_openapi::NamespaceResourceScope;
use kube::core::{ApiResource, GroupVersionKind};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::{hash, labels::HASH_ANNOTATION};

/// The annotation with the hash of the whole object as it was applied: it tells after a restart
/// whether there is anything to apply.
const APPLIED_ANNOTATION: &str = "kaspr.io/applied-hash";

/// Why an object can't be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// It does not fit into JSON.
    #[error("an object can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A definition does not fit into YAML.
    #[error("a definition can't be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// The kinds of objects that are made.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum OwnedKind {
    /// v1
    ServiceAccount,
    /// v1
    ConfigMap,
    /// v1
    PersistentVolumeClaim,
    /// v1
    Service,
    /// autoscaling/v2
    HorizontalPodAutoscaler,
    /// policy/v1
    PodDisruptionBudget,
    /// apps/v1
    StatefulSet,
}

impl OwnedKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::PersistentVolumeClaim,
        Self::Service,
        Self::HorizontalPodAutoscaler,
        Self::PodDisruptionBudget,
        Self::StatefulSet,
    ];

    /// Its name in metrics.
    pub fn snake(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service_account",
            Self::ConfigMap => "config_map",
            Self::PersistentVolumeClaim => "persistent_volume_claim",
            Self::Service => "service",
            Self::HorizontalPodAutoscaler => "hpa",
            Self::PodDisruptionBudget => "pod_disruption_budget",
            Self::StatefulSet => "stateful_set",
        }
    }

    /// How the API server knows the kind.
    pub fn resource(self) -> ApiResource {
        let (group, version) = match self {
            Self::HorizontalPodAutoscaler => ("autoscaling", "v2"),
            Self::PodDisruptionBudget => ("policy", "v1"),
            Self::StatefulSet => ("apps", "v1"),
            Self::ServiceAccount | Self::ConfigMap | Self::PersistentVolumeClaim | Self::Service => {
                ("", "v1")
            }
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &self.to_string()))
    }
}

impl fmt::Display for OwnedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An object as it is applied: the fields that the operator owns.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its kind.
    pub kind: OwnedKind,
    /// Its name.
    pub name: String,
    /// Its fields, apiVersion and kind included.
    pub value: Value,
}

impl Object {
    pub(super) fn of<K>(object: &K) -> Result<Self, BuildError>
    where
        K: k8s_openapi::Resource<Scope = NamespaceResourceScope> + Made + Serialize,
    {
        let value = serde_json::to_value(object)?;
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { kind: K::MADE_AS, name, value })
    }

    /// The hash of the whole object.
    pub fn hash(&self) -> &str {
        self.value["metadata"]["annotations"][APPLIED_ANNOTATION].as_str().unwrap_or_default()
    }

    /// Takes off the hashes of the object itself: they cover its owner's identity in a cluster.
    pub fn without_own_hashes(mut self) -> Self {
        if let Some(annotations) = self.value["metadata"]["annotations"].as_object_mut() {
            annotations.remove(APPLIED_ANNOTATION);
            if self.kind == OwnedKind::StatefulSet {
                annotations.remove(HASH_ANNOTATION);
            }
        }
        self
    }

    /// Adds the hashes of the object itself, in place of those that it has.
    pub(super) fn stamped(mut self) -> Result<Self, BuildError> {
        self = self.without_own_hashes();
        let applied = hash::of_json(&self.value);
        let metadata = &mut self.value["metadata"];
        if metadata["annotations"].is_null() {
            metadata["annotations"] = Value::Object(serde_json::Map::new());
        }
        if self.kind == OwnedKind::StatefulSet {
            metadata["annotations"][HASH_ANNOTATION] = Value::String(applied.clone());
        }
        metadata["annotations"][APPLIED_ANNOTATION] = Value::String(applied);
        Ok(self)
    }
}

/// Ties a type to its kind.
pub trait Made {
    /// The kind.
    const MADE_AS: OwnedKind;
}

macro_rules! made {
    ($($type:ty => $kind:ident),* $(,)?) => {
        $(impl Made for $type {
            const MADE_AS: OwnedKind = OwnedKind::$kind;
        })*
    };
}

made! {
    k8s_openapi::api::core::v1::ServiceAccount => ServiceAccount,
    k8s_openapi::api::core::v1::ConfigMap => ConfigMap,
    k8s_openapi::api::core::v1::PersistentVolumeClaim => PersistentVolumeClaim,
    k8s_openapi::api::core::v1::Service => Service,
    k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler => HorizontalPodAutoscaler,
    k8s_openapi::api::policy::v1::PodDisruptionBudget => PodDisruptionBudget,
    k8s_openapi::api::apps::v1::StatefulSet => StatefulSet,
}
