//! Nodes and edges of a graph.

use serde::Serialize;

/// Data flow of any number of apps, in a stable order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Graph {
    /// Nodes, ordered by kind and ID.
    pub nodes: Vec<Node>,
    /// Edges, ordered by source and target.
    pub edges: Vec<Edge>,
}

/// A topic, channel or component.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    /// Unique and stable ID.
    pub id: String,
    /// Kind of the node.
    pub kind: NodeKind,
    /// Name of the topic, channel or component.
    pub name: String,
    /// App of a channel or component, as `namespace/name`; topics belong to no app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Whether components refer to the node, and no resource defines it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

/// Kind of a node, in the order of the output.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NodeKind {
    /// A Kafka topic.
    Topic,
    /// Kafka topics that match a regular expression.
    Pattern,
    /// A topic that code chooses for each value.
    ChosenTopic,
    /// The changelog topic of a table.
    Changelog,
    /// A channel inside the app.
    Channel,
    /// A KasprAgent.
    Agent,
    /// A KasprJoin.
    Join,
    /// A KasprTable.
    Table,
    /// A KasprTask.
    Task,
    /// A KasprWebView.
    WebView,
}

/// A relation between two nodes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct Edge {
    /// ID of the source node.
    pub from: String,
    /// ID of the target node.
    pub to: String,
    /// Relation between the nodes.
    #[serde(rename = "does")]
    pub relation: Relation,
}

/// Kind of an edge, in the order of the output.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Relation {
    /// From a topic or channel to the component that reads it.
    Reads,
    /// From a table to the join whose left table it is.
    Left,
    /// From a table to the join whose right table it is.
    Right,
    /// From a component to a table that its operations use.
    Uses,
    /// From a component to the topic or channel that it writes.
    Writes,
    /// From a table to its changelog.
    Keeps,
}

impl NodeKind {
    /// Returns the label of nodes of the kind.
    #[must_use]
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Topic | Self::ChosenTopic => "topic",
            Self::Pattern => "topics",
            Self::Changelog => "changelog",
            Self::Channel => "channel",
            Self::Agent => "agent",
            Self::Join => "join",
            Self::Table => "table",
            Self::Task => "task",
            Self::WebView => "webview",
        }
    }
}

impl Relation {
    /// Returns the label of edges of the kind.
    #[must_use]
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Uses => "uses",
            Self::Keeps => "keeps",
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}
