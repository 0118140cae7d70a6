//! Resources from files or a cluster, grouped by app.

use std::collections::{BTreeMap, btree_map::Values};

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
pub(super) struct Resources(BTreeMap<(String, String), AppSet>);

impl Resources {
    /// Adds a resource of a kind, and replaces a resource of the same name.
    ///
    /// # Errors
    ///
    /// A field does not have the type that the kind requires. The error names the first such field.
    pub(super) fn add(&mut self, kind: Kind, value: Value) -> Result<(), String> {
        match kind {
            Kind::App => {
                let app: KasprApp = parse(value)?;
                let set = self.app_set(&app, app.name_any());
                set.app = Some(app);
                Ok(())
            }
            Kind::Agent => self.add_component(value, |components| &mut components.agents),
            Kind::Table => self.add_component(value, |components| &mut components.tables),
            Kind::Task => self.add_component(value, |components| &mut components.tasks),
            Kind::WebView => self.add_component(value, |components| &mut components.webviews),
            Kind::Join => self.add_component(value, |components| &mut components.joins),
        }
    }

    /// Adds a resource of a kind like [`Resources::add`], or prints a warning and skips the resource.
    pub(super) fn add_or_warn(&mut self, kind: Kind, value: Value) {
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if let Err(why) = self.add(kind, value) {
            print_message(&format!("warning: {kind} {name} is skipped: {why}"));
        }
    }

    fn add_component<C: DeserializeOwned + Resource>(
        &mut self,
        value: Value,
        list: impl Fn(&mut ComponentSet) -> &mut Vec<C>,
    ) -> Result<(), String> {
        let component: C = parse(value)?;
        let app = component.labels().get(APP_LABEL).cloned().unwrap_or_default();
        for set in self.0.values_mut() {
            let of_app = list(&mut set.components);
            of_app.retain(|other| {
                other.name_any() != component.name_any() || other.namespace() != component.namespace()
            });
        }
        let of_app = list(&mut self.app_set(&component, app).components);
        of_app.push(component);
        of_app.sort_by_key(ResourceExt::name_any);
        Ok(())
    }

    fn app_set(&mut self, resource: &impl Resource, name: String) -> &mut AppSet {
        let namespace = resource.meta().namespace.clone().unwrap_or_default();
        self.0.entry((namespace.clone(), name.clone())).or_insert_with(|| AppSet {
            namespace,
            name,
            ..AppSet::default()
        })
    }

    /// Returns all apps, ordered by namespace and name.
    pub(super) fn app_sets(&self) -> Values<'_, (String, String), AppSet> {
        self.0.values()
    }

    /// Returns an app with its components.
    #[must_use]
    pub(super) fn get(&self, namespace: &str, app: &str) -> Option<&AppSet> {
        self.0.get(&(namespace.to_owned(), app.to_owned()))
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
