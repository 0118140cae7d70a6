use std::{ops::Deref, sync::Arc};

use kube::ResourceExt;

use super::{
    definition::{Component, hash_of},
    hash,
};
use crate::{
    api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView},
    naming,
    validate::Valid,
};

/// The components of an app, each list by name.
#[derive(Clone, Debug, Default)]
pub struct AppComponents {
    /// The agents.
    pub agents: Vec<RunnableComponent<KasprAgent>>,
    /// The webviews.
    pub webviews: Vec<RunnableComponent<KasprWebView>>,
    /// The tables.
    pub tables: Vec<RunnableComponent<KasprTable>>,
    /// The tasks.
    pub tasks: Vec<RunnableComponent<KasprTask>>,
    /// The joins.
    pub joins: Vec<RunnableComponent<KasprJoin>>,
}

/// A component that the members run.
#[derive(Clone, Debug)]
pub struct RunnableComponent<C> {
    state: Arc<State<C>>,
    /// Hash of the definition that they run.
    pub hash: String,
}

#[derive(Debug)]
enum State<C> {
    Valid(Valid<C>),
    Frozen {
        component: C,
        /// The ConfigMap with the definition.
        config_map: String,
    },
}

impl<C: Component> RunnableComponent<C> {
    /// Creates a component that members run as it is.
    #[must_use]
    pub fn valid(component: Valid<C>) -> Self {
        Self { hash: hash_of(&*component), state: Arc::new(State::Valid(component)) }
    }

    /// Creates a component that is invalid now but was valid before: members keep running the definition
    /// in the ConfigMap `config_map`, whose hash is `hash`.
    #[must_use]
    pub fn frozen(component: C, hash: String, config_map: String) -> Self {
        Self { hash, state: Arc::new(State::Frozen { component, config_map }) }
    }

    /// Returns the name of the ConfigMap that the members mount.
    #[must_use]
    pub fn config_map(&self) -> String {
        match &*self.state {
            State::Valid(component) => naming::snapshot(C::KIND, &component.name_any(), &self.hash),
            State::Frozen { config_map, .. } => config_map.clone(),
        }
    }

    /// Returns the component, unless it is invalid now.
    #[must_use]
    pub fn as_valid(&self) -> Option<&Valid<C>> {
        match &*self.state {
            State::Valid(component) => Some(component),
            State::Frozen { .. } => None,
        }
    }
}

impl<C> Deref for RunnableComponent<C> {
    type Target = C;

    fn deref(&self) -> &C {
        match &*self.state {
            State::Valid(component) => component,
            State::Frozen { component, .. } => component,
        }
    }
}

impl AppComponents {
    /// Returns whether a join names the table, which is then defined in the file of the joins.
    #[must_use]
    pub fn is_joined(&self, table: &KasprTable) -> bool {
        let name = &table.name_any();
        self.joins.iter().any(|join| join.spec.left_table == *name || join.spec.right_table == *name)
    }

    /// Returns whether the joins and the tables that they name are all valid.
    #[must_use]
    pub fn joins_are_valid(&self) -> bool {
        let mut tables = self.tables.iter().filter(|table| self.is_joined(table));
        self.joins.iter().all(|join| join.as_valid().is_some())
            && tables.all(|table| table.as_valid().is_some())
    }

    /// Returns the tables that a join names.
    pub fn joined_tables(&self) -> impl Iterator<Item = &KasprTable> {
        self.tables.iter().map(|table| &**table).filter(|table| self.is_joined(table))
    }
}

/// Returns the hash of all components of a kind, which restarts the members when one changes.
pub(super) fn hash_of_all<C>(components: &[RunnableComponent<C>]) -> Option<String> {
    let hashes: Vec<&str> = components.iter().map(|component| component.hash.as_str()).collect();
    (!hashes.is_empty()).then(|| hash::of_text(&hashes.concat()))
}

/// Sorts components by name, so that the same set always makes the same pods.
#[must_use]
pub fn sort_by_name<C: Component>(mut components: Vec<RunnableComponent<C>>) -> Vec<RunnableComponent<C>> {
    components.sort_by_cached_key(|component| component.name_any());
    components
}
