//! Arguments of `diff` and the comparison of each app.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{ResourceExt, core::DynamicObject};
use serde_json::{Value, json};

use super::{
    compare::{ObjectChange, normalize},
    dry_run::{DryRunResult, apply_manifest, apply_object, claims_grow},
    impact::{RestartImpact, hash_variables},
    live::{CONCURRENT_REQUESTS, LiveObjects, fetch_live_objects},
    text::to_text,
};
use crate::{
    api::{Kind, annotations::PAUSE},
    cli::{
        error::Error,
        output::to_yaml,
        plugin::{
            app_handle::AppHandle,
            cluster::{Cluster, ClusterArgs},
            error::CliError,
            history::History,
            output::{OutputFormat, print, print_message, to_json},
            render::warn_of_withheld,
            resources::{AppSet, kind_of},
        },
        program::program_name,
        validate::ManifestSet,
    },
    error_chain::describe,
    naming::{self, APP_LABEL},
    reconcile::{self, Plan},
    resources::{OwnedKind, OwnedObject, is_annotated},
    settings::BuildSettings,
};

/// Exit code if there are differences.
const EXIT_DIFFERENCES: u8 = 1;

/// Exit code if the comparison fails.
const EXIT_ERROR: u8 = 2;

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// Files and directories with manifests; '-' for standard input. With --revision: the name of an app
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare the pods of an app with this earlier revision, by number or name, as `history` lists them
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    output: OutputFormat,
    /// Settings of the operator in the cluster.
    #[command(flatten)]
    settings: BuildSettings,
}

/// Prints the differences. Returns exit code 0 for no differences, 1 for differences, and 2 for errors.
pub(crate) async fn diff(args: DiffArgs) -> ExitCode {
    match print_differences(args).await {
        Ok(code) => code,
        Err(error) => {
            print_message(&format!("{}: {}", program_name(), describe(&error)));
            ExitCode::from(EXIT_ERROR)
        }
    }
}

async fn print_differences(args: DiffArgs) -> Result<ExitCode, Error> {
    let DiffArgs { files, revision, cluster, output, settings } = args;
    if let Some(revision) = revision {
        let [app] = files.as_slice() else {
            let why = "--revision compares one app: name it instead of files".to_owned();
            return Err(CliError::Refused { what: "diff".to_owned(), why }.into());
        };
        let change = revision_change(&cluster, &app.to_string_lossy(), &revision).await?;
        return print_changes(&change.into_iter().collect::<Vec<_>>(), &[], output);
    }
    let cluster = Cluster::connect(&cluster).await?;
    let manifests = ManifestSet::read(&files, &cluster.namespace);
    if manifests.has_unreadable() {
        manifests.unreadable_messages().for_each(|message| print_message(&message));
        return Ok(ExitCode::from(EXIT_ERROR));
    }
    let (mut changes, mut impacts) = (Vec::new(), Vec::new());
    for (before, set) in affected_apps(&cluster, manifests).await? {
        let (app_changes, impact) = compare_app(&cluster, before.as_ref(), &set, &settings).await?;
        if !app_changes.is_empty() {
            changes.extend(app_changes);
            impacts.extend(impact);
        }
    }
    print_changes(&changes, &impacts, output)
}

/// Prints the changes. Returns the exit code.
fn print_changes(
    changes: &[ObjectChange],
    impacts: &[RestartImpact],
    output: OutputFormat,
) -> Result<ExitCode, Error> {
    let document = || {
        let changes: Vec<Value> = changes.iter().map(ObjectChange::to_value).collect();
        json!({ "changes": changes, "apps": impacts })
    };
    print(&match output {
        OutputFormat::Text => to_text(changes, impacts)?,
        OutputFormat::Json => to_json(&document())?,
        OutputFormat::Yaml => to_yaml(&document())?,
    })?;
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DIFFERENCES) })
}

/// Returns what a return to an earlier revision would change in the pods of an app.
async fn revision_change(
    args: &ClusterArgs,
    app: &str,
    revision: &str,
) -> Result<Option<ObjectChange>, CliError> {
    let app = AppHandle::fetch(args, app).await?;
    let history = History::fetch(&app).await?;
    let template = &history.find(revision)?.template;
    let mut after = history.stateful_set.clone();
    after["spec"]["template"] = template.clone();
    let change = ObjectChange {
        kind: OwnedKind::StatefulSet,
        namespace: app.cluster.namespace.clone(),
        name: naming::app(&app.name),
        before: Some(normalize(history.stateful_set, true)),
        after: Some(normalize(after, true)),
    };
    Ok(Some(change).filter(ObjectChange::differs))
}

/// Returns the apps that the files affect, in the states before and after the files are applied.
async fn affected_apps(
    cluster: &Cluster,
    manifests: ManifestSet,
) -> Result<Vec<(Option<AppSet>, AppSet)>, Error> {
    let resources = manifests.into_resources().filter_map(|manifest| Some((kind_of(&manifest)?, manifest)));
    let requests = stream::iter(resources);
    let requests = requests.map(|(kind, manifest)| async move {
        let DryRunResult { before, after } = apply_manifest(cluster, kind, &manifest).await?;
        // A component that moves to another app affects both apps.
        let keys = before.iter().chain([&after]).filter_map(|object| app_key(kind, object)).collect();
        Ok::<(Kind, Value, BTreeSet<AppKey>), Error>((kind, after, keys))
    });
    let applied: Vec<_> = requests.buffered(CONCURRENT_REQUESTS).try_collect().await?;
    let mut by_app = BTreeMap::<&AppKey, Vec<(Kind, &Value)>>::new();
    for (kind, after, keys) in &applied {
        keys.iter().for_each(|key| by_app.entry(key).or_default().push((*kind, after)));
    }
    let mut sets = Vec::new();
    for ((namespace, app), applied) in by_app {
        let mut resources = cluster.resources(Some(namespace), Some(app)).await?;
        let before = resources.get(namespace, app).cloned();
        resources.extend(applied.into_iter().map(|(kind, after)| (kind, after.clone())));
        sets.extend(resources.get(namespace, app).map(|after| (before, after.clone())));
    }
    Ok(sets)
}

/// Namespace and name of an app.
type AppKey = (String, String);

/// Returns namespace and name of the app that an object is, or belongs to.
fn app_key(kind: Kind, object: &Value) -> Option<AppKey> {
    let metadata = &object["metadata"];
    let app = if kind == Kind::App { &metadata["name"] } else { &metadata["labels"][APP_LABEL] };
    Some((metadata["namespace"].as_str()?.to_owned(), app.as_str()?.to_owned()))
}

/// Returns the changes to the objects of an app, and their impact on the members if the app exists.
async fn compare_app(
    cluster: &Cluster,
    before: Option<&AppSet>,
    set: &AppSet,
    settings: &BuildSettings,
) -> Result<(Vec<ObjectChange>, Option<RestartImpact>), Error> {
    let live = fetch_live_objects(cluster, set).await?;
    let find_live = |kind: OwnedKind, name: &str| live.get(&(kind, name.to_owned())).cloned();
    let plan = reconcile::plan_app(set.app.as_ref(), &set.components, find_live, settings)?;
    warn_of_withheld(set, &plan);
    let paused = set.app.as_ref().is_some_and(|app| is_annotated(app, PAUSE));
    if paused {
        let name = set.display_name();
        print_message(&format!("warning: {name} is paused: its objects do not change until `resume`"));
    }
    let Plan { definitions, objects, orphaned, newer_template_waits, .. } = plan;
    let app_objects = if paused { Vec::new() } else { objects };
    let desired = definitions.into_iter().chain(app_objects);
    // The immutable copies of definitions change with the definitions, which are shown.
    let desired: Vec<OwnedObject> = desired.filter(|object| !object.is_immutable()).collect();
    let mut changes = created_or_updated(cluster, set, &desired, &live).await?;
    if !paused {
        changes.extend(deleted(set, &orphaned, &live));
    }
    let stateful_set = live.get(&(OwnedKind::StatefulSet, naming::app(&set.name)));
    let grows = desired
        .iter()
        .any(|object| object.kind == OwnedKind::StatefulSet && claims_grow(object, stateful_set));
    let key = (set.namespace.as_str(), set.name.as_str());
    let unchanged =
        before.map(|before| unchanged_variables(before, set, &live, settings)).unwrap_or_default();
    let impact = set.app.is_some().then(|| {
        let waits = newer_template_waits && !paused;
        RestartImpact::new(key, &changes, &unchanged, stateful_set, grows, waits)
    });
    Ok((changes, impact))
}

/// Returns the variables with hashes that the files do not change. The running pods may have other values: the
/// Python operator computes the hashes of components in another way.
fn unchanged_variables(
    before: &AppSet,
    after: &AppSet,
    live: &LiveObjects,
    settings: &BuildSettings,
) -> BTreeSet<String> {
    let variables = |set: &AppSet| {
        // Without the running StatefulSet, whose template could be kept.
        let others = |kind: OwnedKind, name: &str| {
            live.get(&(kind, name.to_owned())).filter(|_| kind != OwnedKind::StatefulSet).cloned()
        };
        let plan = reconcile::plan_app(set.app.as_ref(), &set.components, others, settings).ok()?;
        let object = plan.objects.into_iter().find(|object| object.kind == OwnedKind::StatefulSet)?;
        Some(hash_variables(&object.value))
    };
    let (Some(before), Some(after)) = (variables(before), variables(after)) else { return BTreeSet::new() };
    before.intersection(&after).map(|(name, _)| name.clone()).collect()
}

/// Returns the objects that the operator would create or update.
async fn created_or_updated(
    cluster: &Cluster,
    set: &AppSet,
    desired: &[OwnedObject],
    live: &LiveObjects,
) -> Result<Vec<ObjectChange>, CliError> {
    let requests = stream::iter(desired.iter().map(|object| async move {
        let before = live.get(&(object.kind, object.name.clone()));
        let after = apply_object(cluster, &set.namespace, object, before).await?;
        Ok(ObjectChange {
            kind: object.kind,
            namespace: set.namespace.clone(),
            name: object.name.clone(),
            before: before.map(|live| normalize(json!(live), true)),
            // The UID of an owner that does not exist yet is different in each dry run.
            after: Some(normalize(after, before.is_some())),
        })
    }));
    let changes: Vec<ObjectChange> = requests.buffered(CONCURRENT_REQUESTS).try_collect().await?;
    Ok(changes.into_iter().filter(ObjectChange::differs).collect())
}

/// Returns the objects that the operator would delete.
fn deleted(set: &AppSet, orphaned: &[(OwnedKind, String)], live: &LiveObjects) -> Vec<ObjectChange> {
    let owner = set.app.as_ref().and_then(ResourceExt::uid);
    let is_controlled = |object: &&DynamicObject| {
        let mut owners = object.owner_references().iter();
        owners.any(|reference| reference.controller == Some(true) && Some(&reference.uid) == owner.as_ref())
    };
    let existing = orphaned.iter().filter_map(|key| Some((key, live.get(key).filter(is_controlled)?)));
    existing
        .map(|((kind, name), object)| ObjectChange {
            kind: *kind,
            namespace: set.namespace.clone(),
            name: name.clone(),
            before: Some(normalize(json!(object), true)),
            after: None,
        })
        .collect()
}
