use std::fmt;

use k8s_openapi::NamespaceResourceScope;
use kube::core::{ApiResource, GroupVersionKind};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::hash;
use crate::api::annotations::{APPLIED_HASH, RESOURCE_HASH};

/// JSON pointer to the requested size of a claim.
pub const CLAIM_SIZE: &str = "/spec/resources/requests/storage";

/// JSON pointer to the claim templates of a StatefulSet.
pub const CLAIM_TEMPLATES: &str = "/spec/volumeClaimTemplates";

/// Returns the size in the claim template of a StatefulSet.
#[must_use]
pub fn claim_template_size(set: &Value) -> Option<&str> {
    set.pointer(CLAIM_TEMPLATES)?.as_array()?.first()?.pointer(CLAIM_SIZE)?.as_str()
}

/// Why an object could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Serialization to JSON failed.
    #[error("failed to serialize an object as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Serialization to YAML failed.
    #[error("failed to serialize a definition as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// The kinds of objects that the operator makes.
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
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::PersistentVolumeClaim,
        Self::Service,
        Self::HorizontalPodAutoscaler,
        Self::PodDisruptionBudget,
        Self::StatefulSet,
    ];

    /// Returns the value of the metric label `resource_type`. Dashboards of the Python operator select by it.
    #[must_use]
    pub fn metric_label(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service_account",
            Self::ConfigMap => "config_map",
            Self::PersistentVolumeClaim => "pvc",
            Self::Service => "service",
            Self::HorizontalPodAutoscaler => "hpa",
            Self::PodDisruptionBudget => "pod_disruption_budget",
            Self::StatefulSet => "stateful_set",
        }
    }

    /// Returns how the API server serves the kind.
    #[must_use]
    pub fn api_resource(self) -> ApiResource {
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
pub struct OwnedObject {
    /// The kind.
    pub kind: OwnedKind,
    /// The name.
    pub name: String,
    /// The fields, including apiVersion and kind.
    pub value: Value,
}

impl OwnedObject {
    pub(super) fn new<K>(object: &K) -> Result<Self, BuildError>
    where
        K: k8s_openapi::Resource<Scope = NamespaceResourceScope> + Owned + Serialize,
    {
        let value = serde_json::to_value(object)?;
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { kind: K::OWNED_KIND, name, value })
    }

    /// Returns the value of the metric label `resource_type`. Dashboards of the Python operator select by it.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        if self.kind == OwnedKind::Service && self.value["spec"]["clusterIP"] == "None" {
            return "headless_service";
        }
        self.kind.metric_label()
    }

    /// Returns whether the object never changes: another one of its name is made instead.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.value["immutable"] == true
    }

    /// Returns the hash of the whole object.
    #[must_use]
    pub fn hash(&self) -> &str {
        self.value["metadata"]["annotations"][APPLIED_HASH].as_str().unwrap_or_default()
    }

    /// Removes the hashes of the object itself, which depend on the UID of its owner.
    #[must_use]
    pub fn without_own_hashes(mut self) -> Self {
        if let Some(annotations) = self.value["metadata"]["annotations"].as_object_mut() {
            annotations.remove(APPLIED_HASH);
            if self.kind == OwnedKind::StatefulSet {
                annotations.remove(RESOURCE_HASH);
            }
        }
        self
    }

    /// Replaces the hashes after the object was edited.
    ///
    /// # Errors
    ///
    /// The object could not be serialized.
    pub fn restamp(&mut self) -> Result<(), BuildError> {
        *self = self.clone().stamped()?;
        Ok(())
    }

    /// Adds the hashes of the object itself, replacing earlier ones.
    pub(super) fn stamped(mut self) -> Result<Self, BuildError> {
        self = self.without_own_hashes();
        let applied = hash::of_json(&self.value);
        let metadata = &mut self.value["metadata"];
        if metadata["annotations"].is_null() {
            metadata["annotations"] = Value::Object(serde_json::Map::new());
        }
        if self.kind == OwnedKind::StatefulSet {
            metadata["annotations"][RESOURCE_HASH] = Value::String(applied.clone());
        }
        metadata["annotations"][APPLIED_HASH] = Value::String(applied);
        Ok(self)
    }
}

/// A type of which the operator makes objects.
pub(super) trait Owned {
    /// The kind.
    const OWNED_KIND: OwnedKind;
}

macro_rules! owned {
    ($($type:ty => $kind:ident),* $(,)?) => {
        $(impl Owned for $type {
            const OWNED_KIND: OwnedKind = OwnedKind::$kind;
        })*
    };
}

owned! {
    k8s_openapi::api::core::v1::ServiceAccount => ServiceAccount,
    k8s_openapi::api::core::v1::ConfigMap => ConfigMap,
    k8s_openapi::api::core::v1::PersistentVolumeClaim => PersistentVolumeClaim,
    k8s_openapi::api::core::v1::Service => Service,
    k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler => HorizontalPodAutoscaler,
    k8s_openapi::api::policy::v1::PodDisruptionBudget => PodDisruptionBudget,
    k8s_openapi::api::apps::v1::StatefulSet => StatefulSet,
}
