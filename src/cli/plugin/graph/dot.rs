//! The graph in the DOT language of Graphviz.

use std::fmt::Write;

use super::{
    model::{Graph, NodeKind},
    numbered::{NodeLabels, numbered_edges},
};

/// Draws a directed graph for Graphviz.
#[must_use]
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = "digraph kaspr {\n  rankdir=LR\n  node [fontname=\"sans-serif\"]\n".to_owned();
    let labels = NodeLabels::new(graph);
    for (i, node) in graph.nodes.iter().enumerate() {
        let shape = match node.kind {
            NodeKind::Topic | NodeKind::Pattern | NodeKind::ChosenTopic | NodeKind::Changelog => "cds",
            NodeKind::Channel => "hexagon",
            NodeKind::Table => "cylinder",
            NodeKind::Join => "parallelogram",
            NodeKind::Agent => "box",
            NodeKind::Task => "box3d",
            NodeKind::WebView => "component",
        };
        let style = if node.missing { " style=dashed" } else { "" };
        let label = escape(&labels.of(node));
        _ = writeln!(text, "  n{i} [label=\"{label}\" shape={shape}{style}]");
    }
    for (from, to, label) in numbered_edges(graph) {
        _ = writeln!(text, "  n{from} -> n{to} [label=\"{label}\"]");
    }
    text + "}\n"
}

fn escape(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('\\', "\\\\").replace('"', "\\\"")
}
