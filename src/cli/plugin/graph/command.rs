//! Arguments of `graph` and the selection of resources.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};

use super::{builder::build_graph, dot, mermaid, svg, tree};
use crate::cli::{
    error::Error,
    output::to_yaml,
    plugin::{
        cluster::{Cluster, ClusterArgs},
        error::CliError,
        output::{print, print_message, to_json},
        resources::{Resources, kind_of},
    },
    validate::ManifestSet,
};

/// Exit code if a file cannot be read.
const EXIT_UNREADABLE: u8 = 2;

/// Arguments of `graph`.
#[derive(Args, Debug)]
pub(crate) struct GraphArgs {
    /// Files and directories with manifests, '-' for standard input; or the name of an app of the
    /// cluster [default: all apps of the namespace]
    #[arg(value_name = "FILE|APP")]
    of: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = GraphFormat::Text, value_name = "FORMAT")]
    output: GraphFormat,
}

/// Output format of a graph.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum GraphFormat {
    /// A tree for each app
    Text,
    /// Mermaid, which GitHub and GitLab render
    Mermaid,
    /// Graphviz
    Dot,
    /// SVG image
    Svg,
    /// Nodes and edges in JSON
    Json,
    /// Nodes and edges in YAML
    Yaml,
}

/// Draws the graph of files or of a cluster. The exit code is 2 if a file cannot be read.
///
/// # Errors
///
/// The app does not exist, or the cluster cannot be reached.
pub(crate) async fn graph(args: GraphArgs) -> Result<ExitCode, Error> {
    let GraphArgs { of, cluster, output } = args;
    let resources = match of.as_slice() {
        [] => read_cluster(&cluster, None).await?,
        [app] if !is_path(app) => read_cluster(&cluster, Some(app)).await?,
        paths => match read_files(paths, cluster.namespace.as_deref())? {
            Some(resources) => resources,
            None => return Ok(ExitCode::from(EXIT_UNREADABLE)),
        },
    };
    let graph = build_graph(&resources);
    let text = match output {
        GraphFormat::Text => tree::draw(&graph),
        GraphFormat::Mermaid => mermaid::draw(&graph),
        GraphFormat::Dot => dot::draw(&graph),
        GraphFormat::Svg => svg::draw(&graph).ok_or(CliError::GraphLayout)?,
        GraphFormat::Json => to_json(&graph)?,
        GraphFormat::Yaml => to_yaml(&graph)?,
    };
    print(&text)?;
    if graph.nodes.is_empty() {
        print_message("there is nothing to draw: no resources of kaspr.io found");
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns whether an argument is a path: it exists, or cannot be the name of an app.
fn is_path(argument: &str) -> bool {
    argument == "-" || argument.contains(['/', '.']) || Path::new(argument).exists()
}

async fn read_cluster(args: &ClusterArgs, app: Option<&str>) -> Result<Resources, Error> {
    let cluster = Cluster::connect(args).await?;
    let resources = cluster.resources(Some(&cluster.namespace), app).await?;
    if let Some(name) = app
        && resources.get(&cluster.namespace, name).is_none_or(|set| set.app.is_none())
    {
        return Err(cluster.app_not_found(name).await.into());
    }
    Ok(resources)
}

/// Returns the resources of files, or `None` and prints messages if a file cannot be read.
fn read_files(paths: &[String], namespace: Option<&str>) -> Result<Option<Resources>, CliError> {
    if let Some(missing) = paths.iter().find(|path| *path != "-" && !Path::new(path).exists()) {
        return Err(CliError::FileNotFound(missing.clone()));
    }
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let manifests = ManifestSet::read(&paths, namespace.unwrap_or("default"));
    if manifests.has_unreadable() {
        manifests.unreadable_messages().for_each(|message| print_message(&message));
        return Ok(None);
    }
    let mut resources = Resources::default();
    resources.extend(manifests.into_resources().filter_map(|value| Some((kind_of(&value)?, value))));
    Ok(Some(resources))
}
