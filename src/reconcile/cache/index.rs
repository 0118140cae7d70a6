//! The index of components and pods by app: from a watch event to the resources to reconcile.

use std::collections::{BTreeSet, HashMap, HashSet};

use kube::{
    Resource, ResourceExt,
    core::{DeserializeGuard, ObjectMeta},
};

use crate::{
    api::{GROUP, KasprResource, Kind},
    naming::APP_LABEL,
};

/// Identifies a resource of one of the six kinds.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    /// The kind.
    pub kind: Kind,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// Returns the key of a resource.
    pub fn of<K: KasprResource>(resource: &K) -> Self {
        Self { kind: K::KIND, namespace: resource.namespace().unwrap_or_default(), name: resource.name_any() }
    }

    /// Returns the key of a cached resource, which may be unreadable.
    pub fn of_guarded<K: KasprResource>(resource: &DeserializeGuard<K>) -> Self {
        let name = resource.meta().name.clone().unwrap_or_default();
        Self { kind: K::KIND, namespace: resource.meta().namespace.clone().unwrap_or_default(), name }
    }

    /// Returns the resource that controls an object, by its owner references.
    #[must_use]
    pub fn controller(metadata: &ObjectMeta) -> Option<Self> {
        let owner =
            metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
        let kind = Kind::from_name(&owner.kind)?;
        let ours = owner.api_version.split('/').next() == Some(GROUP);
        let namespace = metadata.namespace.clone().unwrap_or_default();
        ours.then(|| Self { kind, namespace, name: owner.name.clone() })
    }
}

/// Which components and pods belong to which app, kept up to date by the watches.
#[derive(Debug, Default)]
pub(crate) struct AppIndex {
    app_of: HashMap<ObjectKey, ObjectKey>,
    components_of: HashMap<ObjectKey, HashSet<ObjectKey>>,
    /// The namespaces that contain an app of a name.
    apps: HashMap<String, BTreeSet<String>>,
    /// The names of the members' pods, by app.
    pods: HashMap<ObjectKey, BTreeSet<String>>,
    /// The names of the ConfigMaps that apps control, by app.
    config_maps: HashMap<ObjectKey, BTreeSet<String>>,
}

impl AppIndex {
    /// Adds or updates a component. Returns the resources to reconcile.
    pub(crate) fn insert_component(
        &mut self,
        component: &ObjectKey,
        metadata: &ObjectMeta,
    ) -> Vec<ObjectKey> {
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(APP_LABEL));
        let app = label.map(|name| ObjectKey {
            kind: Kind::App,
            namespace: component.namespace.clone(),
            name: name.clone(),
        });
        let before = self.app_of.get(component).cloned();
        if before != app {
            self.forget(component);
        }
        if let Some(app) = &app {
            self.app_of.insert(component.clone(), app.clone());
            self.components_of.entry(app.clone()).or_default().insert(component.clone());
        }
        let mut affected = self.affected(component, app.as_ref());
        affected.extend(before.filter(|before| Some(before) != app.as_ref()));
        affected
    }

    /// Removes a component. Returns the resources to reconcile.
    pub(crate) fn remove_component(&mut self, component: &ObjectKey) -> Vec<ObjectKey> {
        let app = self.app_of.get(component).cloned();
        let affected = self.affected(component, app.as_ref());
        self.forget(component);
        affected
    }

    /// Adds an app. Returns the resources to reconcile: its components too, the first time.
    pub(crate) fn insert_app(&mut self, app: &ObjectKey) -> Vec<ObjectKey> {
        let mut affected = vec![app.clone()];
        if self.apps.entry(app.name.clone()).or_default().insert(app.namespace.clone()) {
            affected.extend(self.components(app));
        }
        affected
    }

    /// Removes an app. Returns the resources to reconcile: its components.
    pub(crate) fn remove_app(&mut self, app: &ObjectKey) -> Vec<ObjectKey> {
        if let Some(namespaces) = self.apps.get_mut(&app.name) {
            namespaces.remove(&app.namespace);
            if namespaces.is_empty() {
                self.apps.remove(&app.name);
            }
        }
        self.components(app)
    }

    /// Returns the apps of the same name in other namespaces.
    pub(crate) fn namesakes(&self, app: &ObjectKey) -> Vec<ObjectKey> {
        let namespaces = self.apps.get(&app.name).into_iter().flatten();
        let others = namespaces.filter(|namespace| **namespace != app.namespace);
        others.map(|namespace| ObjectKey { namespace: namespace.clone(), ..app.clone() }).collect()
    }

    /// Returns the name of a component's app, or of the app itself; empty for a component without one.
    pub(crate) fn app_name(&self, key: &ObjectKey) -> String {
        if key.kind == Kind::App {
            return key.name.clone();
        }
        self.app_of.get(key).map(|app| app.name.clone()).unwrap_or_default()
    }

    /// Adds the pod of a member.
    pub(crate) fn insert_pod(&mut self, app: &ObjectKey, pod: &str) {
        self.pods.entry(app.clone()).or_default().insert(pod.to_owned());
    }

    /// Removes the pod of a member.
    pub(crate) fn remove_pod(&mut self, app: &ObjectKey, pod: &str) {
        if let Some(pods) = self.pods.get_mut(app) {
            pods.remove(pod);
            if pods.is_empty() {
                self.pods.remove(app);
            }
        }
    }

    /// Returns the names of the pods of an app's members.
    pub(crate) fn pods(&self, app: &ObjectKey) -> Vec<String> {
        self.pods.get(app).into_iter().flatten().cloned().collect()
    }

    /// Adds or removes a ConfigMap that an app controls.
    pub(crate) fn set_config_map(&mut self, app: &ObjectKey, name: &str, exists: bool) {
        let names = self.config_maps.entry(app.clone()).or_default();
        if exists {
            names.insert(name.to_owned());
        } else {
            names.remove(name);
        }
        if names.is_empty() {
            self.config_maps.remove(app);
        }
    }

    /// Returns the names of the ConfigMaps that an app controls.
    pub(crate) fn config_maps(&self, app: &ObjectKey) -> Vec<String> {
        self.config_maps.get(app).into_iter().flatten().cloned().collect()
    }

    /// Returns the components of an app.
    pub(crate) fn components(&self, app: &ObjectKey) -> Vec<ObjectKey> {
        self.components_of.get(app).into_iter().flatten().cloned().collect()
    }

    /// Returns the component, its app, and for a table the joins that may name it.
    fn affected(&self, component: &ObjectKey, app: Option<&ObjectKey>) -> Vec<ObjectKey> {
        let mut affected = vec![component.clone()];
        let Some(app) = app else { return affected };
        affected.push(app.clone());
        if component.kind == Kind::Table {
            let siblings = self.components_of.get(app).into_iter().flatten();
            affected.extend(siblings.filter(|sibling| sibling.kind == Kind::Join).cloned());
        }
        affected
    }

    fn forget(&mut self, component: &ObjectKey) {
        let Some(app) = self.app_of.remove(component) else { return };
        if let Some(components) = self.components_of.get_mut(&app) {
            components.remove(component);
            if components.is_empty() {
                self.components_of.remove(&app);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind, name: &str) -> ObjectKey {
        ObjectKey { kind, namespace: "ns".to_owned(), name: name.to_owned() }
    }

    fn of_app(app: &str) -> ObjectMeta {
        ObjectMeta { labels: Some([(APP_LABEL.to_owned(), app.to_owned())].into()), ..ObjectMeta::default() }
    }

    #[test]
    fn a_component_that_moves_affects_both_apps() {
        let mut index = AppIndex::default();
        let agent = key(Kind::Agent, "a");
        assert_eq!(index.insert_component(&agent, &of_app("one")), [agent.clone(), key(Kind::App, "one")]);
        assert_eq!(
            index.insert_component(&agent, &of_app("two")),
            [agent.clone(), key(Kind::App, "two"), key(Kind::App, "one")]
        );
        assert!(index.components(&key(Kind::App, "one")).is_empty());
        assert_eq!(index.remove_component(&agent), [agent, key(Kind::App, "two")]);
        assert!(index.components(&key(Kind::App, "two")).is_empty());
    }

    #[test]
    fn a_table_affects_the_joins_of_its_app() {
        let mut index = AppIndex::default();
        let (table, join) = (key(Kind::Table, "t"), key(Kind::Join, "j"));
        index.insert_component(&join, &of_app("one"));
        assert_eq!(index.insert_component(&table, &of_app("one")), [table, key(Kind::App, "one"), join]);
    }

    #[test]
    fn components_are_reconciled_once_for_a_new_app() {
        let mut index = AppIndex::default();
        let (app, agent) = (key(Kind::App, "one"), key(Kind::Agent, "a"));
        index.insert_component(&agent, &of_app("one"));
        assert_eq!(index.insert_app(&app), [app.clone(), agent.clone()]);
        assert_eq!(index.insert_app(&app), std::slice::from_ref(&app));
        assert_eq!(index.remove_app(&app), [agent]);
    }
}
