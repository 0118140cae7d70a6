//! What a running StatefulSet determines about the next one.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;

use super::hash;
use crate::{
    api::{
        PythonPackages,
        annotations::{ACCEPTED_ERRORS, APPLIED_HASH, RESOURCE_HASH},
    },
    install_contract, naming,
    validate::FieldError,
};

/// What a running StatefulSet determines about the next one: claim templates are immutable, and a package
/// set keeps the hash that it is stored under.
#[derive(Clone, Debug, Default)]
pub struct Running {
    image: Option<String>,
    packages_hash: Option<String>,
    claim_templates: Vec<PersistentVolumeClaim>,
    /// Whether the Python operator wrote the StatefulSet last.
    is_written_by_python: bool,
    /// Hashes of the errors that the app may have.
    accepted_errors: Vec<String>,
}

/// Returns whether this operator was the last to write a StatefulSet.
///
/// Both operators write their hash of the object whenever they write the object, and the Python operator leaves
/// our annotations alone: if the hashes differ, it wrote last.
pub(super) fn is_written_here(set: &DynamicObject) -> bool {
    let hash = set.annotations().get(RESOURCE_HASH);
    hash.is_some() && hash == set.annotations().get(APPLIED_HASH)
}

impl Running {
    /// Reads the live StatefulSet, if there is one.
    #[must_use]
    pub fn from_stateful_set(set: Option<&DynamicObject>) -> Self {
        let Some(set) = set else { return Self::default() };
        let containers = set.data.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        let container =
            containers.into_iter().flatten().find(|container| container["name"] == naming::CONTAINER);
        let variables = container.and_then(|container| container["env"].as_array());
        let hash = variables
            .into_iter()
            .flatten()
            .find(|variable| variable["name"] == install_contract::PACKAGES_HASH)
            .and_then(|variable| variable["value"].as_str());
        let claims = set.data.pointer("/spec/volumeClaimTemplates").cloned().unwrap_or_default();
        let accepted = set.annotations().get(ACCEPTED_ERRORS).map(String::as_str).unwrap_or_default();
        let image = container.and_then(|container| container["image"].as_str());
        Self {
            image: image.map(str::to_owned),
            packages_hash: hash.map(str::to_owned),
            // Claim templates that do not parse are those of another version of Kubernetes; they stay as
            // they are, because apply leaves out what it does not change.
            claim_templates: serde_json::from_value(claims).unwrap_or_default(),
            is_written_by_python: set.annotations().contains_key(RESOURCE_HASH) && !is_written_here(set),
            accepted_errors: accepted.split(',').map(str::to_owned).collect(),
        }
    }

    /// Returns whether an app may have the error: the members ran with it under the Python operator, which has
    /// no rules.
    #[must_use]
    pub fn accepts(&self, error: &FieldError) -> bool {
        self.is_written_by_python || self.accepted_errors.contains(&hash::of_text(&error.identity()))
    }

    /// Returns the hash that the package set is stored under: the running one if it stands for the same
    /// packages, else the one without defaults.
    #[must_use]
    pub fn packages_hash(&self, packages: &PythonPackages) -> String {
        let mut hashes = hash::of_packages(packages);
        match &self.packages_hash {
            Some(running) if hashes.contains(running) => running.clone(),
            _ => hashes.swap_remove(0),
        }
    }

    /// Returns the image of the members.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Returns the claim templates.
    #[must_use]
    pub fn claim_templates(&self) -> &[PersistentVolumeClaim] {
        &self.claim_templates
    }
}
