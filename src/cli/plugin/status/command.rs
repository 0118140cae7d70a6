//! Arguments of `status` and the requests to the cluster.

use std::fmt::Debug;

use clap::Args;
use futures::future;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{apps::v1::StatefulSet, core::v1::Pod},
};
use kube::{Api, api::ListParams};
use serde::de::DeserializeOwned;

use super::{assignments::fetch_assignments, report::AppReport, tree};
use crate::{
    api::Kind,
    cli::{
        error::Error,
        output::to_yaml,
        plugin::{
            cluster::{Cluster, ClusterArgs},
            output::{OutputFormat, print, print_message, to_json},
            resources::AppSet,
        },
    },
    naming::{CLUSTER_LABEL, MANAGED_BY_LABEL},
};

/// Arguments of `status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Name of an app [default: all apps of the namespace]
    #[arg(value_name = "APP")]
    app: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Show apps of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Request the number of assigned partitions from each member, through the API server; requires
    /// the permission to get pods/proxy
    #[arg(long)]
    assignments: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    output: OutputFormat,
}

/// Prints the status of apps.
///
/// # Errors
///
/// The app does not exist, or the cluster cannot be reached.
pub(crate) async fn status(args: StatusArgs) -> Result<(), Error> {
    let StatusArgs { app, cluster, all_namespaces, assignments, output } = args;
    let cluster = Cluster::connect(&cluster).await?;
    let namespace = (!all_namespaces).then_some(cluster.namespace.as_str());
    let resources = cluster.resources(namespace, app.as_deref()).await?;
    let sets: Vec<&AppSet> = resources.app_sets().filter(|set| !set.name.is_empty()).collect();
    if let Some(name) = &app
        && sets.iter().all(|set| set.app.is_none())
    {
        return Err(cluster.app_not_found(name).await.into());
    }
    let (pods, stateful_sets) = future::join(
        list_or_warn::<Pod>(&cluster, namespace, CLUSTER_LABEL, "pods"),
        list_or_warn::<StatefulSet>(&cluster, namespace, MANAGED_BY_LABEL, "StatefulSets"),
    )
    .await;
    let mut reports: Vec<AppReport> =
        sets.iter().map(|set| AppReport::new(set, &pods, &stateful_sets)).collect();
    if assignments {
        for (set, report) in sets.iter().zip(&mut reports) {
            fetch_assignments(&cluster, set, report).await;
        }
    }
    if reports.is_empty() && output == OutputFormat::Text {
        let place = namespace.map_or("any namespace".to_owned(), |name| format!("namespace '{name}'"));
        print_message(&format!("no {} in {place}", Kind::App));
        return Ok(());
    }
    // An app that is selected by name is printed as an object, not as a list.
    print(&match (output, reports.as_slice()) {
        (OutputFormat::Text, reports) => tree::draw(reports),
        (OutputFormat::Json, [report]) if app.is_some() => to_json(report)?,
        (OutputFormat::Json, reports) => to_json(&reports)?,
        (OutputFormat::Yaml, [report]) if app.is_some() => to_yaml(report)?,
        (OutputFormat::Yaml, reports) => to_yaml(&reports)?,
    })
}

/// Lists objects that the status can be shown without: if the user may not list them, prints a warning and
/// returns none.
async fn list_or_warn<K>(cluster: &Cluster, namespace: Option<&str>, label: &str, what: &str) -> Vec<K>
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
            print_message(&format!("warning: {}", cluster.request_error(format!("read {what}"))(error)));
            Vec::new()
        }
    }
}
