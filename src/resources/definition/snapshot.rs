//! One version of a definition, which never changes: the members of one pod template read the same definitions for as
//! long as they live, and an old pod that restarts reads what it read before.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Component, config_map_name, file_name};
use crate::{
    api::{KasprApp, KasprJoin, KasprTable},
    naming,
    resources::{AppComponents, RunnableComponent, hash, labels, metadata},
};

/// Returns the snapshots of all definitions that an app's members mount, but those of components that are invalid now:
/// theirs exist.
///
/// # Errors
///
/// A definition could not be serialized.
pub fn snapshots(
    app: &KasprApp,
    components: &AppComponents,
) -> Result<Vec<ConfigMap>, serde_saphyr::ser::Error> {
    let AppComponents { agents, webviews, tables, tasks, joins } = components;
    let mut all = Vec::new();
    add(app, agents, &mut all)?;
    add(app, webviews, &mut all)?;
    // Tables that a join names are in the file of the joins.
    let apart: Vec<_> = tables.iter().filter(|table| !components.is_joined(table)).cloned().collect();
    add(app, &apart, &mut all)?;
    add(app, tasks, &mut all)?;
    if !joins.is_empty() && components.joins_are_valid() {
        let text = serde_saphyr::to_string(&joins_value(components))?;
        let name = joins_snapshot_name(app, components);
        all.push(snapshot(app, name, naming::joins(&app.name_any()), (joins_file(app), text)));
    }
    Ok(all)
}

fn add<C: Component>(
    app: &KasprApp,
    components: &[RunnableComponent<C>],
    all: &mut Vec<ConfigMap>,
) -> Result<(), serde_saphyr::ser::Error> {
    for runnable in components {
        let Some(component) = runnable.as_valid() else { continue };
        let text = serde_saphyr::to_string(&json!({ C::KEY: [component.definition()] }))?;
        let file = (file_name(&**component), text);
        all.push(snapshot(app, runnable.config_map(), config_map_name(&**component), file));
    }
    Ok(())
}

fn snapshot(app: &KasprApp, name: String, current: String, file: (String, String)) -> ConfigMap {
    let mut labels = labels::app(&app.name_any());
    labels.insert(naming::SNAPSHOT_LABEL.to_owned(), current);
    ConfigMap {
        // The app owns it: pods need it also after the component was deleted.
        metadata: metadata::owned(app, name, labels),
        data: Some([file].into()),
        immutable: Some(true),
        ..ConfigMap::default()
    }
}

/// Returns the joins of an app and the tables that they name, as the framework reads them from one file.
pub(super) fn joins_value(components: &AppComponents) -> Value {
    let tables: Vec<Value> = components.joined_tables().map(Component::definition).collect();
    let joins: Vec<Value> = components.joins.iter().map(|join| join.definition()).collect();
    json!({ KasprTable::KEY: tables, KasprJoin::KEY: joins })
}

/// Returns the name of the snapshot of an app's joins.
#[must_use]
pub fn joins_snapshot_name(app: &KasprApp, components: &AppComponents) -> String {
    naming::joins_snapshot(&app.name_any(), &hash::of_json(&joins_value(components)))
}

/// Returns the file name of an app's joins.
#[must_use]
pub fn joins_file(app: &KasprApp) -> String {
    format!("{}.yml", naming::joins(&app.name_any()))
}
