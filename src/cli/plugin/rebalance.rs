//! `rebalance`: requests a rebalance from the leader of an app.

use kube::ResourceExt;

use super::{
    app_handle::{ActionResult, AppHandle},
    error::CliError,
    wait_args::WaitArgs,
};
use crate::{
    api::{KasprApp, annotations::REBALANCE},
    cli::error::Error,
    naming::REBALANCE_REQUEST_FAILED,
};

/// Requests a rebalance.
pub(super) async fn rebalance(args: WaitArgs) -> Result<(), Error> {
    let app = AppHandle::fetch(&args.cluster, &args.app).await?;
    app.ensure_not_paused("rebalance")?;
    let changed = !app.metadata.annotations().contains_key(REBALANCE);
    let result = |done| ActionResult { action: "rebalance", changed, done };
    let events_before = app.events(REBALANCE_REQUEST_FAILED).await;
    app.set_annotation(REBALANCE, Some("true")).await?;
    if !args.wait {
        let text = ": the operator will request a rebalance from the leader";
        return app.print_result(args.output, result(false), text);
    }
    app.wait_until(app.api(), &app.name, is_requested, args.timeout, "the rebalance request").await?;
    // The operator reports a failure before it removes the annotation.
    let events = app.events(REBALANCE_REQUEST_FAILED).await;
    if let Some((_, _, why)) = events.into_iter().find(|event| !events_before.contains(event)) {
        Err(CliError::Refused { what: "rebalance".to_owned(), why })?;
    }
    app.wait_until(app.api(), &app.name, is_stable, args.timeout, "the end of the rebalance").await?;
    app.print_result(
        args.output,
        result(true),
        ": a rebalance was requested, and no member is rebalancing now",
    )
}

/// Returns whether the operator has handled the request, or the app is deleted.
fn is_requested(app: Option<&KasprApp>) -> bool {
    app.is_none_or(|app| !app.annotations().contains_key(REBALANCE))
}

/// Returns whether no member is in a rebalance.
fn is_stable(app: Option<&KasprApp>) -> bool {
    let status = app.and_then(|app| app.status.as_ref());
    let rebalancing = status.and_then(|status| status.rebalancing_members.as_deref());
    rebalancing.is_none_or(|members| members.starts_with("0/"))
}
