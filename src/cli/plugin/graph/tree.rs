//! The graph as one tree for each app.

use std::collections::{BTreeMap, HashMap};

use termtree::Tree;

use super::model::{Edge, Graph, Node, NodeKind, Relation};
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
    let mut lines = relation_lines(graph);
    apps.into_iter()
        .map(|(app, nodes)| app_tree(app, &nodes, &mut lines).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

fn app_tree(app: &str, nodes: &[&Node], lines: &mut RelationLines<'_>) -> Tree<String> {
    // Channels are listed below the components that write and read them.
    let listed = nodes.iter().filter(|node| node.kind != NodeKind::Channel);
    let leaves = listed.map(|node| {
        let mut lines = lines.remove(node.id.as_str()).unwrap_or_default();
        lines.sort_by_key(|(relation, _)| *relation);
        Tree::new(title(node)).with_leaves(lines.into_iter().map(|(_, line)| line))
    });
    Tree::new(format!("{} {app}", Kind::App)).with_leaves(leaves)
}

fn title(node: &Node) -> String {
    let missing = if node.missing { " (missing)" } else { "" };
    format!("{} {}{missing}", node.kind.label(), node.name)
}

/// Relations of each node with other nodes, by the ID of the node.
type RelationLines<'a> = HashMap<&'a str, Vec<(Relation, String)>>;

fn relation_lines(graph: &Graph) -> RelationLines<'_> {
    let titles: HashMap<&str, String> =
        graph.nodes.iter().map(|node| (node.id.as_str(), title(node))).collect();
    let mut lines = RelationLines::new();
    for Edge { from, to, relation } in &graph.edges {
        // An edge is listed below the component that it belongs to.
        let (node, other) = match relation {
            Relation::Reads | Relation::Left | Relation::Right => (to, from),
            Relation::Writes | Relation::Uses | Relation::Keeps => (from, to),
        };
        let title = titles.get(other.as_str()).map(String::as_str).unwrap_or_default();
        lines.entry(node).or_default().push((*relation, format!("{} {title}", relation.label())));
    }
    lines
}
