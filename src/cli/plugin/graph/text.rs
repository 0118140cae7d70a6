//! The graph as text: for people, and for the tools that draw.

use std::{collections::BTreeMap, fmt::Write};

use termtree::Tree;

use super::model::{Graph, Kind, Node, Verb};

/// An app a tree: its parts, and what each reads, uses and writes.
pub fn tree(graph: &Graph) -> String {
    let mut apps = BTreeMap::<&str, Vec<&Node>>::new();
    for node in &graph.nodes {
        if let Some(app) = &node.app {
            apps.entry(app).or_default().push(node);
        }
    }
    apps.into_iter()
        .map(|(app, parts)| app_tree(graph, app, &parts).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

fn app_tree(graph: &Graph, app: &str, parts: &[&Node]) -> Tree<String> {
    // Channels stand with who writes and reads them.
    let shown = parts.iter().filter(|node| node.kind != Kind::Channel);
    let leaves = shown.map(|node| Tree::new(title(node)).with_leaves(lines(graph, node)));
    Tree::new(format!("KasprApp {app}")).with_leaves(leaves)
}

fn title(node: &Node) -> String {
    let missing = if node.missing { " (not there)" } else { "" };
    format!("{} {}{missing}", node.kind.word(), node.name)
}

fn lines(graph: &Graph, node: &Node) -> Vec<String> {
    let named = |id: &str| graph.nodes.iter().find(|node| node.id == id).map(title).unwrap_or_default();
    let into = graph.edges.iter().filter(|edge| edge.to == node.id).filter_map(|edge| match edge.does {
        Verb::Reads | Verb::Left | Verb::Right => {
            Some((edge.does, format!("{} {}", edge.does.word(), named(&edge.from))))
        }
        // It stands with who does it.
        Verb::Writes | Verb::Uses | Verb::Keeps => None,
    });
    let out = graph.edges.iter().filter(|edge| edge.from == node.id).filter_map(|edge| match edge.does {
        Verb::Writes | Verb::Uses | Verb::Keeps => {
            Some((edge.does, format!("{} {}", edge.does.word(), named(&edge.to))))
        }
        Verb::Reads | Verb::Left | Verb::Right => None,
    });
    let mut lines: Vec<(Verb, String)> = into.chain(out).collect();
    lines.sort_by_key(|(verb, _)| *verb);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// For Mermaid, which GitHub and GitLab draw.
pub fn mermaid(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (i, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            Kind::Topic | Kind::Pattern | Kind::ChosenTopic | Kind::Changelog => ("([", "])"),
            Kind::Channel => ("{{", "}}"),
            Kind::Table => ("[(", ")]"),
            Kind::Join => ("[/", "/]"),
            Kind::Agent => ("[", "]"),
            Kind::Task => ("[[", "]]"),
            Kind::WebView => ("(", ")"),
        };
        _ = writeln!(text, "  n{i}{open}\"{}\"{close}", escaped_for_mermaid(&label(node, graph)));
    }
    for (from, to, word) in numbered(graph) {
        _ = writeln!(text, "  n{from} -->|{word}| n{to}");
    }
    let missing: Vec<String> = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.missing)
        .map(|(i, _)| format!("n{i}"))
        .collect();
    if !missing.is_empty() {
        _ = writeln!(text, "  classDef missing stroke-dasharray: 4\n  class {} missing", missing.join(","));
    }
    text
}

/// For Graphviz.
pub fn dot(graph: &Graph) -> String {
    let mut text = "digraph kaspr {\n  rankdir=LR\n  node [fontname=\"sans-serif\"]\n".to_owned();
    for (i, node) in graph.nodes.iter().enumerate() {
        let shape = match node.kind {
            Kind::Topic | Kind::Pattern | Kind::ChosenTopic | Kind::Changelog => "cds",
            Kind::Channel => "hexagon",
            Kind::Table => "cylinder",
            Kind::Join => "parallelogram",
            Kind::Agent => "box",
            Kind::Task => "box3d",
            Kind::WebView => "component",
        };
        let style = if node.missing { " style=dashed" } else { "" };
        _ = writeln!(
            text,
            "  n{i} [label=\"{}\" shape={shape}{style}]",
            escaped_for_dot(&label(node, graph))
        );
    }
    for (from, to, word) in numbered(graph) {
        _ = writeln!(text, "  n{from} -> n{to} [label=\"{word}\"]");
    }
    text + "}\n"
}

/// What stands in a node: its app too, where there are several.
pub fn label(node: &Node, graph: &Graph) -> String {
    let several =
        graph.nodes.iter().filter_map(|node| node.app.as_ref()).any(|app| node.app.as_ref() != Some(app));
    match &node.app {
        Some(app) if several => format!("{} {app}/{}", node.kind.word(), node.name),
        _ => format!("{} {}", node.kind.word(), node.name),
    }
}

/// The edges by the numbers of their nodes.
pub fn numbered(graph: &Graph) -> Vec<(usize, usize, &'static str)> {
    let numbers: BTreeMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), i)).collect();
    let number = |id: &str| numbers.get(id).copied();
    graph
        .edges
        .iter()
        .filter_map(|edge| Some((number(&edge.from)?, number(&edge.to)?, edge.does.word())))
        .collect()
}

fn escaped_for_mermaid(text: &str) -> String {
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

fn escaped_for_dot(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('\\', "\\\\").replace('"', "\\\"")
}
