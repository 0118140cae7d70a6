//! The definitions of components, as the framework reads them: snake-case keys, and null for what
//! is absent.

mod agent;
mod join;
mod processors;
mod table;
mod task;
mod webview;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{hash, labels, legacy_hash, metadata};
use crate::{
    api::{Code, KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView},
    naming::{self, APP_LABEL},
    validate::{Valid, entrypoint_to_render},
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

/// Returns the ConfigMap with a component's definition.
///
/// # Errors
///
/// The definition could not be serialized as YAML.
pub fn config_map<C: Component>(component: &Valid<C>) -> Result<ConfigMap, serde_saphyr::ser::Error> {
    let name = config_map_name(&**component);
    let own = labels::component(&component.name_any(), C::KIND, &name, &app_of(&**component));
    let text = serde_saphyr::to_string(&json!({ C::KEY: [component.definition()] }))?;
    let mut map = ConfigMap {
        metadata: metadata::owned(&**component, name, labels::merged(Some(component.labels()), own)),
        data: Some([(file_name(&**component), text)].into()),
        ..ConfigMap::default()
    };
    legacy_hash::stamp_config_map(&mut map, C::KIND);
    Ok(map)
}

/// Returns the ConfigMap with an app's joins and the tables that they name, in one file.
///
/// The framework reads `*.yml` before `*.yaml`, each in the directory's order, and in a file the
/// tables before the joins: only in a file of their own are a join's tables sure to be there
/// before it, and agents that read its channel after it.
///
/// # Errors
///
/// A definition could not be serialized as YAML.
pub fn joins(
    app: &KasprApp,
    tables: &[Value],
    joins: &[Value],
) -> Result<ConfigMap, serde_saphyr::ser::Error> {
    let name = naming::joins(&app.name_any());
    let text = serde_saphyr::to_string(&json!({ KasprTable::KEY: tables, KasprJoin::KEY: joins }))?;
    Ok(ConfigMap {
        metadata: metadata::owned(
            app,
            name.clone(),
            labels::merged(Some(app.labels()), labels::app(&app.name_any())),
        ),
        data: Some([(format!("{name}.yml"), text)].into()),
        ..ConfigMap::default()
    })
}

fn code(code: Option<&Code>) -> Value {
    code_after(None, code)
}

/// Code that runs in a scope with what `init` defined. The framework calls the first thing there
/// that can be called, so the code's own function is named where another one would come first.
fn code_after(init: Option<&Code>, code: Option<&Code>) -> Value {
    let Some(code) = code else { return Value::Null };
    let given = code.entrypoint.clone().filter(|entrypoint| !entrypoint.is_empty());
    let entrypoint =
        given.or_else(|| entrypoint_to_render(init.map(|init| init.python.as_str()), &code.python));
    json!({ "entrypoint": entrypoint, "python": code.python })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(python: &str) -> Code {
        Code { entrypoint: None, python: python.to_owned() }
    }

    #[test]
    fn the_blocks_own_function_is_named_where_another_would_be_taken() {
        let own = code_of("def own(v):\n    return v\n");
        let import = code_of("from datetime import datetime\ndef own(v):\n    return v\n");
        let helper = code_of("def helper(v):\n    return v\n");
        assert_eq!(code_after(None, Some(&own))["entrypoint"], Value::Null);
        assert_eq!(code_after(None, Some(&import))["entrypoint"], "own");
        assert_eq!(code_after(Some(&helper), Some(&own))["entrypoint"], "own");
        let given = Code { entrypoint: Some("other".to_owned()), ..own };
        assert_eq!(code_after(Some(&helper), Some(&given))["entrypoint"], "other");
    }
}
