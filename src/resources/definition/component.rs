use kube::ResourceExt;
use serde_json::{Value, json};

use super::{agent, join, table, task, webview};
use crate::{
    api::{KasprAgent, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView},
    naming::{self, APP_LABEL},
    resources::hash,
};

/// A kind whose resources are definitions that an app's members run.
pub trait Component: KasprResource {
    /// The key under which the framework looks for such definitions: `agents`.
    const KEY: &'static str;

    /// Returns the definition.
    fn definition(&self) -> Value;
}

impl Component for KasprAgent {
    const KEY: &'static str = "agents";

    fn definition(&self) -> Value {
        agent::definition(self)
    }
}

impl Component for KasprTable {
    const KEY: &'static str = "tables";

    fn definition(&self) -> Value {
        table::definition(self)
    }
}

impl Component for KasprTask {
    const KEY: &'static str = "tasks";

    fn definition(&self) -> Value {
        task::definition(self)
    }
}

impl Component for KasprWebView {
    const KEY: &'static str = "webviews";

    fn definition(&self) -> Value {
        webview::definition(self)
    }
}

impl Component for KasprJoin {
    const KEY: &'static str = "joins";

    fn definition(&self) -> Value {
        join::definition(self)
    }
}

/// Returns the name of a component's ConfigMap, and of the volume in the pods.
#[must_use]
pub fn config_map_name<C: Component>(component: &C) -> String {
    naming::definition(C::KIND, &component.name_any())
}

/// Returns the file name, and key of the ConfigMap, of a component's definition.
#[must_use]
pub fn file_name<C: Component>(component: &C) -> String {
    format!("{}.yaml", config_map_name(component))
}

/// Returns the name of the app that a component belongs to; empty without the label.
#[must_use]
pub fn app_of<C: Component>(component: &C) -> String {
    component.labels().get(APP_LABEL).cloned().unwrap_or_default()
}

/// Returns the hash of a component's definition.
#[must_use]
pub fn hash_of<C: Component>(component: &C) -> String {
    hash::of_json(&json!({ C::KEY: [component.definition()] }))
}
