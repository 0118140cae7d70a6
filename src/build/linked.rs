use std::{ops::Deref, sync::Arc};

use kube::ResourceExt;

use super::definition::{Component, hash_of};
use crate::{
    api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView},
    build::hash,
    validate::Valid,
};

/// The components of an app, each list by name.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    /// Its agents.
    pub agents: Vec<Link<KasprAgent>>,
    /// Its webviews.
    pub webviews: Vec<Link<KasprWebView>>,
    /// Its tables.
    pub tables: Vec<Link<KasprTable>>,
    /// Its tasks.
    pub tasks: Vec<Link<KasprTask>>,
    /// Its joins.
    pub joins: Vec<Link<KasprJoin>>,
}

/// A component that the members run.
#[derive(Clone, Debug)]
pub struct Link<C> {
    state: Arc<State<C>>,
    /// Hash of the definition that they run.
    pub hash: String,
}

#[derive(Debug)]
enum State<C> {
    Valid(Valid<C>),
    Frozen(C),
}

impl<C: Component> Link<C> {
    /// A component as it is.
    pub fn valid(component: Valid<C>) -> Self {
        Self { hash: hash_of(&*component), state: Arc::new(State::Valid(component)) }
    }

    /// A component that is invalid now and was not before: members go on with the definition that
    /// its ConfigMap still holds, whose hash is given.
    pub fn frozen(component: C, hash: String) -> Self {
        Self { hash, state: Arc::new(State::Frozen(component)) }
    }

    /// The component, unless it is invalid now.
    pub fn as_valid(&self) -> Option<&Valid<C>> {
        match &*self.state {
            State::Valid(component) => Some(component),
            State::Frozen(_) => None,
        }
    }
}

impl<C> Deref for Link<C> {
    type Target = C;

    fn deref(&self) -> &C {
        match &*self.state {
            State::Valid(component) => component,
            State::Frozen(component) => component,
        }
    }
}

impl Linked {
    /// Whether a join names the table: it is then defined in the joins' file.
    pub fn is_joined(&self, table: &KasprTable) -> bool {
        let name = &table.spec.name;
        self.joins.iter().any(|join| join.spec.left_table == *name || join.spec.right_table == *name)
    }

    /// Whether the joins, and the tables that they name, are all as their users want them.
    pub fn joins_are_valid(&self) -> bool {
        let mut tables = self.tables.iter().filter(|table| self.is_joined(table));
        self.joins.iter().all(|join| join.as_valid().is_some())
            && tables.all(|table| table.as_valid().is_some())
    }

    /// The tables that a join names.
    pub fn joined_tables(&self) -> impl Iterator<Item = &KasprTable> {
        self.tables.iter().map(|table| &**table).filter(|table| self.is_joined(table))
    }
}

/// The hash of components of a kind, which restarts the members when one changes.
pub fn hash_of_all<C>(components: &[Link<C>]) -> Option<String> {
    let hashes: Vec<&str> = components.iter().map(|component| component.hash.as_str()).collect();
    (!hashes.is_empty()).then(|| hash::of_text(&hashes.concat()))
}

/// Sorts components by name, so that the same set always makes the same pods.
pub fn by_name<C: Component>(mut components: Vec<Link<C>>) -> Vec<Link<C>> {
    components.sort_by_cached_key(|component| component.name_any());
    components
}
