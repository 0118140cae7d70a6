//! `resume`: resumes the reconciliation of a paused app.

use kube::ResourceExt;

use super::app_handle::{ActionResult, AppArgs, AppHandle};
use crate::{api::annotations::PAUSE, cli::error::Error};

/// Resumes the reconciliation of an app.
pub(super) async fn resume(args: AppArgs) -> Result<(), Error> {
    let app = AppHandle::fetch(&args.cluster, &args.app).await?;
    let result = |changed| ActionResult { action: "resume", changed, done: true };
    if !app.metadata.annotations().contains_key(PAUSE) {
        return app.print_result(args.output, result(false), " was not paused");
    }
    app.set_annotation(PAUSE, None).await?;
    app.print_result(args.output, result(true), " is resumed: the operator reconciles the app again")
}
