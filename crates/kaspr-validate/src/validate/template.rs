//! Rules of `spec.template`: errors that the API server would report later for the StatefulSet.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, Volume};

use super::{findings::Findings, path::Path, rule, shared, valid::Validate};
use crate::api::{ContainerTemplate, PodTemplate, Template, TemplateMetadata};

impl Validate for Template {
    fn validate(&self, at: &Path, found: &mut Findings) {
        for (field, part) in [("serviceAccount", &self.service_account), ("service", &self.service)] {
            if let Some(metadata) = part.as_ref().and_then(|part| part.metadata.as_ref()) {
                metadata.validate(&at.child(field).child("metadata"), found);
            }
        }
        if let Some(budget) = &self.pod_disruption_budget {
            let at = at.child("podDisruptionBudget");
            if let Some(metadata) = &budget.metadata {
                metadata.validate(&at.child("metadata"), found);
            }
            if let Some(negative) = budget.max_unavailable.filter(|count| *count < 0) {
                found.invalid(rule::NUMBER, at.child("maxUnavailable"), negative, "must be 0 or more");
            }
            if budget.max_unavailable == Some(0) && budget.enabled != Some(false) {
                found.warn(
                    rule::NO_DISRUPTION,
                    at.child("maxUnavailable"),
                    "prevents eviction of members: nodes that run one cannot be drained",
                );
            }
        }
        if let Some(pod) = &self.pod {
            pod.validate(&at.child("pod"), found);
        }
        let containers = [
            ("kasprContainer", &self.kaspr_container),
            ("pythonPackagesInitContainer", &self.python_packages_init_container),
        ];
        for (field, container) in containers {
            if let Some(container) = container {
                container.validate(&at.child(field), found);
            }
        }
    }
}

impl Validate for TemplateMetadata {
    fn validate(&self, at: &Path, found: &mut Findings) {
        for (key, value) in self.labels.iter().flatten() {
            let at = at.child("labels").key(key);
            check_key(key, &at, found);
            if !shared::is_label_value(value) {
                found.invalid(
                    rule::METADATA,
                    at,
                    value.as_str(),
                    "must have at most 63 letters, digits, '-', '_' or '.'",
                );
            }
        }
        for key in self.annotations.iter().flatten().map(|(key, _)| key) {
            check_key(key, &at.child("annotations").key(key), found);
        }
    }
}

fn check_key(key: &str, at: &Path, found: &mut Findings) {
    if !shared::is_qualified_name(key) {
        found.invalid(rule::METADATA, at.clone(), key, "must be a name of at most 63 letters, digits, '-', '_' or '.', with an optional 'domain/' before it");
    }
}

impl Validate for PodTemplate {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if let Some(metadata) = &self.metadata {
            metadata.validate(&at.child("metadata"), found);
        }
        let mut names = BTreeSet::new();
        for (i, volume) in self.volumes.iter().flatten().enumerate() {
            let at = at.child("volumes").index(i);
            if !shared::is_dns_1123_label(&volume.name) {
                found.invalid(
                    rule::VOLUME,
                    at.child("name"),
                    volume.name.as_str(),
                    "must be lower-case letters, digits and '-', at most 63",
                );
            } else if !names.insert(&volume.name) {
                found.duplicate(rule::VOLUME, at.child("name"), &volume.name);
            }
            let sources = count_sources(volume);
            if sources != 1 {
                found.invalid(
                    rule::VOLUME,
                    at,
                    volume.name.as_str(),
                    format!("must have exactly one source, has {sources}"),
                );
            }
        }
        for (i, secret) in self.image_pull_secrets.iter().flatten().enumerate() {
            shared::secret_name(
                Some(&secret.name),
                at.child("imagePullSecrets").index(i).child("name"),
                found,
            );
        }
    }
}

/// Counts the sources of a volume: every field except its name is one.
fn count_sources(volume: &Volume) -> usize {
    match serde_json::to_value(volume) {
        Ok(serde_json::Value::Object(fields)) => fields.len() - usize::from(fields.contains_key("name")),
        _ => 0,
    }
}

impl Validate for ContainerTemplate {
    fn validate(&self, at: &Path, found: &mut Findings) {
        let mut names = BTreeSet::new();
        for (i, variable) in self.env.iter().flatten().enumerate() {
            let at = at.child("env").index(i);
            check_variable(variable, &at, found);
            if !names.insert(&variable.name) {
                found.duplicate(rule::ENVIRONMENT, at.child("name"), &variable.name);
            }
        }
    }
}

fn check_variable(variable: &EnvVar, at: &Path, found: &mut Findings) {
    let name = &variable.name;
    if name.is_empty() {
        found.required(rule::ENVIRONMENT, at.child("name"), "must name the variable");
    } else if !name.chars().all(|c| c.is_ascii_graphic() && c != '=') {
        found.invalid(
            rule::ENVIRONMENT,
            at.child("name"),
            name.as_str(),
            "must be printable characters without '=' and spaces",
        );
    }
    let has_value = variable.value.as_ref().is_some_and(|value| !value.is_empty());
    let Some(from) = &variable.value_from else {
        if variable.value.is_none() {
            found.warn(
                rule::ENVIRONMENT_EMPTY,
                at.clone(),
                "has neither value nor valueFrom: the variable is empty",
            );
        }
        return;
    };
    if has_value {
        found.forbidden(rule::EXCLUSIVE, at.child("valueFrom"), "must not be given together with value");
    }
    let EnvVarSource { config_map_key_ref, field_ref, file_key_ref, resource_field_ref, secret_key_ref } =
        from;
    let given = [
        config_map_key_ref.is_some(),
        field_ref.is_some(),
        file_key_ref.is_some(),
        resource_field_ref.is_some(),
        secret_key_ref.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        found.forbidden(
            rule::ENVIRONMENT,
            at.child("valueFrom"),
            "must give exactly one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef",
        );
    }
    if let Some(secret) = secret_key_ref {
        let at = at.child("valueFrom").child("secretKeyRef");
        shared::secret_name(Some(&secret.name), at.child("name"), found);
        shared::secret_key(Some(&secret.key), at.child("key"), found);
    }
    if let Some(map) = config_map_key_ref {
        let at = at.child("valueFrom").child("configMapKeyRef");
        for (field, text) in [("name", &map.name), ("key", &map.key)] {
            if text.is_empty() {
                found.required(
                    rule::CONFIG_MAP_REFERENCE,
                    at.child(field),
                    "must name a ConfigMap in the app's namespace and a key of it",
                );
            }
        }
    }
}
