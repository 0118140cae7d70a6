//! `roll`: rolls an app's pods to the pod template of the current operator version.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::{
    app_handle::{ActionResult, AppHandle},
    wait_args::WaitArgs,
};
use crate::{
    api::{KasprApp, annotations::ROLL},
    cli::error::Error,
    naming,
    resources::is_annotated,
};

/// Requests a roll.
pub(super) async fn roll(args: WaitArgs) -> Result<(), Error> {
    let app = AppHandle::fetch(&args.cluster, &args.app).await?;
    app.ensure_not_paused("roll")?;
    let changed = !is_annotated(&app.metadata, ROLL);
    let result = |done| ActionResult { action: "roll", changed, done };
    app.set_annotation(ROLL, Some("true")).await?;
    if !args.wait {
        let text = ": the operator will roll the pods to its current pod template";
        return app.print_result(args.output, result(false), text);
    }
    app.wait_until(app.api(), &app.name, has_started, args.timeout, "the roll").await?;
    let sets = Api::<StatefulSet>::namespaced(app.cluster.client.clone(), &app.cluster.namespace);
    app.wait_until(sets, &naming::app(&app.name), is_rolled_out, args.timeout, "the end of the roll").await?;
    app.print_result(args.output, result(true), ": all pods have the current pod template of the operator")
}

/// Returns whether the operator has handled the request, or the app is deleted.
fn has_started(app: Option<&KasprApp>) -> bool {
    app.is_none_or(|app| !app.annotations().contains_key(ROLL))
}

/// Returns whether all pods of a StatefulSet have the current template and are ready.
fn is_rolled_out(set: Option<&StatefulSet>) -> bool {
    let Some(set) = set else { return true };
    let value = serde_json::to_value(set).unwrap_or_default();
    let number = |path: &str| value.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    number("/status/observedGeneration") >= number("/metadata/generation")
        && value["status"]["currentRevision"] == value["status"]["updateRevision"]
        && number("/status/readyReplicas") >= number("/spec/replicas")
}
