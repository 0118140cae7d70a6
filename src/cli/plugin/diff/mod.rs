//! `diff`: what the operator would change if files were applied.
//!
//! The API server is asked for everything, in dry runs: what the webhooks make of the files, and what
//! it makes of the objects that the operator would apply. The plan between the two is the one that
//! the operator follows.

mod compare;
mod dry_run;
mod impact;
mod print;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{Api, ResourceExt, core::DynamicObject};
use serde_json::{Value, json};

use self::{
    compare::{Change, clean},
    impact::RestartImpact,
};
use super::{
    CliError, Output,
    cluster::{Cluster, ClusterArgs},
    document, note,
    render::warn_of_withheld,
    resources::{AppSet, kind_of},
};
use crate::{
    api::{Kind, annotations::PAUSE},
    cli::{Error, program, validate::Files},
    error_chain::describe,
    naming::{self, APP_LABEL},
    reconcile::{self, ComponentSet, Plan},
    resources::{OwnedKind, OwnedObject, is_annotated},
    settings::BuildSettings,
};

/// Something went wrong: there is no verdict.
const TROUBLE: u8 = 2;

/// How many requests are made side by side.
const AT_A_TIME: usize = 8;

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// Files and folders of manifests; '-' for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    /// The settings of the operator in the cluster.
    #[command(flatten)]
    settings: BuildSettings,
}

/// Objects of a namespace as they are.
type Live = BTreeMap<(OwnedKind, String), DynamicObject>;

/// Prints the differences. Gives 0 where there is none, 1 where there are, and 2 for trouble.
pub async fn diff(args: DiffArgs) -> ExitCode {
    match differences(args).await {
        Ok(code) => code,
        Err(error) => {
            note(&format!("{}: {}", program(), describe(&error)));
            ExitCode::from(TROUBLE)
        }
    }
}

async fn differences(args: DiffArgs) -> Result<ExitCode, Error> {
    let DiffArgs { files, cluster, output, settings } = args;
    let cluster = Cluster::connect(&cluster).await?;
    let files = Files::read(&files, &cluster.namespace);
    if files.unread() {
        files.unreadable().for_each(|line| note(&line));
        return Ok(ExitCode::from(TROUBLE));
    }
    let (mut changes, mut effects) = (Vec::new(), Vec::new());
    for set in sets(&cluster, &files).await? {
        let (of_set, effect) = of_app(&cluster, &set, &settings).await?;
        if !of_set.is_empty() {
            changes.extend(of_set);
            effects.extend(effect);
        }
    }
    super::print(&match output {
        Output::Text => print::text(&changes, &effects)?,
        form => {
            let changes: Vec<Value> = changes.iter().map(Change::value).collect();
            document(&json!({ "changes": changes, "apps": effects }), form == Output::Json)?
        }
    })?;
    Ok(ExitCode::from(u8::from(!changes.is_empty())))
}

/// The apps that the files touch, as they would be.
async fn sets(cluster: &Cluster, files: &Files) -> Result<Vec<AppSet>, Error> {
    let mut touched = BTreeSet::new();
    let mut applied = Vec::new();
    for manifest in files.resources() {
        let Some(kind) = kind_of(&manifest) else { continue };
        let dry_run::DryRunResult { before, after } = dry_run::apply(cluster, kind, &manifest).await?;
        // One that moves from app to app concerns both.
        touched.extend(before.iter().chain([&after]).filter_map(|object| app_of(kind, object)));
        applied.push((kind, after));
    }
    let mut sets = Vec::new();
    for (namespace, app) in touched {
        let mut resources = cluster.resources(Some(&namespace), Some(&app)).await?;
        for (kind, after) in &applied {
            if after["metadata"]["namespace"] == namespace.as_str() {
                resources.add_or_tell(*kind, after.clone());
            }
        }
        sets.extend(resources.get(&namespace, &app).cloned());
    }
    Ok(sets)
}

/// The app that an object is, or belongs to.
fn app_of(kind: Kind, object: &Value) -> Option<(String, String)> {
    let metadata = &object["metadata"];
    let app = if kind == Kind::App { &metadata["name"] } else { &metadata["labels"][APP_LABEL] };
    Some((metadata["namespace"].as_str()?.to_owned(), app.as_str()?.to_owned()))
}

/// What would change for an app.
async fn of_app(
    cluster: &Cluster,
    set: &AppSet,
    settings: &BuildSettings,
) -> Result<(Vec<Change>, Option<RestartImpact>), Error> {
    let live = live(cluster, set).await?;
    let look = |kind: OwnedKind, name: &str| live.get(&(kind, name.to_owned())).cloned();
    let plan = reconcile::plan_app(set.app.as_ref(), &set.components, look, settings)?;
    warn_of_withheld(set, &plan);
    let paused = set.app.as_ref().is_some_and(|app| is_annotated(app, PAUSE));
    if paused {
        note(&format!("warning: {} is paused: its own objects stay until `resume`", set.shown()));
    }
    let Plan { definitions, objects, orphaned, newer_template_waits, .. } = plan;
    let own = if paused { Vec::new() } else { objects };
    let wanted: Vec<OwnedObject> = definitions.into_iter().chain(own).collect();
    let mut changes = changed(cluster, set, &wanted, &live).await?;
    if !paused {
        changes.extend(removed(set, &orphaned, &live));
    }
    let stateful = live.get(&(OwnedKind::StatefulSet, naming::app(&set.name)));
    let grows =
        wanted.iter().any(|object| object.kind == OwnedKind::StatefulSet && dry_run::grows(object, stateful));
    let name = (set.namespace.as_str(), set.name.as_str());
    let effect = set
        .app
        .is_some()
        .then(|| impact::of(name, &changes, stateful, grows, newer_template_waits && !paused));
    Ok((changes, effect))
}

/// The objects that would be made or changed.
async fn changed(
    cluster: &Cluster,
    set: &AppSet,
    wanted: &[OwnedObject],
    live: &Live,
) -> Result<Vec<Change>, CliError> {
    let all = stream::iter(wanted.iter().map(|object| async move {
        let before = live.get(&(object.kind, object.name.clone()));
        let made = dry_run::operate(cluster, &set.namespace, object, before).await?;
        Ok(Change {
            kind: object.kind,
            namespace: set.namespace.clone(),
            name: object.name.clone(),
            before: before.map(|live| clean(json!(live), true)),
            // The identity of an owner that is not there yet is another one each time.
            after: Some(clean(made, before.is_some())),
        })
    }));
    let changes: Vec<Change> = all.buffered(AT_A_TIME).try_collect().await?;
    Ok(changes.into_iter().filter(Change::differs).collect())
}

/// The objects that would go.
fn removed(set: &AppSet, orphaned: &[(OwnedKind, String)], live: &Live) -> Vec<Change> {
    let owner = set.app.as_ref().and_then(ResourceExt::uid);
    let controlled = |object: &&DynamicObject| {
        let mut owners = object.owner_references().iter();
        owners.any(|reference| reference.controller == Some(true) && Some(&reference.uid) == owner.as_ref())
    };
    let there = orphaned.iter().filter_map(|place| Some((place, live.get(place).filter(controlled)?)));
    there
        .map(|((kind, name), object)| Change {
            kind: *kind,
            namespace: set.namespace.clone(),
            name: name.clone(),
            before: Some(clean(json!(object), true)),
            after: None,
        })
        .collect()
}

/// The objects that the operator may have made for an app, as they are.
async fn live(cluster: &Cluster, set: &AppSet) -> Result<Live, CliError> {
    let name = &set.name;
    let mut places = vec![
        (OwnedKind::ServiceAccount, naming::app(name)),
        (OwnedKind::ConfigMap, naming::config_map(name)),
        (OwnedKind::ConfigMap, naming::joins(name)),
        (OwnedKind::PersistentVolumeClaim, naming::packages_claim(name)),
        (OwnedKind::Service, naming::app(name)),
        (OwnedKind::Service, naming::api_service(name)),
        (OwnedKind::HorizontalPodAutoscaler, naming::autoscaler(name)),
        (OwnedKind::PodDisruptionBudget, naming::disruption_budget(name)),
        (OwnedKind::StatefulSet, naming::app(name)),
    ];
    places.extend(definitions(&set.components).map(|name| (OwnedKind::ConfigMap, name)));
    let reads = stream::iter(places.into_iter().map(|(kind, name)| async move {
        let api = Api::<DynamicObject>::namespaced_with(
            cluster.client.clone(),
            &set.namespace,
            &kind.api_resource(),
        );
        let found = api.get_opt(&name).await;
        let found = found.map_err(cluster.trouble(format!("read {kind} {}/{name}", set.namespace)))?;
        Ok(found.map(|mut object| {
            // A get says what it is in some versions, and in others leaves that out.
            object.types.get_or_insert_with(|| kube::core::TypeMeta {
                api_version: kind.api_resource().api_version,
                kind: kind.to_string(),
            });
            ((kind, name), object)
        }))
    }));
    let found: Vec<Option<((OwnedKind, String), DynamicObject)>> =
        reads.buffered(AT_A_TIME).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The names of the components' ConfigMaps.
fn definitions(components: &ComponentSet) -> impl Iterator<Item = String> {
    let ComponentSet { agents, tables, tasks, webviews, joins } = components;
    let name = |kind: Kind, name: String| naming::definition(kind, &name);
    agents
        .iter()
        .map(move |agent| name(Kind::Agent, agent.name_any()))
        .chain(tables.iter().map(move |table| name(Kind::Table, table.name_any())))
        .chain(tasks.iter().map(move |task| name(Kind::Task, task.name_any())))
        .chain(webviews.iter().map(move |view| name(Kind::WebView, view.name_any())))
        .chain(joins.iter().map(move |join| name(Kind::Join, join.name_any())))
}
