//! Resources from files or a cluster, grouped by app.

use std::collections::{BTreeMap, HashMap, btree_map::Values};

use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::output::print_message;
use crate::{
    api::{KasprApp, Kind},
    naming::APP_LABEL,
    reconcile::ComponentSet,
};

/// An app with its components. The app itself may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct AppSet {
    /// Namespace of the app and its components.
    pub namespace: String,
    /// Name of the app; empty for components without the label of an app.
    pub name: String,
    /// The app, if it exists.
    pub app: Option<KasprApp>,
    /// Components whose label names the app.
    pub components: ComponentSet,
}

/// Apps with their components, by namespace and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Resources {
    sets: BTreeMap<AppKey, AppSet>,
    /// App of each component, so that a later resource of the same name replaces it in any app.
    apps: HashMap<(Kind, AppKey), AppKey>,
}

/// Namespace and name.
type AppKey = (String, String);

impl Resources {
    /// Adds resources like [`Resources::add`], or prints a warning and skips the resource. Sorts components by name.
    pub(super) fn extend(&mut self, resources: impl IntoIterator<Item = (Kind, Value)>) {
        for (kind, value) in resources {
            self.add_or_warn(kind, value);
        }
        for set in self.sets.values_mut() {
            let ComponentSet { agents, tables, tasks, webviews, joins } = &mut set.components;
            agents.sort_by_cached_key(ResourceExt::name_any);
            tables.sort_by_cached_key(ResourceExt::name_any);
            tasks.sort_by_cached_key(ResourceExt::name_any);
            webviews.sort_by_cached_key(ResourceExt::name_any);
            joins.sort_by_cached_key(ResourceExt::name_any);
        }
    }

    /// Adds a resource of a kind, and replaces a resource of the same name.
    ///
    /// # Errors
    ///
    /// A field does not have the type that the kind requires. The error names the first such field.
    fn add(&mut self, kind: Kind, value: Value) -> Result<(), String> {
        match kind {
            Kind::App => {
                let app: KasprApp = parse(value)?;
                let set = self.app_set(&app, app.name_any());
                set.app = Some(app);
                Ok(())
            }
            Kind::Agent => self.add_component(kind, value, |components| &mut components.agents),
            Kind::Table => self.add_component(kind, value, |components| &mut components.tables),
            Kind::Task => self.add_component(kind, value, |components| &mut components.tasks),
            Kind::WebView => self.add_component(kind, value, |components| &mut components.webviews),
            Kind::Join => self.add_component(kind, value, |components| &mut components.joins),
        }
    }

    fn add_or_warn(&mut self, kind: Kind, value: Value) {
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if let Err(why) = self.add(kind, value) {
            print_message(&format!("warning: {kind} {name} is skipped: {why}"));
        }
    }

    fn add_component<C: DeserializeOwned + Resource>(
        &mut self,
        kind: Kind,
        value: Value,
        list: impl Fn(&mut ComponentSet) -> &mut Vec<C>,
    ) -> Result<(), String> {
        let component: C = parse(value)?;
        let app = component.labels().get(APP_LABEL).cloned().unwrap_or_default();
        let (namespace, name) = (component.namespace().unwrap_or_default(), component.name_any());
        let app = (namespace.clone(), app);
        let replaced = self.apps.insert((kind, (namespace, name.clone())), app.clone());
        if let Some(set) = replaced.and_then(|app| self.sets.get_mut(&app)) {
            list(&mut set.components).retain(|other| other.meta().name.as_ref() != Some(&name));
        }
        list(&mut self.app_set(&component, app.1).components).push(component);
        Ok(())
    }

    fn app_set(&mut self, resource: &impl Resource, name: String) -> &mut AppSet {
        let namespace = resource.meta().namespace.clone().unwrap_or_default();
        self.sets.entry((namespace.clone(), name.clone())).or_insert_with(|| AppSet {
            namespace,
            name,
            ..AppSet::default()
        })
    }

    /// Returns all apps, ordered by namespace and name.
    pub(super) fn app_sets(&self) -> Values<'_, AppKey, AppSet> {
        self.sets.values()
    }

    /// Returns an app with its components.
    #[must_use]
    pub(super) fn get(&self, namespace: &str, app: &str) -> Option<&AppSet> {
        self.sets.get(&(namespace.to_owned(), app.to_owned()))
    }
}

impl AppSet {
    /// Returns the name of the app for messages.
    #[must_use]
    pub(super) fn display_name(&self) -> String {
        match self.name.as_str() {
            "" => format!("the {} of components without the label {APP_LABEL}", Kind::App),
            name => format!("{} {}/{name}", Kind::App, self.namespace),
        }
    }
}

/// Returns the kind of a manifest, if it is one of the kinds of kaspr.io.
#[must_use]
pub(super) fn kind_of(value: &Value) -> Option<Kind> {
    Kind::from_name(value["kind"].as_str()?)
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| format!("{}: {}", error.path(), error.inner()))
}
