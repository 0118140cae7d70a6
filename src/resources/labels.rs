//! The labels of the objects that the operator makes.

use std::collections::BTreeMap;

use crate::{
    api::Kind,
    naming::{
        self, APP_LABEL, CLUSTER_LABEL, COMPONENT_TYPE_LABEL, INSTANCE_LABEL, KIND_LABEL, MANAGED_BY_LABEL,
        MANAGER, NAME_LABEL, OBJECT_NAME_LABEL, PART_OF_LABEL,
    },
};

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// Returns the labels of an app's objects.
#[must_use]
pub fn app(name: &str) -> Labels {
    let mut labels = common(name, Kind::App, &naming::app(name));
    labels.insert(CLUSTER_LABEL.to_owned(), name.to_owned());
    labels.insert(APP_LABEL.to_owned(), name.to_owned());
    labels
}

/// Returns the labels that select an app's pods. The selector of a StatefulSet is immutable.
#[must_use]
pub fn selector(name: &str) -> Labels {
    let mut labels = app(name);
    labels.retain(|key, _| matches!(key.as_str(), CLUSTER_LABEL | KIND_LABEL | OBJECT_NAME_LABEL));
    labels
}

/// Formats labels as the API server reads a selector: `a=b,c=d`.
#[must_use]
pub fn to_selector(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Returns the labels of a component's ConfigMap.
#[must_use]
pub fn component(name: &str, kind: Kind, config_map: &str, app: &str) -> Labels {
    let mut labels = common(name, kind, config_map);
    labels.insert(APP_LABEL.to_owned(), app.to_owned());
    labels
}

fn common(name: &str, kind: Kind, object: &str) -> Labels {
    [
        (INSTANCE_LABEL, name),
        (MANAGED_BY_LABEL, MANAGER),
        (NAME_LABEL, kind.name()),
        (PART_OF_LABEL, &format!("kaspr-{name}")),
        (COMPONENT_TYPE_LABEL, kind.name()),
        (KIND_LABEL, kind.name()),
        (OBJECT_NAME_LABEL, object),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// Returns both sets of labels; those of `ours` take precedence.
#[must_use]
pub fn merged(theirs: Option<&Labels>, ours: Labels) -> Labels {
    let mut labels = theirs.cloned().unwrap_or_default();
    labels.extend(ours);
    labels
}
