use std::sync::Arc;

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
    pub agents: Vec<Arc<Valid<KasprAgent>>>,
    /// Its webviews.
    pub webviews: Vec<Arc<Valid<KasprWebView>>>,
    /// Its tables.
    pub tables: Vec<Arc<Valid<KasprTable>>>,
    /// Its tasks.
    pub tasks: Vec<Arc<Valid<KasprTask>>>,
    /// Its joins.
    pub joins: Vec<Arc<Valid<KasprJoin>>>,
}

impl Linked {
    /// Whether a join names the table: it is then defined in the joins' file.
    pub fn is_joined(&self, table: &KasprTable) -> bool {
        let name = &table.spec.name;
        self.joins.iter().any(|join| join.spec.left_table == *name || join.spec.right_table == *name)
    }

    /// The tables that a join names.
    pub fn joined_tables(&self) -> impl Iterator<Item = &KasprTable> {
        self.tables.iter().map(|table| &***table).filter(|table| self.is_joined(table))
    }
}

/// The hash of components of a kind, which restarts the members when one changes.
pub fn hash_of_all<C: Component>(components: &[Arc<Valid<C>>]) -> Option<String> {
    let hashes: Vec<String> = components.iter().map(|component| hash_of(&***component)).collect();
    (!hashes.is_empty()).then(|| hash::of_text(&hashes.concat()))
}

/// Sorts components by name, so that the same set always makes the same pods.
pub fn by_name<C: Component>(mut components: Vec<Arc<Valid<C>>>) -> Vec<Arc<Valid<C>>> {
    components.sort_by_cached_key(|component| component.name_any());
    components
}
