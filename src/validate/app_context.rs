//! What is known of the resources of one app, as far as rules across them ask.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::shared;
use crate::api::{
    HttpMethod, InputTopic, KasprAgent, KasprApp, KasprJoin, KasprTable, KasprWebView, Processors,
    Serializer, TableSerializer,
};

/// Where the resources context one come from.
pub trait AppContextProvider: Send + Sync {
    /// The resources of an app, there or not yet; none while they are not all known.
    fn app_context(&self, namespace: &str, app: &str) -> Option<AppContext>;
}

/// The resources of one app.
#[derive(Clone, Debug, Default)]
pub struct AppContext {
    pub(super) app: Option<App>,
    /// By the names of the resources, as the others: what is said must not depend on who came first.
    pub(super) agents: BTreeMap<String, Agent>,
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) channels: BTreeSet<String>,
    pub(super) namesakes: BTreeMap<String, BTreeSet<String>>,
    pub(super) objects: Option<Objects>,
}

/// The app itself.
#[derive(Clone, Debug, Default)]
pub(super) struct App {
    pub replicas: Option<i32>,
    pub partitions: Option<i64>,
    pub serializers: Serializers,
}

/// How keys and values are read, as their names; none where it is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Serializers {
    pub key: Option<String>,
    pub value: Option<String>,
}

/// An agent with its topic.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub name: String,
    pub topic: Option<Topic>,
    /// The tables that its pipeline uses, by their `spec.name`, in order.
    pub tables: Vec<String>,
}

/// What an agent says of its topic.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub partitions: Option<i64>,
    /// Whether the app makes it, with the app's number of partitions unless one is given.
    pub declared: bool,
    pub serializers: Serializers,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Name of the resource.
    pub resource: String,
    /// Name in the app.
    pub name: String,
    pub partitions: Option<i64>,
    pub global: bool,
    pub serializers: Serializers,
}

/// What a webview answers.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Name of the webview.
    pub resource: String,
    pub method: HttpMethod,
    pub path: String,
}

/// Secrets and ConfigMaps, by name, with their keys.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// The Secrets.
    pub secrets: BTreeMap<String, BTreeSet<String>>,
    /// The ConfigMaps.
    pub config_maps: BTreeMap<String, BTreeSet<String>>,
}

impl AppContext {
    /// The app is there.
    pub fn set_app(&mut self, app: &KasprApp) {
        self.app = Some(App::of(app));
    }

    /// The app is there, though nothing else is known of it.
    pub fn set_app_exists(&mut self) {
        self.app.get_or_insert_default();
    }

    /// An agent of the app.
    pub fn add_agent(&mut self, agent: &KasprAgent) {
        self.agents.insert(agent.name_any(), Agent::of(agent));
    }

    /// A table of the app.
    pub fn add_table(&mut self, table: &KasprTable) {
        self.tables.insert(table.name_any(), Table::of(table));
    }

    /// A webview of the app.
    pub fn add_webview(&mut self, view: &KasprWebView) {
        self.routes.insert(view.name_any(), Route::of(view));
    }

    /// A join of the app.
    pub fn add_join(&mut self, join: &KasprJoin) {
        self.channels.insert(channel_of(join));
    }

    /// An app of the same name in another namespace.
    pub fn add_namesake(&mut self, app: &KasprApp) {
        self.namesakes.insert(app.namespace().unwrap_or_default(), brokers(app));
    }

    /// All Secrets and ConfigMaps of the namespace are known.
    pub fn set_objects(&mut self, objects: Objects) {
        self.objects = Some(objects);
    }

    /// How many partitions an agent's topic has, if that is known.
    pub(super) fn topic_partitions(&self, topic: &Topic) -> Option<i64> {
        topic.partitions.or_else(|| self.app.as_ref().filter(|_| topic.declared)?.partitions)
    }

    /// How many partitions a table has, if that is known.
    pub(super) fn table_partitions(&self, table: &Table) -> Option<i64> {
        table.partitions.or_else(|| self.app.as_ref()?.partitions)
    }
}

impl App {
    pub fn of(app: &KasprApp) -> Self {
        let setting = |name: &str| {
            let config = app.spec.config.as_ref()?;
            config.0.get(name).filter(|value| !value.is_null()).map(shared::as_text)
        };
        Self {
            replicas: app.spec.replicas,
            partitions: setting("topicPartitions").and_then(|partitions| partitions.parse().ok()),
            serializers: Serializers { key: setting("keySerializer"), value: setting("valueSerializer") },
        }
    }
}

impl Serializers {
    /// With those of the app where none are given.
    pub fn or(&self, app: Option<&App>) -> Self {
        let app = app.map(|app| &app.serializers);
        Self {
            key: self.key.clone().or_else(|| app?.key.clone()),
            value: self.value.clone().or_else(|| app?.value.clone()),
        }
    }
}

impl Agent {
    pub fn of(agent: &KasprAgent) -> Self {
        let input = &agent.spec.input;
        let declared = input.declare == Some(true);
        Self {
            name: agent.name_any(),
            topic: input.topic.as_ref().map(|topic| Topic::of(topic, declared)),
            tables: agent.spec.processors.as_ref().map(tables_of).unwrap_or_default(),
        }
    }
}

impl Topic {
    fn of(topic: &InputTopic, declared: bool) -> Self {
        let name = |serializer: Option<Serializer>| serializer.map(|serializer| serializer_name(&serializer));
        Self {
            partitions: topic.partitions.map(i64::from),
            declared,
            serializers: Serializers { key: name(topic.key_serializer), value: name(topic.value_serializer) },
        }
    }
}

impl Table {
    pub fn of(table: &KasprTable) -> Self {
        let spec = &table.spec;
        let name =
            |serializer: Option<TableSerializer>| serializer.map(|serializer| serializer_name(&serializer));
        Self {
            resource: table.name_any(),
            name: spec.name.clone(),
            partitions: spec.partitions.map(i64::from),
            global: spec.global == Some(true),
            serializers: Serializers { key: name(spec.key_serializer), value: name(spec.value_serializer) },
        }
    }
}

impl Route {
    pub fn of(view: &KasprWebView) -> Self {
        let request = &view.spec.request;
        Self { resource: view.name_any(), method: request.method, path: request.path.clone() }
    }
}

/// The channel that a join writes. Source: the framework's default.
pub fn channel_of(join: &KasprJoin) -> String {
    let name = || join.spec.name.clone().unwrap_or_else(|| join.name_any());
    join.spec.output_channel.clone().unwrap_or_else(|| format!("{}-channel", name()))
}

/// The tables of the operations that the pipeline runs, in its order, each once.
pub fn tables_of(processors: &Processors) -> Vec<String> {
    let mut tables = Vec::new();
    for step in processors.pipeline.iter().flatten() {
        let operations = processors.operations.iter().flatten();
        let named = operations.filter(|operation| operation.name.as_ref() == Some(step));
        for table in named.flat_map(|operation| operation.tables.iter().flatten()) {
            if !tables.contains(&table.name) {
                tables.push(table.name.clone());
            }
        }
    }
    tables
}

/// The brokers of an app, whatever their order.
pub(super) fn brokers(app: &KasprApp) -> BTreeSet<String> {
    app.spec.bootstrap_servers.split(',').map(|broker| broker.trim().to_lowercase()).collect()
}

/// The name of a serializer in a manifest.
fn serializer_name(serializer: &impl serde::Serialize) -> String {
    serde_json::to_value(serializer).map(|name| shared::as_text(&name)).unwrap_or_default()
}
