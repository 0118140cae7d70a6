//! Impact of changes on the members of an app: which pods restart, and why.

use std::collections::BTreeSet;

use kube::core::DynamicObject;
use serde::Serialize;
use serde_json::Value;

use super::compare::{FieldChange, ObjectChange};
use crate::{api::Kind, install_contract::PACKAGES_HASH, resources::OwnedKind};

/// Maximum number of fields to name as reasons.
const MAX_FIELDS: usize = 3;

/// Variables with hashes, and what their change means.
const HASHES: [(&str, &str); 7] = [
    ("AGENTS_HASH", "agents changed"),
    ("WEBVIEWS_HASH", "webviews changed"),
    ("TABLES_HASH", "tables changed"),
    ("TASKS_HASH", "tasks changed"),
    ("JOINS_HASH", "joins changed"),
    ("CONFIG_HASH", "settings changed"),
    (PACKAGES_HASH, "Python packages changed"),
];

/// Returns the variables with hashes in the container of a StatefulSet, with their values.
#[must_use]
pub(super) fn hash_variables(set: &Value) -> BTreeSet<(String, String)> {
    let containers = set.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let variables = containers.into_iter().flatten().filter_map(|container| container["env"].as_array());
    let named = variables.flatten().filter_map(|variable| {
        let name = variable["name"].as_str().filter(|name| HASHES.iter().any(|(hash, _)| hash == name))?;
        Some((name.to_owned(), variable["value"].as_str()?.to_owned()))
    });
    named.collect()
}

/// Impact of changes on the members of an app.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RestartImpact {
    /// Namespace of the app.
    pub namespace: String,
    /// Name of the app.
    pub name: String,
    /// Names of the pods that restart.
    pub restarts: Vec<String>,
    /// Reasons for the restart.
    pub because: Vec<String>,
    /// Other effects on the members.
    pub notes: Vec<String>,
}

impl RestartImpact {
    /// Determines the impact of changes on an app, given as namespace and name, with its current StatefulSet.
    /// `unchanged` are the variables with hashes that differ for another reason than the files.
    #[must_use]
    pub(super) fn new(
        (namespace, name): (&str, &str),
        changes: &[ObjectChange],
        unchanged: &BTreeSet<String>,
        set: Option<&DynamicObject>,
        claims_grow: bool,
        newer_template_waits: bool,
    ) -> Self {
        let mut impact = Self { namespace: namespace.to_owned(), name: name.to_owned(), ..Self::default() };
        let fields: Vec<FieldChange> = changes.iter().flat_map(ObjectChange::pod_template_fields).collect();
        if !fields.is_empty() {
            impact.restarts = set.map(pod_names).unwrap_or_default();
            impact.because = restart_reasons(&fields, unchanged);
            if impact.restarts.is_empty() {
                impact.notes.push("no pods are running; new pods will use the new template".to_owned());
            }
        }
        if set.is_none() && changes.iter().any(|change| change.kind == OwnedKind::StatefulSet) {
            impact.notes.push("the app is new: its members start".to_owned());
        }
        impact.notes.extend(describe_scaling(changes));
        if claims_grow {
            impact.notes.push("claims grow: the StatefulSet is recreated around the running pods".to_owned());
        }
        if newer_template_waits {
            impact.notes.push(
                "a newer pod template is pending: it is applied with the next change or with `roll`"
                    .to_owned(),
            );
        }
        impact
    }

    /// Returns the impact as a sentence.
    #[must_use]
    pub(super) fn summary(&self) -> String {
        let Self { namespace, name, restarts, because, notes } = self;
        let pods = match restarts.as_slice() {
            [] => "no pod restarts".to_owned(),
            pods => format!("restarts {}: {}", pods.join(", "), because.join(", ")),
        };
        let notes: String = notes.iter().map(|note| format!("; {note}")).collect();
        format!("{} {namespace}/{name}: {pods}{notes}", Kind::App)
    }
}

/// Returns the names of the pods of a StatefulSet.
fn pod_names(set: &DynamicObject) -> Vec<String> {
    let number = |path: &str| set.data.pointer(path).and_then(Value::as_i64);
    let count = number("/status/replicas").or(number("/spec/replicas")).unwrap_or_default();
    let name = set.metadata.name.clone().unwrap_or_default();
    (0..count).map(|i| format!("{name}-{i}")).collect()
}

/// Describes a change of the maximum number of members.
fn describe_scaling(changes: &[ObjectChange]) -> Option<String> {
    let autoscaler = changes.iter().find(|change| change.kind == OwnedKind::HorizontalPodAutoscaler)?;
    let max_replicas = |object: &Option<Value>| {
        object.as_ref().and_then(|object| object["spec"]["maxReplicas"].as_i64()).unwrap_or_default()
    };
    let (before, after) = (max_replicas(&autoscaler.before), max_replicas(&autoscaler.after));
    (before != after && autoscaler.before.is_some()).then(|| match after {
        0 => "the app stops: its members are deleted, their data is kept".to_owned(),
        after => format!("scales from at most {before} to at most {after} members"),
    })
}

/// Returns the reasons for a restart: first the changes that a user knows, then the remaining fields.
fn restart_reasons(fields: &[FieldChange], unchanged: &BTreeSet<String>) -> Vec<String> {
    let mut reasons: Vec<String> = HASHES
        .iter()
        .filter(|(hash, _)| !unchanged.contains(*hash))
        .filter(|(hash, _)| fields.iter().any(|field| field.path.contains(&format!("env[{hash}]"))))
        .map(|(_, reason)| (*reason).to_owned())
        .collect();
    let text =
        |value: &Option<Value>| value.as_ref().map(|v| v.as_str().map_or(v.to_string(), str::to_owned));
    let image = fields.iter().find(|field| field.path == "spec.containers[kaspr].image");
    if let Some(FieldChange { before: Some(_), after: Some(_), .. }) = image
        && let Some(field) = image
    {
        let (before, after) = (text(&field.before), text(&field.after));
        reasons.push(format!("image {} to {}", before.unwrap_or_default(), after.unwrap_or_default()));
    }
    let is_explained = |path: &str| {
        path.ends_with(".image")
            || path.contains("_HASH]")
            || path.contains("/definitions/")
            || path.starts_with("spec.volumes[")
    };
    let remaining: Vec<&str> =
        fields.iter().map(|field| field.path.as_str()).filter(|path| !is_explained(path)).collect();
    reasons.extend(remaining.iter().take(MAX_FIELDS).map(|path| (*path).to_owned()));
    if remaining.len() > MAX_FIELDS {
        reasons.push(format!("{} more fields", remaining.len() - MAX_FIELDS));
    }
    if reasons.is_empty() {
        reasons.extend(fields.iter().take(MAX_FIELDS).map(|field| field.path.clone()));
    }
    reasons
}
