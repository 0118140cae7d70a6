//! Context of each app in a set of manifests: the other resources that its rules refer to.

use std::{collections::BTreeMap, sync::Arc};

use super::manifest::{AppKey, Manifest};
use crate::{
    admission,
    api::Kind,
    naming::{MANAGED_BY_LABEL, MANAGER},
    validate::{AppContext, Objects},
};

/// Returns the context of each app that is in the manifests, or that a component belongs to. `others` are
/// the manifests of other API groups.
#[must_use]
pub(super) fn app_contexts(manifests: &[Manifest], others: &[Manifest]) -> BTreeMap<AppKey, AppContext> {
    let objects: BTreeMap<String, Arc<Objects>> = secrets_and_config_maps(others)
        .into_iter()
        .map(|(name, objects)| (name, Arc::new(objects)))
        .collect();
    let none = Arc::new(Objects::default());
    let foreign: BTreeMap<String, Arc<_>> =
        foreign_config_maps(others).into_iter().map(|(name, found)| (name, Arc::new(found))).collect();
    let mut contexts = BTreeMap::<AppKey, AppContext>::new();
    for manifest in manifests {
        let is_app = manifest.kind() == Some(Kind::App);
        let parsed = manifest.parse();
        let app = if is_app {
            Some(manifest.key())
        } else {
            parsed.as_ref().and_then(|(_, object)| manifest.app_key(object))
        };
        let Some(app) = app else { continue };
        let context = contexts.entry(app).or_insert_with_key(|(namespace, _)| {
            let mut context = AppContext::default();
            context.set_objects(Arc::clone(objects.get(namespace).unwrap_or(&none)));
            if let Some(foreign) = foreign.get(namespace) {
                context.set_foreign_config_maps(Arc::clone(foreign));
            }
            context
        });
        if is_app {
            context.set_app_exists();
        }
        if let Some((handler, object)) = parsed {
            (handler.register)(&object, context);
        }
        if manifest.kind() == Some(Kind::Table) {
            context.add_table_name(&manifest.resource.name);
        }
    }
    register_namesakes(manifests, &mut contexts);
    contexts
}

/// Returns the Secrets and ConfigMaps of each namespace, with their keys.
fn secrets_and_config_maps(others: &[Manifest]) -> BTreeMap<String, Objects> {
    let mut objects = BTreeMap::<String, Objects>::new();
    for Manifest { value, resource, .. } in
        others.iter().filter(|manifest| manifest.value["apiVersion"] == "v1")
    {
        let blocks = ["data", "stringData", "binaryData"];
        let keys = blocks.iter().filter_map(|block| value[*block].as_object()).flatten();
        let keys = keys.map(|(key, _)| key.clone()).collect();
        let in_namespace = objects.entry(resource.namespace.clone()).or_default();
        match resource.kind.as_str() {
            "Secret" => _ = in_namespace.secrets.insert(resource.name.clone(), keys),
            "ConfigMap" => _ = in_namespace.config_maps.insert(resource.name.clone(), keys),
            _ => {}
        }
    }
    objects
}

/// Returns the names of the ConfigMaps of each namespace that the operator did not make, with whose they are.
fn foreign_config_maps(others: &[Manifest]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found = BTreeMap::<String, BTreeMap<String, String>>::new();
    for Manifest { value, resource, .. } in others {
        let is_rendered = value["metadata"]["labels"][MANAGED_BY_LABEL] == MANAGER;
        if value["apiVersion"] == "v1" && resource.kind == "ConfigMap" && !is_rendered {
            let names = found.entry(resource.namespace.clone()).or_default();
            names.insert(resource.name.clone(), "is a manifest of its own".to_owned());
        }
    }
    found
}

/// Registers apps of the same name in different namespaces with each other.
fn register_namesakes(manifests: &[Manifest], contexts: &mut BTreeMap<AppKey, AppContext>) {
    let mut by_name = BTreeMap::<&str, Vec<&Manifest>>::new();
    for app in manifests.iter().filter(|manifest| manifest.kind() == Some(Kind::App)) {
        by_name.entry(&app.resource.name).or_default().push(app);
    }
    for apps in by_name.values().filter(|apps| apps.len() > 1) {
        let mut all = AppContext::default();
        for app in apps {
            if let Some((_, object)) = app.parse() {
                admission::register_namesake(&object, &mut all);
            }
        }
        for app in apps {
            if let Some(context) = contexts.get_mut(&app.key()) {
                context.share_namesakes(&all);
            }
        }
    }
}
