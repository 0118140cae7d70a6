//! Resources by the app that they belong to, from files or a cluster.

use std::collections::{BTreeMap, btree_map::Values};

use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::note;
use crate::{
    api::{KasprApp, Kind},
    naming::APP_LABEL,
    reconcile::ComponentSet,
};

/// An app, there or not, with its components.
#[derive(Clone, Debug, Default)]
pub struct AppSet {
    /// Its namespace.
    pub namespace: String,
    /// Its name; empty for components without the label of an app.
    pub name: String,
    /// The app, if it is there.
    pub app: Option<KasprApp>,
    /// Its components.
    pub components: ComponentSet,
}

/// All of them, by namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Resources(BTreeMap<(String, String), AppSet>);

impl Resources {
    /// Adds a resource of a kind, in place of one of the same name. What is not of the six kinds is
    /// none of ours.
    ///
    /// Errors: its fields do not have their types; the error names the first.
    pub fn add(&mut self, kind: Kind, value: Value) -> Result<(), String> {
        match kind {
            Kind::App => {
                let app: KasprApp = typed(value)?;
                let set = self.set(&app, app.name_any());
                set.app = Some(app);
                Ok(())
            }
            Kind::Agent => self.put(value, |components| &mut components.agents),
            Kind::Table => self.put(value, |components| &mut components.tables),
            Kind::Task => self.put(value, |components| &mut components.tasks),
            Kind::WebView => self.put(value, |components| &mut components.webviews),
            Kind::Join => self.put(value, |components| &mut components.joins),
        }
    }

    /// The same; what can't be read is told and left out.
    pub fn add_or_tell(&mut self, kind: Kind, value: Value) {
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if let Err(why) = self.add(kind, value) {
            note(&format!("warning: {kind} {name} is left out: {why}"));
        }
    }

    fn put<C: DeserializeOwned + Resource>(
        &mut self,
        value: Value,
        list: impl Fn(&mut ComponentSet) -> &mut Vec<C>,
    ) -> Result<(), String> {
        let component: C = typed(value)?;
        let app = component.labels().get(APP_LABEL).cloned().unwrap_or_default();
        for set in self.0.values_mut() {
            let of_app = list(&mut set.components);
            of_app.retain(|other| {
                other.name_any() != component.name_any() || other.namespace() != component.namespace()
            });
        }
        let of_app = list(&mut self.set(&component, app).components);
        of_app.push(component);
        of_app.sort_by_key(ResourceExt::name_any);
        Ok(())
    }

    fn set(&mut self, resource: &impl Resource, name: String) -> &mut AppSet {
        let namespace = resource.meta().namespace.clone().unwrap_or_default();
        self.0.entry((namespace.clone(), name.clone())).or_insert_with(|| AppSet {
            namespace,
            name,
            ..AppSet::default()
        })
    }

    /// Every app, by namespace and name.
    pub fn sets(&self) -> Values<'_, (String, String), AppSet> {
        self.0.values()
    }

    /// One of them.
    pub fn get(&self, namespace: &str, app: &str) -> Option<&AppSet> {
        self.0.get(&(namespace.to_owned(), app.to_owned()))
    }
}

impl AppSet {
    /// How messages name it.
    pub fn shown(&self) -> String {
        match self.name.as_str() {
            "" => format!("the KasprApp of components without the label {APP_LABEL}"),
            name => format!("KasprApp {}/{name}", self.namespace),
        }
    }
}

/// A manifest's kind, if it is one of ours.
pub fn kind_of(value: &Value) -> Option<Kind> {
    Kind::from_name(value["kind"].as_str()?)
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| format!("{}: {}", error.path(), error.inner()))
}
