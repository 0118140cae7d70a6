//! `undo`: returns an app's pods to an earlier revision.

use clap::Args;
use kube::ResourceExt;

use super::{
    app_handle::{ActionResult, AppHandle},
    error::CliError,
    history::{History, Revision},
    wait_args::WaitArgs,
};
use crate::{
    api::{KasprApp, annotations::UNDO},
    cli::error::Error,
};

/// Arguments of `undo`.
#[derive(Args, Debug)]
pub(crate) struct UndoArgs {
    /// Number or name of the revision, as `history` lists them [default: the last one that worked before the current one]
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
}

/// Requests the return to an earlier revision.
///
/// # Errors
///
/// The app or the revision does not exist, or the cluster cannot be reached.
pub(super) async fn undo(args: UndoArgs) -> Result<(), Error> {
    let UndoArgs { to, wait } = args;
    let app = AppHandle::fetch(&wait.cluster, &wait.app).await?;
    app.ensure_not_paused("undo")?;
    let history = History::fetch(&app).await?;
    let revision = match &to {
        Some(revision) => history.find(revision)?,
        None => earlier(&history, &app)?,
    };
    let changed = app.metadata.annotations().get(UNDO) != Some(&revision.name);
    app.set_annotation(UNDO, Some(&revision.name)).await?;
    if wait.wait {
        app.wait_until(app.api(), &app.name, has_started, wait.timeout, "the return").await?;
    }
    let text = format!(
        ": the pods return to revision {} ({}). The spec does not change, and its next change ends the return: to make \
         it last, revert the change where the manifests are kept",
        revision.number, revision.name
    );
    app.print_result(wait.output, ActionResult { action: "undo", changed, done: wait.wait }, &text)
}

/// Returns the last revision that worked, unless it is the current one, or else the one before the current one.
fn earlier<'a>(history: &'a History, app: &AppHandle) -> Result<&'a Revision, CliError> {
    let current = history.stateful_set["status"]["updateRevision"].as_str().unwrap_or_default();
    let good = history.state.good.as_deref().filter(|good| *good != current);
    let known = good.and_then(|good| history.revisions.iter().find(|revision| revision.name == good));
    known.or_else(|| history.revisions.iter().find(|revision| revision.name != current)).ok_or_else(|| {
        let why = format!("{} has no earlier revision", app.display_name());
        CliError::Refused { what: "undo".to_owned(), why }
    })
}

/// Returns whether the operator has handled the request, or the app is deleted.
fn has_started(app: Option<&KasprApp>) -> bool {
    app.is_none_or(|app| !app.annotations().contains_key(UNDO))
}
