//! The graph as a Mermaid flowchart.

use std::fmt::Write;

use super::{
    model::{Graph, NodeKind},
    numbered::{NodeLabels, numbered_edges},
};

/// Draws a Mermaid flowchart.
#[must_use]
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let labels = NodeLabels::new(graph);
    for (i, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            NodeKind::Topic | NodeKind::Pattern | NodeKind::ChosenTopic | NodeKind::Changelog => ("([", "])"),
            NodeKind::Channel => ("{{", "}}"),
            NodeKind::Table => ("[(", ")]"),
            NodeKind::Join => ("[/", "/]"),
            NodeKind::Agent => ("[", "]"),
            NodeKind::Task => ("[[", "]]"),
            NodeKind::WebView => ("(", ")"),
        };
        _ = writeln!(text, "  n{i}{open}\"{}\"{close}", escape(&labels.of(node)));
    }
    for (from, to, label) in numbered_edges(graph) {
        _ = writeln!(text, "  n{from} -->|{label}| n{to}");
    }
    let missing = graph.nodes.iter().enumerate().filter(|(_, node)| node.missing);
    let missing: Vec<String> = missing.map(|(i, _)| format!("n{i}")).collect();
    if !missing.is_empty() {
        _ = writeln!(text, "  classDef missing stroke-dasharray: 4\n  class {} missing", missing.join(","));
    }
    text
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' | '#' | '<' | '>' | '&' | '`' => _ = write!(escaped, "#{};", u32::from(character)),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}
