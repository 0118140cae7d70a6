//! What differs between two pod templates. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{api::Kind, install_contract, naming, reconcile::rollout::state::HeldComponent};

/// Fields of a pod that decide on which nodes it can run.
const SCHEDULING: [&str; 8] = [
    "affinity",
    "nodeSelector",
    "priorityClassName",
    "resources",
    "schedulerName",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
];

/// Variables that follow from the definitions of the components.
const DEFINITION_HASHES: [&str; 5] =
    ["AGENTS_HASH", "WEBVIEWS_HASH", "TABLES_HASH", "TASKS_HASH", "JOINS_HASH"];

/// What differs between two templates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplateChanges {
    /// The components with another definition. `failed` is the hash in the newer template.
    pub components: Vec<HeldComponent>,
    /// Components that the newer template lacks.
    pub removed: Vec<String>,
    /// Whether the file of the joins differs.
    pub joins: bool,
    /// The other fields that differ, such as `containers.kaspr.image`.
    pub fields: BTreeSet<String>,
}

impl TemplateChanges {
    /// Compares the pod templates of two revisions.
    #[must_use]
    pub fn between(older: &Value, newer: &Value) -> Self {
        let (before, now) = (snapshots(older), snapshots(newer));
        let mut changes = Self::default();
        for (volume, config_map) in &now {
            if before.get(volume) == Some(config_map) {
                continue;
            }
            match component(volume, config_map) {
                Some((kind, name, failed)) => {
                    let good = before.get(volume).and_then(|old| Some(component(volume, old)?.2));
                    changes.components.push(HeldComponent { kind, name, failed, good });
                }
                None => changes.joins = true,
            }
        }
        for (volume, config_map) in before.iter().filter(|(volume, _)| !now.contains_key(*volume)) {
            match component(volume, config_map) {
                Some((kind, name, _)) => changes.removed.push(format!("{kind} {name}")),
                None => changes.joins = true,
            }
        }
        let (before, now) = (fields(older), fields(newer));
        let all: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        let differ = all.into_iter().filter(|field| before.get(*field) != now.get(*field));
        changes.fields = differ.cloned().collect();
        changes
    }

    /// Returns whether nothing but definitions differs.
    pub(in crate::reconcile) fn is_definitions_only(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns whether an image differs.
    pub(in crate::reconcile) fn has_image(&self) -> bool {
        self.fields.iter().any(|field| field.ends_with(".image"))
    }

    /// Returns whether the packages or their installer differ.
    pub(in crate::reconcile) fn has_packages(&self) -> bool {
        let packages = [naming::INSTALL_CONTAINER, install_contract::PACKAGES_HASH];
        self.has_image() || self.fields.iter().any(|field| packages.iter().any(|part| field.contains(part)))
    }

    /// Returns whether anything that decides on which nodes the pod can run differs.
    pub(in crate::reconcile) fn has_scheduling(&self) -> bool {
        self.fields.iter().any(|field| field.split('.').any(|part| SCHEDULING.contains(&part)))
    }

    /// Lists what differs: `KasprAgent counter, containers.kaspr.image`.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let components =
            self.components.iter().map(|component| format!("{} {}", component.kind, component.name));
        let removed = self.removed.iter().map(|component| format!("{component} (removed)"));
        let joins = self.joins.then(|| "the joins".to_owned());
        components.chain(removed).chain(joins).chain(self.fields.iter().cloned()).collect()
    }
}

/// Returns whether the definitions and the settings of a template are snapshots, so that its pods read what they read
/// before. `settings` is the name of the ConfigMap with the current settings.
pub(in crate::reconcile) fn reads_snapshots_only(template: &Value, settings: &str) -> bool {
    snapshots(template).iter().all(|(volume, config_map)| config_map.starts_with(&format!("{volume}-")))
        && !settings_maps(template).contains(settings)
}

/// Returns the names of the ConfigMaps with definitions and settings that a template reads.
pub(in crate::reconcile) fn config_maps(template: &Value) -> BTreeSet<String> {
    snapshots(template).into_values().chain(settings_maps(template)).collect()
}

/// Returns the names of the ConfigMaps that variables of a template refer to.
fn settings_maps(template: &Value) -> BTreeSet<String> {
    let containers = template["spec"]["containers"].as_array().into_iter().flatten();
    let variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    let names = variables.filter_map(|variable| variable["valueFrom"]["configMapKeyRef"]["name"].as_str());
    names.map(str::to_owned).collect()
}

/// Returns the ConfigMaps with definitions by the names of their volumes.
fn snapshots(template: &Value) -> BTreeMap<String, String> {
    let mounted = definition_volumes(template);
    let volumes = template["spec"]["volumes"].as_array().into_iter().flatten();
    let named = volumes.filter_map(|volume| {
        let name = volume["name"].as_str()?;
        let config_map = volume["configMap"]["name"].as_str()?;
        mounted.contains(name).then(|| (name.to_owned(), config_map.to_owned()))
    });
    named.collect()
}

/// Returns the volumes that are mounted into the directory of the definitions.
fn definition_volumes(template: &Value) -> BTreeSet<String> {
    let containers = template["spec"]["containers"].as_array().into_iter().flatten();
    let member = containers.filter(|container| container["name"] == naming::CONTAINER);
    let mounts = member.flat_map(|container| container["volumeMounts"].as_array().into_iter().flatten());
    let definitions = mounts.filter(|mount| {
        mount["mountPath"].as_str().is_some_and(|path| path.starts_with(naming::DEFINITIONS_DIR))
    });
    definitions.filter_map(|mount| mount["name"].as_str().map(str::to_owned)).collect()
}

/// Returns kind, name and hash of the component whose snapshot a volume mounts.
fn component(volume: &str, config_map: &str) -> Option<(Kind, String, String)> {
    let hash = config_map.strip_prefix(volume)?.strip_prefix('-')?;
    let kind = Kind::ALL.into_iter().filter(|kind| *kind != Kind::App);
    let (kind, name) = kind.into_iter().find_map(|kind| {
        let name = volume.strip_suffix(kind.suffix())?.strip_suffix('-')?;
        Some((kind, name.to_owned()))
    })?;
    Some((kind, name, hash.to_owned()))
}

/// Returns the values of the fields of a template, without the definitions. Items of lists are named.
fn fields(template: &Value) -> BTreeMap<String, String> {
    let definitions = definition_volumes(template);
    let mut fields = BTreeMap::new();
    collect("", &template["metadata"], &definitions, &mut fields);
    collect("", &template["spec"], &definitions, &mut fields);
    fields
}

fn collect(at: &str, value: &Value, skipped: &BTreeSet<String>, fields: &mut BTreeMap<String, String>) {
    let child = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(&child(key), value, skipped, fields))
        }
        Value::Array(items) if items.iter().all(|item| item["name"].is_string()) => {
            for item in items {
                let name = item["name"].as_str().unwrap_or_default();
                let is_definition = skipped.contains(name) && !at.ends_with("containers");
                if !is_definition && !DEFINITION_HASHES.contains(&name) {
                    collect(&child(name), item, skipped, fields);
                }
            }
        }
        Value::Null => {}
        // Another value of a setting shows in its hash, once for all of them.
        _ if at.ends_with(".configMapKeyRef.name") => {}
        other => drop(fields.insert(at.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(image: &str, agent: &str) -> Value {
        json!({ "metadata": { "labels": { "a": "b" } }, "spec": {
            "containers": [{
                "name": "kaspr", "image": image,
                "env": [{ "name": "AGENTS_HASH", "value": agent }, { "name": "MODE", "value": "x" }],
                "volumeMounts": [{ "name": "counter-agent", "mountPath": "/var/lib/data/definitions/counter-agent.yaml" }],
            }],
            "volumes": [
                { "name": "counter-agent", "configMap": { "name": agent } },
                { "name": "users", "configMap": { "name": "users" } },
            ],
        }})
    }

    #[test]
    fn components_are_separated_from_fields() {
        let old = template("i:1", "counter-agent-0123");
        assert_eq!(TemplateChanges::between(&old, &old), TemplateChanges::default());
        let changes = TemplateChanges::between(&old, &template("i:1", "counter-agent-4567"));
        assert_eq!(changes.list(), ["KasprAgent counter"]);
        assert!(changes.is_definitions_only() && !changes.has_image());
        let component = &changes.components[0];
        assert_eq!((component.failed.as_str(), component.good.as_deref()), ("4567", Some("0123")));
        let both = TemplateChanges::between(&old, &template("i:2", "counter-agent-4567"));
        assert_eq!(both.list(), ["KasprAgent counter", "containers.kaspr.image"]);
        assert!(both.has_image() && both.has_packages() && !both.has_scheduling());
        assert!(reads_snapshots_only(&old, "clicks-app-config"));
        assert!(!reads_snapshots_only(&template("i:1", "counter-agent"), "clicks-app-config"));
        let mut settings = old;
        let reference =
            json!({ "name": "K", "valueFrom": { "configMapKeyRef": { "name": "clicks-app-config" } } });
        settings["spec"]["containers"][0]["env"] = json!([reference]);
        assert!(!reads_snapshots_only(&settings, "clicks-app-config"));
    }
}
