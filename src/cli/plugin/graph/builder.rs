//! Builds the graph of apps from their resources.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kube::ResourceExt;

use super::model::{Edge, Graph, Node, NodeKind, Relation};
use crate::{
    api::{KasprAgent, KasprTable, Processors, TopicOut},
    cli::plugin::resources::{AppSet, Resources},
    naming,
    validate::{channel_of, tables_of},
};

/// Builds the graph of all apps.
#[must_use]
pub(super) fn build_graph(resources: &Resources) -> Graph {
    let mut builder = GraphBuilder::default();
    for set in resources.app_sets() {
        builder.add_app(set);
    }
    let GraphBuilder { nodes, edges, .. } = builder;
    let mut nodes: Vec<Node> = nodes.into_values().collect();
    nodes.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    Graph { nodes, edges: edges.into_iter().collect() }
}

#[derive(Default)]
struct GraphBuilder {
    nodes: BTreeMap<String, Node>,
    edges: BTreeSet<Edge>,
    /// Number of each Kafka cluster, by its brokers. Topics of the same name are one node only on the same brokers.
    kafka_clusters: HashMap<String, usize>,
    /// App that is being added, as `namespace/name`.
    app: String,
    /// Index of the app's Kafka cluster.
    kafka_cluster: usize,
}

impl GraphBuilder {
    fn add_app(&mut self, set: &AppSet) {
        let name = if set.name.is_empty() { "none" } else { &set.name };
        self.app = format!("{}/{name}", set.namespace);
        let brokers = set.app.as_ref().map(|app| app.spec.bootstrap_servers.trim()).unwrap_or_default();
        let next = self.kafka_clusters.len();
        self.kafka_cluster = *self.kafka_clusters.entry(brokers.to_owned()).or_insert(next);
        let components = &set.components;
        for table in &components.tables {
            self.add_table(&set.name, table);
        }
        for join in &components.joins {
            let id = self.component_node(NodeKind::Join, &join.name_any());
            let left = self.table_reference(&join.spec.left_table);
            let right = self.table_reference(&join.spec.right_table);
            let channel = self.component_node(NodeKind::Channel, &channel_of(join));
            self.add_edge(left, &id, Relation::Left);
            self.add_edge(right, &id, Relation::Right);
            self.add_edge(id, channel, Relation::Writes);
        }
        for agent in &components.agents {
            self.add_agent(agent);
        }
        for task in &components.tasks {
            let id = self.component_node(NodeKind::Task, &task.name_any());
            self.add_pipeline(&id, Some(&task.spec.processors));
        }
        for view in &components.webviews {
            let id = self.component_node(NodeKind::WebView, &view.name_any());
            self.add_pipeline(&id, view.spec.processors.as_ref());
        }
    }

    fn add_table(&mut self, app: &str, table: &KasprTable) {
        let name = table.name_any();
        let id = self.component_node(NodeKind::Table, &name);
        let changelog = format!("{}-{name}-changelog", naming::app(app));
        let changelog = self.topic_node(NodeKind::Changelog, &changelog);
        self.add_edge(id, changelog, Relation::Keeps);
    }

    fn add_agent(&mut self, agent: &KasprAgent) {
        let spec = &agent.spec;
        let id = self.component_node(NodeKind::Agent, &agent.name_any());
        if let Some(topic) = &spec.input.topic {
            let pattern = topic.pattern.as_deref().filter(|_| topic.name.is_none());
            let named = topic.names().map(|name| (NodeKind::Topic, name));
            for (kind, name) in named.chain(pattern.map(|pattern| (NodeKind::Pattern, pattern))) {
                let topic = self.topic_node(kind, name);
                self.add_edge(topic, &id, Relation::Reads);
            }
        }
        if let Some(channel) = &spec.input.channel {
            let channel = self.reference_node(NodeKind::Channel, &channel.name);
            self.add_edge(channel, &id, Relation::Reads);
        }
        self.add_pipeline(&id, spec.processors.as_ref());
        for topic in spec.output.iter().flat_map(|output| output.topics.iter().flatten()) {
            self.add_output(&id, topic);
        }
    }

    /// Adds the tables and topics of the operations in the pipeline. Operations outside of the pipeline do
    /// not run.
    fn add_pipeline(&mut self, id: &str, processors: Option<&Processors>) {
        let Some(processors) = processors else { return };
        for table in tables_of(processors) {
            let table = self.table_reference(&table);
            self.add_edge(id, table, Relation::Uses);
        }
        let operations = processors.operations.iter().flatten();
        for operation in operations.filter(|operation| processors.runs(operation)) {
            if let Some(topic) = &operation.topic_send {
                self.add_output(id, topic);
            }
        }
    }

    fn add_output(&mut self, from: &str, topic: &TopicOut) {
        let to = match &topic.name {
            Some(name) => self.topic_node(NodeKind::Topic, name),
            None => {
                let id = format!("chosen-topic/{from}");
                let name = "chosen by the value".to_owned();
                self.add_node(id, NodeKind::ChosenTopic, name, None, false)
            }
        };
        self.add_edge(from, to, Relation::Writes);
    }

    fn table_reference(&mut self, name: &str) -> String {
        self.reference_node(NodeKind::Table, name)
    }

    /// Adds a node that a resource of the app defines.
    fn component_node(&mut self, kind: NodeKind, name: &str) -> String {
        let id = format!("{}/{}/{name}", kind.label(), self.app);
        let app = self.app.clone();
        self.add_node(id, kind, name.to_owned(), Some(app), false)
    }

    /// Adds a node that a component of the app refers to.
    fn reference_node(&mut self, kind: NodeKind, name: &str) -> String {
        let id = format!("{}/{}/{name}", kind.label(), self.app);
        let app = self.app.clone();
        self.add_node(id, kind, name.to_owned(), Some(app), true)
    }

    fn topic_node(&mut self, kind: NodeKind, name: &str) -> String {
        let prefix = if kind == NodeKind::Pattern { "topics" } else { "topic" };
        let id = match self.kafka_cluster {
            0 => format!("{prefix}/{name}"),
            other => format!("{prefix}@{}/{name}", other + 1),
        };
        self.add_node(id, kind, name.to_owned(), None, false)
    }

    fn add_node(
        &mut self,
        id: String,
        kind: NodeKind,
        name: String,
        app: Option<String>,
        missing: bool,
    ) -> String {
        let node = Node { id: id.clone(), kind, name, app, missing };
        let existing = self.nodes.entry(id.clone()).or_insert(node);
        existing.missing &= missing;
        // A changelog topic that an agent reads stays a changelog.
        existing.kind = existing.kind.max(kind);
        id
    }

    fn add_edge(&mut self, from: impl Into<String>, to: impl Into<String>, relation: Relation) {
        self.edges.insert(Edge { from: from.into(), to: to.into(), relation });
    }
}
