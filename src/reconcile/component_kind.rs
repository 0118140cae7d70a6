use kube::{ResourceExt, core::object::HasStatus};
use serde::Serialize;

use super::{cache::store::Cached, state::validation_cache::Validated};
use crate::{
    api::{ComponentStatus, KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView, TableReference},
    defaults::Defaults,
    resources::AppComponents,
};

/// A component kind, as the generic reconciler handles it.
pub(super) trait ComponentKind:
    Cached + Defaults + HasStatus<Status = ComponentStatus> + Serialize + Validated
{
    /// Returns the tables that a join names, found or not; nothing for other kinds.
    fn table_references(&self, _components: &AppComponents) -> Option<[TableReference; 2]> {
        None
    }
}

impl ComponentKind for KasprAgent {}

impl ComponentKind for KasprTable {}

impl ComponentKind for KasprTask {}

impl ComponentKind for KasprWebView {}

impl ComponentKind for KasprJoin {
    fn table_references(&self, components: &AppComponents) -> Option<[TableReference; 2]> {
        let sides = [("Left", &self.spec.left_table), ("Right", &self.spec.right_table)];
        Some(sides.map(|(side, name)| {
            let found = components.tables.iter().any(|table| table.name_any() == *name);
            let status = format!("{side}Table{}", if found { "Found" } else { "NotFound" });
            TableReference { name: name.clone(), status }
        }))
    }
}
