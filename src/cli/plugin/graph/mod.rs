//! `graph`: what flows where in an app.

mod model;
mod svg;
mod text;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};

use super::{
    CliError,
    cluster::{Cluster, ClusterArgs},
    document, note, print,
    resources::{Resources, kind_of},
};
use crate::cli::{Error, validate::Files};

/// Something could not be read.
const UNREAD: u8 = 2;

/// Arguments of `graph`.
#[derive(Args, Debug)]
pub struct GraphArgs {
    /// Files and folders of manifests, '-' for standard input; or one app of the cluster. Without
    /// any, all apps of the namespace
    #[arg(value_name = "FILE|APP")]
    of: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Form::Text, value_name = "FORMAT")]
    output: Form,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    /// A tree for people
    Text,
    /// For Mermaid, which GitHub and GitLab draw
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
    /// Nodes and edges
    Json,
    /// Nodes and edges
    Yaml,
}

/// Draws the graph of files or of a cluster.
///
/// Errors: an app or the cluster is not there. The exit code is 2 where a file can't be read.
pub async fn graph(args: GraphArgs) -> Result<ExitCode, Error> {
    let GraphArgs { of, cluster, output } = args;
    let resources = match of.as_slice() {
        [] => from_cluster(&cluster, None).await?,
        [one] if !is_path(one) => from_cluster(&cluster, Some(one)).await?,
        paths => match from_files(paths, cluster.namespace.as_deref())? {
            Some(resources) => resources,
            None => return Ok(ExitCode::from(UNREAD)),
        },
    };
    let graph = model::of(&resources);
    let text = match output {
        Form::Text => text::tree(&graph),
        Form::Mermaid => text::mermaid(&graph),
        Form::Dot => text::dot(&graph),
        Form::Svg => svg::draw(&graph).ok_or(CliError::Undrawn)?,
        Form::Json => document(&graph, true)?,
        Form::Yaml => document(&graph, false)?,
    };
    print(&text)?;
    if graph.nodes.is_empty() {
        note("there is nothing to draw: no resource of kaspr.io was found");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an argument means a file: it is one, or can't be the name of an app.
fn is_path(argument: &str) -> bool {
    argument == "-" || argument.contains(['/', '.']) || Path::new(argument).exists()
}

async fn from_cluster(args: &ClusterArgs, app: Option<&str>) -> Result<Resources, Error> {
    let cluster = Cluster::connect(args).await?;
    let resources = cluster.resources(Some(&cluster.namespace), app).await?;
    match app {
        Some(name) if resources.get(&cluster.namespace, name).is_none_or(|set| set.app.is_none()) => {
            Err(cluster.no_app(name).await.into())
        }
        _ => Ok(resources),
    }
}

/// What is in the files; nothing where one can't be read, which is told.
fn from_files(paths: &[String], namespace: Option<&str>) -> Result<Option<Resources>, CliError> {
    if let Some(missing) = paths.iter().find(|path| *path != "-" && !Path::new(path).exists()) {
        return Err(CliError::NoFile(missing.clone()));
    }
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let files = Files::read(&paths, namespace.unwrap_or("default"));
    if files.unread() {
        files.unreadable().for_each(|line| note(&line));
        return Ok(None);
    }
    let mut resources = Resources::default();
    for value in files.resources() {
        if let Some(kind) = kind_of(&value) {
            resources.add_or_tell(kind, value);
        }
    }
    Ok(Some(resources))
}
