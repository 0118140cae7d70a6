use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::json;

use super::{Component, app_of, config_map_name, file_name, snapshot};
use crate::{
    api::KasprApp,
    naming,
    resources::{AppComponents, labels, legacy_hash, metadata},
    validate::Valid,
};

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
pub fn joins(app: &KasprApp, components: &AppComponents) -> Result<ConfigMap, serde_saphyr::ser::Error> {
    let name = naming::joins(&app.name_any());
    let text = serde_saphyr::to_string(&snapshot::joins_value(components))?;
    Ok(ConfigMap {
        metadata: metadata::owned(
            app,
            name,
            labels::merged(Some(app.labels()), labels::app(&app.name_any())),
        ),
        data: Some([(snapshot::joins_file(app), text)].into()),
        ..ConfigMap::default()
    })
}
