//! Reads the end of a member's log through the API server.

use std::time::{Duration, Instant};

use futures::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};

use crate::{error_chain::describe, naming, reconcile::context::Context};

/// Lines of a log that are read: a crash takes some forty, so that these hold the crashes of twenty seconds.
const LINES: i64 = 200;

/// Bytes of a log that are read.
const BYTES: i64 = 64 << 10;

/// The longest read. A kubelet answers at once, or its node is gone.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the end of a member's log of the last seconds; `None` if it cannot be read.
pub(super) async fn log(ctx: &Context, namespace: &str, pod: &str, seconds: i64) -> Option<String> {
    let outcome = tokio::time::timeout(TIMEOUT, read(ctx, namespace, pod, seconds)).await;
    let error = match outcome {
        Ok(Ok(log)) => return Some(log),
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
            if ctx.log_access.deny(Instant::now()) {
                let message = status.message;
                tracing::info!(
                    message,
                    "may not read logs of members; agents that crash show in metrics only"
                );
            }
            return None;
        }
        Ok(Err(error)) => describe(&error),
        Err(_) => "no answer in time".to_owned(),
    };
    // The container may not have started, or the pod may be gone.
    tracing::debug!(namespace, pod, error, "failed to read the log of a member");
    None
}

/// A limit in bytes can end in the middle of a character, so the log is not read as text.
async fn read(ctx: &Context, namespace: &str, pod: &str, seconds: i64) -> kube::Result<String> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), namespace);
    let params = LogParams {
        container: Some(naming::CONTAINER.to_owned()),
        limit_bytes: Some(BYTES),
        since_seconds: Some(seconds),
        tail_lines: Some(LINES),
        timestamps: true,
        ..LogParams::default()
    };
    let stream = api.log_stream(pod, &params).await?;
    let mut bytes = Vec::new();
    // The API server may exceed the limit slightly.
    let limit = 2 * BYTES.unsigned_abs();
    stream.take(limit).read_to_end(&mut bytes).await.map_err(|error| kube::Error::Service(error.into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
