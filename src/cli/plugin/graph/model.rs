//! What flows where: nodes and edges of any number of apps, in an order that never varies.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use serde::Serialize;

use crate::{
    api::{KasprAgent, KasprTable, Processors, TopicOut},
    cli::plugin::resources::{AppSet, Resources},
    naming,
    validate::{channel_of, tables_of},
};

/// What is drawn.
#[derive(Debug, Default, Serialize)]
pub struct Graph {
    /// Everything, by its id.
    pub nodes: Vec<Node>,
    /// What flows between them.
    pub edges: Vec<Edge>,
}

/// A thing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Unique and stable.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// The app that it is a part of, with its namespace; topics belong to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Whether it is only spoken of.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

/// What a node is; in the order in which they are listed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A Kafka topic.
    Topic,
    /// Kafka topics by a regular expression.
    Pattern,
    /// A topic that code chooses for each value.
    ChosenTopic,
    /// The topic that a table is kept in.
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

/// A flow, or a use.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Edge {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// What it is.
    pub does: Verb,
}

/// What an edge is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// From a topic or channel to who reads it.
    Reads,
    /// From a table to the join that it is the left one of.
    Left,
    /// From a table to the join that it is the right one of.
    Right,
    /// From code to a table.
    Uses,
    /// From who writes to a topic or channel.
    Writes,
    /// From a table to its changelog.
    Keeps,
}

impl Kind {
    /// Its name in a sentence.
    pub fn word(self) -> &'static str {
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

impl Verb {
    /// Its name.
    pub fn word(self) -> &'static str {
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

/// The graph of the apps.
pub fn of(resources: &Resources) -> Graph {
    let mut builder = Builder::default();
    for set in resources.sets() {
        builder.add(set);
    }
    let Builder { nodes, edges, .. } = builder;
    let mut nodes: Vec<Node> = nodes.into_values().collect();
    nodes.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    Graph { nodes, edges: edges.into_iter().collect() }
}

#[derive(Default)]
struct Builder {
    nodes: BTreeMap<String, Node>,
    edges: BTreeSet<Edge>,
    /// The Kafka clusters, by their brokers: a topic is the same one only on the same brokers.
    clusters: Vec<String>,
    /// The app that is being added.
    app: String,
    cluster: usize,
}

impl Builder {
    fn add(&mut self, set: &AppSet) {
        let name = if set.name.is_empty() { "none" } else { &set.name };
        self.app = format!("{}/{name}", set.namespace);
        let brokers = set.app.as_ref().map(|app| app.spec.bootstrap_servers.trim()).unwrap_or_default();
        self.cluster = self.clusters.iter().position(|known| known == brokers).unwrap_or_else(|| {
            self.clusters.push(brokers.to_owned());
            self.clusters.len() - 1
        });
        let components = &set.components;
        for table in &components.tables {
            self.table(&set.name, table);
        }
        for join in &components.joins {
            let id = self.part(Kind::Join, &join.name_any());
            let left = self.table_named(&join.spec.left_table);
            let right = self.table_named(&join.spec.right_table);
            let channel = self.part(Kind::Channel, &channel_of(join));
            self.edge(left, &id, Verb::Left);
            self.edge(right, &id, Verb::Right);
            self.edge(id, channel, Verb::Writes);
        }
        for agent in &components.agents {
            self.agent(agent);
        }
        for task in &components.tasks {
            let id = self.part(Kind::Task, &task.name_any());
            self.pipeline(&id, Some(&task.spec.processors));
        }
        for view in &components.webviews {
            let id = self.part(Kind::WebView, &view.name_any());
            self.pipeline(&id, view.spec.processors.as_ref());
        }
    }

    fn table(&mut self, app: &str, table: &KasprTable) {
        let id = self.part(Kind::Table, &table.spec.name);
        let changelog = format!("{}-{}-changelog", naming::app(app), table.spec.name);
        let changelog = self.topic(Kind::Changelog, &changelog);
        self.edge(id, changelog, Verb::Keeps);
    }

    fn agent(&mut self, agent: &KasprAgent) {
        let spec = &agent.spec;
        let id = self.part(Kind::Agent, &agent.name_any());
        if let Some(topic) = &spec.input.topic {
            let named = topic.name.as_ref().map(|name| (Kind::Topic, name));
            let read = named.or_else(|| topic.pattern.as_ref().map(|pattern| (Kind::Pattern, pattern)));
            if let Some((kind, name)) = read {
                let topic = self.topic(kind, name);
                self.edge(topic, &id, Verb::Reads);
            }
        }
        if let Some(channel) = &spec.input.channel {
            let channel = self.spoken_of(Kind::Channel, &channel.name);
            self.edge(channel, &id, Verb::Reads);
        }
        self.pipeline(&id, spec.processors.as_ref());
        for topic in spec.output.iter().flat_map(|output| output.topics.iter().flatten()) {
            self.sends(&id, topic);
        }
    }

    /// What the operations that run use and send.
    fn pipeline(&mut self, id: &str, processors: Option<&Processors>) {
        let Some(processors) = processors else { return };
        for table in tables_of(processors) {
            let table = self.table_named(&table);
            self.edge(id, table, Verb::Uses);
        }
        let runs = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| processors.pipeline.iter().flatten().any(|step| step == name))
        };
        for operation in processors.operations.iter().flatten().filter(|operation| runs(&operation.name)) {
            if let Some(topic) = &operation.topic_send {
                self.sends(id, topic);
            }
        }
    }

    fn sends(&mut self, from: &str, topic: &TopicOut) {
        let to = match &topic.name {
            Some(name) => self.topic(Kind::Topic, name),
            None => {
                let id = format!("chosen-topic/{from}");
                let name = "chosen by the value".to_owned();
                self.node(id, Kind::ChosenTopic, name, None, false)
            }
        };
        self.edge(from, to, Verb::Writes);
    }

    fn table_named(&mut self, name: &str) -> String {
        self.spoken_of(Kind::Table, name)
    }

    /// A part of the app that is there.
    fn part(&mut self, kind: Kind, name: &str) -> String {
        let id = format!("{}/{}/{name}", kind.word(), self.app);
        let app = self.app.clone();
        self.node(id, kind, name.to_owned(), Some(app), false)
    }

    /// A part of the app that something names.
    fn spoken_of(&mut self, kind: Kind, name: &str) -> String {
        let id = format!("{}/{}/{name}", kind.word(), self.app);
        let app = self.app.clone();
        self.node(id, kind, name.to_owned(), Some(app), true)
    }

    fn topic(&mut self, kind: Kind, name: &str) -> String {
        let word = if kind == Kind::Pattern { "topics" } else { "topic" };
        let id = match self.cluster {
            0 => format!("{word}/{name}"),
            other => format!("{word}@{}/{name}", other + 1),
        };
        self.node(id, kind, name.to_owned(), None, false)
    }

    fn node(&mut self, id: String, kind: Kind, name: String, app: Option<String>, missing: bool) -> String {
        let node = Node { id: id.clone(), kind, name, app, missing };
        let known = self.nodes.entry(id.clone()).or_insert(node);
        known.missing &= missing;
        // A changelog that somebody reads is still one.
        known.kind = known.kind.max(kind);
        id
    }

    fn edge(&mut self, from: impl Into<String>, to: impl Into<String>, does: Verb) {
        self.edges.insert(Edge { from: from.into(), to: to.into(), does });
    }
}
