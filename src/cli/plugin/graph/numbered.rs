//! Labels and numbers for formats that name nodes by their position.

use std::collections::BTreeMap;

use super::model::{Graph, Node};

/// Labels of the nodes of a graph.
pub(super) struct NodeLabels {
    /// Whether the graph has several apps, so that labels contain the name of the app.
    several_apps: bool,
}

impl NodeLabels {
    /// Creates the labels of a graph.
    #[must_use]
    pub(super) fn new(graph: &Graph) -> Self {
        let mut apps = graph.nodes.iter().filter_map(|node| node.app.as_ref());
        let first = apps.next();
        Self { several_apps: apps.any(|app| Some(app) != first) }
    }

    /// Returns the label of a node.
    #[must_use]
    pub(super) fn of(&self, node: &Node) -> String {
        match &node.app {
            Some(app) if self.several_apps => format!("{} {app}/{}", node.kind.label(), node.name),
            _ => format!("{} {}", node.kind.label(), node.name),
        }
    }
}

/// Returns each edge as the positions of its nodes and its label.
#[must_use]
pub(super) fn numbered_edges(graph: &Graph) -> Vec<(usize, usize, &'static str)> {
    let positions: BTreeMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), i)).collect();
    let position = |id: &str| positions.get(id).copied();
    graph
        .edges
        .iter()
        .filter_map(|edge| Some((position(&edge.from)?, position(&edge.to)?, edge.relation.label())))
        .collect()
}
