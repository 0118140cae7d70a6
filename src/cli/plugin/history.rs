//! `history`: lists the revisions of an app's pods.

use clap::Args;
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, StatefulSet},
    core::v1::Pod,
};
use kube::{Api, ResourceExt, api::ListParams};
use serde::Serialize;
use serde_json::Value;

use super::{
    app_handle::AppHandle,
    cluster::ClusterArgs,
    error::CliError,
    output::{OutputFormat, print, to_json},
};
use crate::{
    cli::{error::Error, output::to_yaml},
    naming,
    reconcile::{RolloutState, TemplateChanges, template_of},
    resources::labels,
};

/// Arguments of `history`.
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// Name of the app
    #[arg(value_name = "APP")]
    app: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    output: OutputFormat,
}

/// The revisions of an app's pods.
pub(super) struct History {
    /// The revisions, the newest first.
    pub revisions: Vec<Revision>,
    /// The StatefulSet, as JSON.
    pub stateful_set: Value,
    /// What the operator knows of the revisions.
    pub state: RolloutState,
    app: String,
}

/// A revision of an app's pods.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision {
    /// Number, which grows with each change.
    pub number: i64,
    /// Name.
    pub name: String,
    /// Creation time, RFC 3339.
    pub created: String,
    /// `current`, `good`, `failed`, or nothing that is known.
    pub outcome: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The pods that run it.
    pub pods: Vec<String>,
    /// What differs from the revision before it.
    pub changes: Vec<String>,
    /// The pod template.
    #[serde(skip)]
    pub template: Value,
}

/// Prints the revisions of an app.
///
/// # Errors
///
/// The app does not exist, or the cluster cannot be reached.
pub(super) async fn history(args: HistoryArgs) -> Result<(), Error> {
    let app = AppHandle::fetch(&args.cluster, &args.app).await?;
    let revisions = History::fetch(&app).await?.revisions;
    print(&match args.output {
        OutputFormat::Text => table(&revisions),
        OutputFormat::Json => to_json(&revisions)?,
        OutputFormat::Yaml => to_yaml(&revisions)?,
    })
}

impl History {
    /// Fetches the revisions of an app.
    ///
    /// # Errors
    ///
    /// The cluster cannot be reached, or the user may not list revisions.
    pub(super) async fn fetch(app: &AppHandle) -> Result<Self, CliError> {
        let (client, namespace) = (&app.cluster.client, &app.cluster.namespace);
        let name = naming::app(&app.name);
        let failed = |what: &str| app.cluster.request_error(format!("{what} of {}", app.display_name()));
        let sets = Api::<StatefulSet>::namespaced(client.clone(), namespace);
        let set = sets.get_opt(&name).await.map_err(failed("read the StatefulSet"))?;
        let stateful_set = serde_json::to_value(&set).unwrap_or_default();
        let selected = ListParams::default().labels(&labels::to_selector(&labels::selector(&app.name)));
        let revisions =
            Api::<ControllerRevision>::namespaced(client.clone(), namespace).list(&selected).await;
        let revisions = revisions.map_err(failed("list the revisions"))?.items;
        let pods = Api::<Pod>::namespaced(client.clone(), namespace).list(&selected).await;
        let pods = pods.map_err(failed("list the pods"))?.items;
        let state = RolloutState::of(set.as_ref());
        let current = stateful_set["status"]["updateRevision"].as_str().unwrap_or_default();
        let revisions = in_order(revisions, &pods, &state, current);
        Ok(Self { revisions, stateful_set, state, app: app.display_name() })
    }

    /// Returns the revision with a number or a name.
    ///
    /// # Errors
    ///
    /// The app has no such revision.
    pub(super) fn find(&self, revision: &str) -> Result<&Revision, CliError> {
        let mut all = self.revisions.iter();
        all.find(|known| known.name == revision || known.number.to_string() == revision).ok_or_else(|| {
            let numbers: Vec<String> = self.revisions.iter().map(|known| known.number.to_string()).collect();
            CliError::Refused {
                what: format!("find revision {revision}"),
                why: format!("{} has the revisions {}", self.app, numbers.join(", ")),
            }
        })
    }
}

fn in_order(
    mut revisions: Vec<ControllerRevision>,
    pods: &[Pod],
    state: &RolloutState,
    current: &str,
) -> Vec<Revision> {
    revisions.sort_by_key(|revision| revision.revision);
    let mut all: Vec<Revision> = Vec::new();
    for revision in revisions {
        let name = revision.name_any();
        let template = template_of(&revision).unwrap_or_default();
        let changes = all.last().map(|before| TemplateChanges::between(&before.template, &template).list());
        let held = state.held.as_ref().filter(|held| held.revision == name && !held.requested);
        let runs = pods.iter().filter(|pod| pod.labels().get(naming::REVISION_LABEL) == Some(&name));
        let outcome = match (name == current, state.good.as_ref() == Some(&name), held.is_some()) {
            (true, true, _) => "current, good",
            (true, false, _) => "current",
            (false, _, true) => "failed",
            (false, true, false) => "good",
            (false, false, false) => "",
        };
        all.push(Revision {
            number: revision.revision,
            created: revision.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default(),
            outcome: outcome.to_owned(),
            cause: held.map(|held| held.cause.clone()),
            pods: runs.map(ResourceExt::name_any).collect(),
            changes: changes.unwrap_or_default(),
            template,
            name,
        });
    }
    all.reverse();
    all
}

/// Formats the revisions as a table.
fn table(revisions: &[Revision]) -> String {
    let mut rows = vec![["REVISION", "NAME", "CREATED", "PODS", "OUTCOME", "CHANGES"].map(str::to_owned)];
    for revision in revisions {
        let changes = match revision.changes.as_slice() {
            [] => "-".to_owned(),
            changes => changes.join(", "),
        };
        let cause = revision.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let outcome = if revision.outcome.is_empty() { "-" } else { revision.outcome.as_str() };
        rows.push([
            revision.number.to_string(),
            revision.name.clone(),
            revision.created.clone(),
            revision.pods.len().to_string(),
            format!("{outcome}{cause}"),
            changes,
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
