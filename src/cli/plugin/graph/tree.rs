//! The graph as one tree for each app.

use std::collections::BTreeMap;

use termtree::Tree;

use super::model::{Graph, Node, NodeKind, Relation};
use crate::api::Kind;

/// Draws a tree for each app: its components, and what each component reads, uses and writes.
#[must_use]
pub(super) fn draw(graph: &Graph) -> String {
    let mut apps = BTreeMap::<&str, Vec<&Node>>::new();
    for node in &graph.nodes {
        if let Some(app) = &node.app {
            apps.entry(app).or_default().push(node);
        }
    }
    apps.into_iter()
        .map(|(app, nodes)| app_tree(graph, app, &nodes).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

fn app_tree(graph: &Graph, app: &str, nodes: &[&Node]) -> Tree<String> {
    // Channels are listed below the components that write and read them.
    let listed = nodes.iter().filter(|node| node.kind != NodeKind::Channel);
    let leaves = listed.map(|node| Tree::new(title(node)).with_leaves(relation_lines(graph, node)));
    Tree::new(format!("{} {app}", Kind::App)).with_leaves(leaves)
}

fn title(node: &Node) -> String {
    let missing = if node.missing { " (missing)" } else { "" };
    format!("{} {}{missing}", node.kind.label(), node.name)
}

fn relation_lines(graph: &Graph, node: &Node) -> Vec<String> {
    let title_of = |id: &str| graph.nodes.iter().find(|node| node.id == id).map(title).unwrap_or_default();
    let line = |relation: Relation, id: &str| (relation, format!("{} {}", relation.label(), title_of(id)));
    let incoming = graph.edges.iter().filter(|edge| edge.to == node.id);
    let incoming = incoming.filter_map(|edge| match edge.relation {
        Relation::Reads | Relation::Left | Relation::Right => Some(line(edge.relation, &edge.from)),
        // Listed below the source node.
        Relation::Writes | Relation::Uses | Relation::Keeps => None,
    });
    let outgoing = graph.edges.iter().filter(|edge| edge.from == node.id);
    let outgoing = outgoing.filter_map(|edge| match edge.relation {
        Relation::Writes | Relation::Uses | Relation::Keeps => Some(line(edge.relation, &edge.to)),
        Relation::Reads | Relation::Left | Relation::Right => None,
    });
    let mut lines: Vec<(Relation, String)> = incoming.chain(outgoing).collect();
    lines.sort_by_key(|(relation, _)| *relation);
    lines.into_iter().map(|(_, line)| line).collect()
}
