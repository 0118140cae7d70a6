//! `rebalance`: requests a rebalance from the leader of an app.

use k8s_openapi::jiff::Timestamp;
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
    // A new value is a new request, also if a manifest contains one.
    let request = Timestamp::now().to_string();
    let result = |done| ActionResult { action: "rebalance", changed, done };
    let events_before = app.events(REBALANCE_REQUEST_FAILED).await;
    app.set_annotation(REBALANCE, Some(&request)).await?;
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
    let before = app.api().get_opt(&app.name).await.map_err(app.cluster.request_error("read the app"))?;
    let has_begun =
        |app: Option<&KasprApp>| !is_stable(app) || transitions(app) != transitions(before.as_ref());
    app.wait_until(app.api(), &app.name, has_begun, args.timeout, "the begin of the rebalance").await?;
    app.wait_until(app.api(), &app.name, is_stable, args.timeout, "the end of the rebalance").await?;
    app.print_result(args.output, result(true), ": the rebalance began and ended")
}

/// Returns whether the operator has handled the request, or the app is deleted.
fn is_requested(app: Option<&KasprApp>) -> bool {
    app.is_none_or(|app| !app.annotations().contains_key(REBALANCE))
}

/// Returns when each member began or ended its last rebalance.
fn transitions(app: Option<&KasprApp>) -> Vec<Option<String>> {
    let status = app.and_then(|app| app.status.as_ref());
    let members = status.and_then(|status| status.members.as_deref()).unwrap_or_default();
    members.iter().map(|member| member.last_transition_time.clone()).collect()
}

/// Returns whether no member is in a rebalance.
fn is_stable(app: Option<&KasprApp>) -> bool {
    let status = app.and_then(|app| app.status.as_ref());
    let rebalancing = status.and_then(|status| status.rebalancing_members.as_deref());
    rebalancing.is_none_or(|members| members.starts_with("0/"))
}
