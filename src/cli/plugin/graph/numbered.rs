//! Labels and numbers for formats that name nodes by their position.

use std::collections::BTreeMap;

use super::model::{Graph, Node};

/// Returns the label of a node, with the name of the app if the graph has several apps.
#[must_use]
pub(super) fn node_label(node: &Node, graph: &Graph) -> String {
    let several =
        graph.nodes.iter().filter_map(|node| node.app.as_ref()).any(|app| node.app.as_ref() != Some(app));
    match &node.app {
        Some(app) if several => format!("{} {app}/{}", node.kind.label(), node.name),
        _ => format!("{} {}", node.kind.label(), node.name),
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
