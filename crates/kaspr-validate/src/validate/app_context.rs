//! Summaries of the resources of one app, with the facts that rules across resources need.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kube::ResourceExt;

use super::{
    cluster_facts::{Claims, Objects},
    package_names::PackageNames,
    sends::sends,
    shared,
};
use crate::{
    api::{
        HttpMethod, InputTopic, KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask,
        KasprWebView, Kind, Processors, Serializer, TableSerializer,
    },
    naming,
};

/// Provides the resources of an app, for example from caches.
pub trait AppContextProvider: Send + Sync {
    /// Returns the resources of an app, whether the app itself exists or not. Returns `None` while not all
    /// resources are known.
    fn app_context(&self, namespace: &str, app: &str) -> Option<AppContext>;

    /// Returns the claims of an app, as far as they are known.
    fn claims(&self, namespace: &str, app: &str) -> Claims;

    /// Returns whose a ConfigMap is that the operator would make for a component of the kind and name, if it is
    /// known to be another one's: `is controlled by Deployment web`.
    fn other_owner(&self, kind: Kind, namespace: &str, component: &str) -> Option<String>;
}

/// The resources of one app.
#[derive(Clone, Debug, Default)]
pub struct AppContext {
    pub(super) app: Option<AppSummary>,
    /// Agents by the names of their resources. Maps are sorted, so that findings do not depend on the
    /// order in which resources were added.
    pub(super) agents: BTreeMap<String, AgentSummary>,
    /// Agents by the topics that they read; also agents that were replaced.
    pub(super) readers: BTreeMap<String, BTreeSet<String>>,
    pub(super) tables: BTreeMap<String, TableSummary>,
    pub(super) routes: BTreeMap<String, RouteSummary>,
    pub(super) channels: BTreeSet<String>,
    /// Components by the names of the volumes with their definitions.
    pub(super) definitions: BTreeMap<String, String>,
    /// Brokers of apps with the same name, by their namespaces. Shared, because there may be as many as apps.
    pub(super) namesakes: Arc<BTreeMap<String, BTreeSet<String>>>,
    /// Shared by the apps of a namespace.
    pub(super) objects: Option<Arc<Objects>>,
    pub(super) claims: Claims,
    /// ConfigMaps that the operator did not make, by name, with whose they are.
    pub(super) foreign_config_maps: Arc<BTreeMap<String, String>>,
}

/// Facts about the app itself.
#[derive(Clone, Debug, Default)]
pub(super) struct AppSummary {
    pub replicas: Option<i32>,
    pub partitions: Option<i64>,
    pub serializers: SerializerNames,
    /// Names of the volumes that the user adds.
    pub volumes: BTreeSet<String>,
    /// Whether more is known than that the app exists.
    pub is_known: bool,
    /// Whether the members run an image of the user.
    pub has_own_image: bool,
    /// The Python packages.
    pub packages: PackageNames,
}

/// Names of the serializers of keys and values, if they are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SerializerNames {
    pub key: Option<String>,
    pub value: Option<String>,
}

/// Facts about an agent.
#[derive(Clone, Debug)]
pub(super) struct AgentSummary {
    pub name: String,
    pub topic: Option<TopicSummary>,
    /// Tables that the pipeline of the agent uses, by the names of their resources, in order.
    pub tables: Vec<String>,
    /// Names of the topics that it reads.
    pub reads: Vec<String>,
    /// Names of the topics that it sends every value to.
    pub sends: Vec<String>,
}

/// Facts about the input topic of an agent.
#[derive(Clone, Debug)]
pub(super) struct TopicSummary {
    pub partitions: Option<i64>,
    /// Whether the app creates the topic, with the app's number of partitions unless one is given.
    pub declared: bool,
    pub serializers: SerializerNames,
}

/// Facts about a table.
#[derive(Clone, Debug)]
pub(super) struct TableSummary {
    /// Name of the resource, which is also the name of the table in the app.
    pub name: String,
    pub partitions: Option<i64>,
    pub global: bool,
    pub serializers: SerializerNames,
}

/// Facts about a webview.
#[derive(Clone, Debug)]
pub(super) struct RouteSummary {
    /// Name of the resource.
    pub resource: String,
    pub method: HttpMethod,
    pub path: String,
}

impl AppContext {
    /// Adds the app itself.
    pub fn set_app(&mut self, app: &KasprApp) {
        self.app = Some(AppSummary::from_app(app));
    }

    /// Records that the app exists, if nothing else is known about it.
    pub fn set_app_exists(&mut self) {
        self.app.get_or_insert_default();
    }

    /// Adds an agent of the app.
    pub fn add_agent(&mut self, agent: &KasprAgent) {
        self.add_definition(agent);
        let summary = AgentSummary::from_agent(agent);
        for topic in &summary.reads {
            self.readers.entry(topic.clone()).or_default().insert(summary.name.clone());
        }
        self.agents.insert(summary.name.clone(), summary);
    }

    /// Returns the agents that read a topic.
    pub(super) fn readers(&self, topic: &str) -> impl Iterator<Item = &AgentSummary> {
        let names = self.readers.get(topic).into_iter().flatten();
        let agents = names.filter_map(|name| self.agents.get(name));
        agents.filter(move |agent| agent.reads.iter().any(|read| read == topic))
    }

    /// Adds a table of the app.
    pub fn add_table(&mut self, table: &KasprTable) {
        self.add_definition(table);
        self.tables.insert(table.name_any(), TableSummary::from_table(table));
    }

    /// Adds the name of a table of the app, if the table itself could not be read: that is its own error, and no table is
    /// missing.
    pub fn add_table_name(&mut self, name: &str) {
        self.tables.entry(name.to_owned()).or_insert_with(|| TableSummary {
            name: name.to_owned(),
            partitions: None,
            // Nothing is known of its partitions, as of those of a global table.
            global: true,
            serializers: SerializerNames::default(),
        });
    }

    /// Adds a webview of the app.
    pub fn add_webview(&mut self, view: &KasprWebView) {
        self.add_definition(view);
        self.routes.insert(view.name_any(), RouteSummary::from_webview(view));
    }

    /// Adds a join of the app.
    pub fn add_join(&mut self, join: &KasprJoin) {
        self.channels.insert(channel_of(join));
    }

    /// Adds a task of the app.
    pub fn add_task(&mut self, task: &KasprTask) {
        self.add_definition(task);
    }

    fn add_definition<C: KasprResource>(&mut self, component: &C) {
        let name = component.name_any();
        let volume = naming::definition(C::KIND, &name);
        self.definitions.insert(volume, format!("{} {name}", C::KIND));
    }

    /// Adds an app with the same name in another namespace.
    pub fn add_namesake(&mut self, app: &KasprApp) {
        let namesakes = Arc::make_mut(&mut self.namesakes);
        namesakes.insert(app.namespace().unwrap_or_default(), broker_set(app));
    }

    /// Takes the apps with the same name from the context of one of them.
    pub fn share_namesakes(&mut self, other: &Self) {
        self.namesakes = Arc::clone(&other.namesakes);
    }

    /// Sets all Secrets and ConfigMaps of the namespace. Without them, references are not checked.
    pub fn set_objects(&mut self, objects: impl Into<Arc<Objects>>) {
        self.objects = Some(objects.into());
    }

    /// Sets the claims of the app. Without them, a size is only compared with the old one.
    pub fn set_claims(&mut self, claims: Claims) {
        self.claims = claims;
    }

    /// Sets the ConfigMaps that the operator did not make, by name, with whose they are: `is controlled by
    /// Deployment web`.
    pub fn set_foreign_config_maps(&mut self, config_maps: impl Into<Arc<BTreeMap<String, String>>>) {
        self.foreign_config_maps = config_maps.into();
    }

    /// Returns the number of partitions of an agent's topic, if it is known.
    pub(super) fn topic_partitions(&self, topic: &TopicSummary) -> Option<i64> {
        topic.partitions.or_else(|| self.app.as_ref().filter(|_| topic.declared)?.partitions)
    }

    /// Returns the number of partitions of a table, if it is known.
    pub(super) fn table_partitions(&self, table: &TableSummary) -> Option<i64> {
        table.partitions.or_else(|| self.app.as_ref()?.partitions)
    }
}

impl AppSummary {
    pub(super) fn from_app(app: &KasprApp) -> Self {
        let setting = |name: &str| {
            let config = app.spec.config.as_ref()?;
            config.get(name).map(shared::to_text)
        };
        Self {
            replicas: app.spec.replicas,
            partitions: setting("topicPartitions").and_then(|partitions| partitions.parse().ok()),
            serializers: SerializerNames { key: setting("keySerializer"), value: setting("valueSerializer") },
            volumes: volume_names(app).map(str::to_owned).collect(),
            is_known: true,
            has_own_image: app.spec.image.is_some(),
            packages: PackageNames::of(app.spec.python_packages.as_ref()),
        }
    }
}

impl SerializerNames {
    /// Returns the serializers, with those of the app as defaults.
    pub(super) fn or_app(&self, app: Option<&AppSummary>) -> Self {
        let app = app.map(|app| &app.serializers);
        Self {
            key: self.key.clone().or_else(|| app?.key.clone()),
            value: self.value.clone().or_else(|| app?.value.clone()),
        }
    }
}

impl AgentSummary {
    pub(super) fn from_agent(agent: &KasprAgent) -> Self {
        let input = &agent.spec.input;
        let declared = input.declare == Some(true);
        Self {
            name: agent.name_any(),
            topic: input.topic.as_ref().map(|topic| TopicSummary::from_input(topic, declared)),
            tables: agent.spec.processors.as_ref().map(tables_of).unwrap_or_default(),
            reads: input.topic.iter().flat_map(InputTopic::names).map(str::to_owned).collect(),
            sends: sends(agent).into_iter().map(|(topic, _)| topic.to_owned()).collect(),
        }
    }
}

impl TopicSummary {
    fn from_input(topic: &InputTopic, declared: bool) -> Self {
        let name = |serializer: Option<Serializer>| serializer.map(|serializer| serializer_name(&serializer));
        Self {
            partitions: topic.partitions.map(i64::from),
            declared,
            serializers: SerializerNames {
                key: name(topic.key_serializer),
                value: name(topic.value_serializer),
            },
        }
    }
}

impl TableSummary {
    pub(super) fn from_table(table: &KasprTable) -> Self {
        let spec = &table.spec;
        let name =
            |serializer: Option<TableSerializer>| serializer.map(|serializer| serializer_name(&serializer));
        Self {
            name: table.name_any(),
            partitions: spec.partitions.map(i64::from),
            global: spec.global == Some(true),
            serializers: SerializerNames {
                key: name(spec.key_serializer),
                value: name(spec.value_serializer),
            },
        }
    }
}

impl RouteSummary {
    pub(super) fn from_webview(view: &KasprWebView) -> Self {
        let request = &view.spec.request;
        Self { resource: view.name_any(), method: request.method, path: request.path.clone() }
    }
}

/// Returns the names of the volumes that the user adds to the pods of an app, in order.
pub(super) fn volume_names(app: &KasprApp) -> impl Iterator<Item = &str> {
    let pod = app.spec.template.as_ref().and_then(|template| template.pod.as_ref());
    pod.into_iter().flat_map(|pod| pod.volumes.iter().flatten()).map(|volume| volume.name.as_str())
}

/// Returns the channel that a join writes. Source: the framework's default.
#[must_use]
pub fn channel_of(join: &KasprJoin) -> String {
    join.spec.output_channel.clone().unwrap_or_else(|| format!("{}-channel", join.name_any()))
}

/// Returns the tables of the operations that the pipeline runs, in the order of the pipeline and without
/// duplicates.
#[must_use]
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

/// Returns the brokers of an app as a set, because their order does not matter.
pub(super) fn broker_set(app: &KasprApp) -> BTreeSet<String> {
    app.spec.bootstrap_servers.split([',', ';']).map(|broker| broker.trim().to_lowercase()).collect()
}

/// Returns the name of a serializer as in a manifest.
fn serializer_name(serializer: &impl serde::Serialize) -> String {
    serde_json::to_value(serializer).map(|name| shared::to_text(&name)).unwrap_or_default()
}
