//! `status`: an app as a tree.

mod report;
mod tree;

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use clap::Args;
use futures::future;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{apps::v1::StatefulSet, core::v1::Pod},
};
use kube::{Api, api::ListParams};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::report::{AppReport, Assignment};
use super::{
    CliError, Output,
    cluster::{Cluster, ClusterArgs},
    document, note, print,
    resources::AppSet,
};
use crate::{
    cli::Error,
    naming::{CLUSTER_LABEL, MANAGED_BY_LABEL},
    resources::environment,
};

/// How long a member may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// One app; without it all of the namespace
    #[arg(value_name = "APP")]
    app: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Ask each member how many partitions it works on, through the API server; needs the permission
    /// to get pods/proxy
    #[arg(long)]
    assignments: bool,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

/// Prints the apps.
///
/// Errors: the app or the cluster is not there.
pub async fn status(args: StatusArgs) -> Result<(), Error> {
    let StatusArgs { app, cluster, all_namespaces, assignments, output } = args;
    let cluster = Cluster::connect(&cluster).await?;
    let namespace = (!all_namespaces).then_some(cluster.namespace.as_str());
    let resources = cluster.resources(namespace, app.as_deref()).await?;
    let sets: Vec<&AppSet> = resources.sets().filter(|set| !set.name.is_empty()).collect();
    if let Some(name) = &app
        && sets.iter().all(|set| set.app.is_none())
    {
        return Err(cluster.no_app(name).await.into());
    }
    let (pods, stateful) = future::join(
        seen::<Pod>(&cluster, namespace, CLUSTER_LABEL, "pods"),
        seen::<StatefulSet>(&cluster, namespace, MANAGED_BY_LABEL, "StatefulSets"),
    )
    .await;
    let mut apps: Vec<AppReport> = sets.iter().map(|set| report::of(set, &pods, &stateful)).collect();
    if assignments {
        for (set, app) in sets.iter().zip(&mut apps) {
            ask_members(&cluster, set, app).await;
        }
    }
    if apps.is_empty() && output == Output::Text {
        let place = namespace.map_or("any namespace".to_owned(), |name| format!("namespace '{name}'"));
        note(&format!("no KasprApp in {place}"));
        return Ok(());
    }
    print(&match (output, apps.as_slice()) {
        (Output::Text, apps) => tree::draw(apps),
        // One that was asked for by its name is no list.
        (_, [one]) if app.is_some() => document(one, output == Output::Json)?,
        (_, apps) => document(&apps, output == Output::Json)?,
    })
}

/// Objects that only add to the picture: who may not see them sees the rest.
async fn seen<K>(cluster: &Cluster, namespace: Option<&str>, label: &str, what: &str) -> Vec<K>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
        None => Api::all(cluster.client.clone()),
    };
    match api.list(&ListParams::default().labels(label)).await {
        Ok(list) => list.items,
        Err(error) => {
            note(&format!("warning: {}", cluster.trouble(format!("read {what}"))(error)));
            Vec::new()
        }
    }
}

/// Asks the members of an app what they work on.
async fn ask_members(cluster: &Cluster, set: &AppSet, facts: &mut AppReport) {
    let Some(app) = &set.app else { return };
    let (port, path) = (environment::web_port(app), environment::status_path(app));
    let namespace = &set.namespace;
    let asks = facts.members.iter_mut().filter(|member| !member.state.is_empty()).map(|member| {
        let pod = &member.pod;
        let url = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
        async move {
            match ask(cluster, url).await {
                Ok(assignment) => member.assignment = Some(assignment),
                Err(error) => note(&format!("warning: {}/{}: {error}", namespace, member.pod)),
            }
        }
    });
    future::join_all(asks).await;
}

async fn ask(cluster: &Cluster, url: String) -> Result<Assignment, CliError> {
    let what = "ask the member";
    let refused = |why: String| CliError::Refused { what: what.to_owned(), why };
    let request = hyper::Request::get(url).body(Vec::new()).map_err(|error| refused(error.to_string()))?;
    let answer = tokio::time::timeout(PATIENCE, cluster.client.request::<Value>(request)).await;
    let answer = answer.map_err(|_| refused(format!("no answer in {} s", PATIENCE.as_secs())))?;
    let answer = answer.map_err(cluster.trouble(what))?;
    let count = |side: &str| -> BTreeMap<String, usize> {
        let topics = answer["assignment"][side].as_object();
        let count = |partitions: &Value| partitions.as_array().map_or(0, Vec::len);
        topics.into_iter().flatten().map(|(topic, all)| (topic.clone(), count(all))).collect()
    };
    Ok(Assignment { actives: count("actives"), standbys: count("standbys") })
}
