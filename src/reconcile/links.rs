//! Which object concerns which resource: from a watch event to what has to be reconciled.

use std::collections::{BTreeSet, HashMap, HashSet};

use kube::{Resource, ResourceExt, core::ObjectMeta};

use crate::api::{APP_LABEL, GROUP};

/// A namespaced resource of ours.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The kinds of ours, for owner references.
pub const KINDS: [&str; 6] =
    ["KasprApp", "KasprAgent", "KasprTable", "KasprTask", "KasprWebView", "KasprJoin"];

/// The kind of an app.
pub const APP: &str = "KasprApp";

/// The kind of a table.
const TABLE: &str = "KasprTable";

/// The kind of a join.
const JOIN: &str = "KasprJoin";

impl Key {
    /// The key of a resource.
    pub fn of<K: Resource<DynamicType = ()>>(kind: &'static str, resource: &K) -> Self {
        Self { kind, namespace: resource.namespace().unwrap_or_default(), name: resource.name_any() }
    }

    /// The resource that controls an object.
    pub fn controller(metadata: &ObjectMeta) -> Option<Self> {
        let owner =
            metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
        let kind = KINDS.into_iter().find(|kind| owner.kind == **kind)?;
        let ours = owner.api_version.split('/').next() == Some(GROUP);
        let namespace = metadata.namespace.clone().unwrap_or_default();
        ours.then(|| Self { kind, namespace, name: owner.name.clone() })
    }
}

/// Which components belong to which app. Kept from the watches, so that nothing has to be searched.
#[derive(Debug, Default)]
pub struct Links {
    app_of: HashMap<Key, Key>,
    components_of: HashMap<Key, HashSet<Key>>,
    /// The namespaces that have an app of a name.
    apps: HashMap<String, BTreeSet<String>>,
    /// The names of the members' pods.
    pods: HashMap<Key, BTreeSet<String>>,
}

impl Links {
    /// A component was seen. Gives what has to be reconciled.
    pub fn component_seen(&mut self, component: &Key, metadata: &ObjectMeta) -> Vec<Key> {
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(APP_LABEL));
        let app =
            label.map(|name| Key { kind: APP, namespace: component.namespace.clone(), name: name.clone() });
        let before = self.app_of.get(component).cloned();
        if before != app {
            self.forget(component);
        }
        if let Some(app) = &app {
            self.app_of.insert(component.clone(), app.clone());
            self.components_of.entry(app.clone()).or_default().insert(component.clone());
        }
        let mut concerned = self.concerned(component, app.as_ref());
        concerned.extend(before.filter(|before| Some(before) != app.as_ref()));
        concerned
    }

    /// A component is gone. Gives what has to be reconciled.
    pub fn component_gone(&mut self, component: &Key) -> Vec<Key> {
        let app = self.app_of.get(component).cloned();
        let concerned = self.concerned(component, app.as_ref());
        self.forget(component);
        concerned
    }

    /// An app was seen; its components learn of it the first time.
    pub fn app_seen(&mut self, app: &Key) -> Vec<Key> {
        let mut concerned = vec![app.clone()];
        if self.apps.entry(app.name.clone()).or_default().insert(app.namespace.clone()) {
            concerned.extend(self.components(app));
        }
        concerned
    }

    /// An app is gone; its components learn of it.
    pub fn app_gone(&mut self, app: &Key) -> Vec<Key> {
        if let Some(namespaces) = self.apps.get_mut(&app.name) {
            namespaces.remove(&app.namespace);
            if namespaces.is_empty() {
                self.apps.remove(&app.name);
            }
        }
        self.components(app)
    }

    /// The apps of the same name in other namespaces.
    pub fn namesakes(&self, app: &Key) -> Vec<Key> {
        let namespaces = self.apps.get(&app.name).into_iter().flatten();
        let others = namespaces.filter(|namespace| **namespace != app.namespace);
        others.map(|namespace| Key { namespace: namespace.clone(), ..app.clone() }).collect()
    }

    /// The app of a component, by name; an app's is itself, and one without has none.
    pub fn app_of(&self, key: &Key) -> String {
        if key.kind == APP {
            return key.name.clone();
        }
        self.app_of.get(key).map(|app| app.name.clone()).unwrap_or_default()
    }

    /// A pod of an app's members was seen.
    pub fn pod_seen(&mut self, app: &Key, pod: &str) {
        self.pods.entry(app.clone()).or_default().insert(pod.to_owned());
    }

    /// A pod of an app's members is gone.
    pub fn pod_gone(&mut self, app: &Key, pod: &str) {
        if let Some(pods) = self.pods.get_mut(app) {
            pods.remove(pod);
            if pods.is_empty() {
                self.pods.remove(app);
            }
        }
    }

    /// The names of the pods of an app's members.
    pub fn pods(&self, app: &Key) -> Vec<String> {
        self.pods.get(app).into_iter().flatten().cloned().collect()
    }

    /// The components of an app.
    pub fn components(&self, app: &Key) -> Vec<Key> {
        self.components_of.get(app).into_iter().flatten().cloned().collect()
    }

    /// The component, its app, and for a table the joins that may name it.
    fn concerned(&self, component: &Key, app: Option<&Key>) -> Vec<Key> {
        let mut concerned = vec![component.clone()];
        let Some(app) = app else { return concerned };
        concerned.push(app.clone());
        if component.kind == TABLE {
            let siblings = self.components_of.get(app).into_iter().flatten();
            concerned.extend(siblings.filter(|sibling| sibling.kind == JOIN).cloned());
        }
        concerned
    }

    fn forget(&mut self, component: &Key) {
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

    fn key(kind: &'static str, name: &str) -> Key {
        Key { kind, namespace: "ns".to_owned(), name: name.to_owned() }
    }

    fn of_app(app: &str) -> ObjectMeta {
        ObjectMeta { labels: Some([(APP_LABEL.to_owned(), app.to_owned())].into()), ..ObjectMeta::default() }
    }

    #[test]
    fn a_component_that_moves_concerns_both_apps() {
        let mut links = Links::default();
        let agent = key("KasprAgent", "a");
        assert_eq!(links.component_seen(&agent, &of_app("one")), [agent.clone(), key(APP, "one")]);
        assert_eq!(
            links.component_seen(&agent, &of_app("two")),
            [agent.clone(), key(APP, "two"), key(APP, "one")]
        );
        assert!(links.components(&key(APP, "one")).is_empty());
        assert_eq!(links.component_gone(&agent), [agent, key(APP, "two")]);
        assert!(links.components(&key(APP, "two")).is_empty());
    }

    #[test]
    fn a_table_concerns_the_joins_of_its_app() {
        let mut links = Links::default();
        let (table, join) = (key(TABLE, "t"), key(JOIN, "j"));
        links.component_seen(&join, &of_app("one"));
        assert_eq!(links.component_seen(&table, &of_app("one")), [table, key(APP, "one"), join]);
    }

    #[test]
    fn components_learn_of_their_app_once() {
        let mut links = Links::default();
        let (app, agent) = (key(APP, "one"), key("KasprAgent", "a"));
        links.component_seen(&agent, &of_app("one"));
        assert_eq!(links.app_seen(&app), [app.clone(), agent.clone()]);
        assert_eq!(links.app_seen(&app), std::slice::from_ref(&app));
        assert_eq!(links.app_gone(&app), [agent]);
    }
}
