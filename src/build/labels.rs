//! The labels of the objects that are made.

use std::collections::BTreeMap;

use crate::api::APP_LABEL;

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// The value of `app.kubernetes.io/managed-by`, and the field manager.
pub const MANAGER: &str = "kaspr-operator";

/// The label by which the operator finds what it made.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The annotation with the hash of what an object was made from.
pub const HASH_ANNOTATION: &str = "kaspr.io/resource-hash";

/// The label with the app that an object, or a pod, belongs to.
pub const CLUSTER: &str = "kaspr.io/cluster";

/// The label that tells the packages claim from the tables' claims.
pub const COMPONENT_LABEL: &str = "kaspr.io/component";

/// The labels of an app's objects.
pub fn app(name: &str) -> Labels {
    let mut labels = common(name, "KasprApp", &super::names::app(name));
    labels.insert(CLUSTER.to_owned(), name.to_owned());
    labels.insert(APP_LABEL.to_owned(), name.to_owned());
    labels
}

/// The labels that select an app's pods. A StatefulSet's selector can't be changed.
pub fn selector(name: &str) -> Labels {
    let mut labels = app(name);
    labels.retain(|key, _| matches!(key.as_str(), CLUSTER | "kaspr.io/kind" | "kaspr.io/name"));
    labels
}

/// The labels of a component's ConfigMap.
pub fn component(name: &str, kind: &str, config_map: &str, app: &str) -> Labels {
    let mut labels = common(name, kind, config_map);
    labels.insert(APP_LABEL.to_owned(), app.to_owned());
    labels
}

fn common(name: &str, kind: &str, object: &str) -> Labels {
    [
        ("app.kubernetes.io/instance", name),
        (MANAGED_BY, MANAGER),
        ("app.kubernetes.io/name", kind),
        ("app.kubernetes.io/part-of", &format!("kaspr-{name}")),
        ("kaspr.io/component-type", kind),
        ("kaspr.io/kind", kind),
        ("kaspr.io/name", object),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// Both sets of labels; those of `ours` win.
pub fn merged(theirs: Option<&Labels>, ours: Labels) -> Labels {
    let mut labels = theirs.cloned().unwrap_or_default();
    labels.extend(ours);
    labels
}
