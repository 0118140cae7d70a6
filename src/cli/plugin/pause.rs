//! `pause`: pauses the reconciliation of an app.

use super::app_handle::{ActionResult, AppArgs, AppHandle};
use crate::{api::annotations::PAUSE, cli::error::Error, resources::is_annotated};

/// Pauses the reconciliation of an app.
pub(super) async fn pause(args: AppArgs) -> Result<(), Error> {
    let app = AppHandle::fetch(&args.cluster, &args.app).await?;
    let already_paused = is_annotated(&app.metadata, PAUSE);
    app.set_annotation(PAUSE, Some("true")).await?;
    let state = if already_paused { "was already paused" } else { "is paused" };
    let text = format!(" {state}: the operator updates only its status until you run `resume {}`", app.name);
    app.print_result(
        args.output,
        ActionResult { action: "pause", changed: !already_paused, done: true },
        &text,
    )
}
