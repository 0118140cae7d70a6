//! Shutdown on a signal, in two stages: drain, then exit.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::error::Error;

/// The two stages of a shutdown.
pub(super) struct Shutdown {
    /// Cancelled by the first signal: the operator is not ready any more, but still serves requests.
    pub requested: CancellationToken,
    /// Cancelled at the end of the drain period, or by a second signal: the servers stop.
    pub drained: CancellationToken,
}

impl Shutdown {
    /// Waits for SIGTERM or SIGINT in the background.
    ///
    /// # Errors
    ///
    /// A signal handler cannot be installed.
    pub(super) fn on_signal(drain_period: Duration) -> Result<Self, Error> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Output)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Output)?;
        let mut next_signal = async move || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let (requested, drained) = (CancellationToken::new(), CancellationToken::new());
        let shutdown = Self { requested: requested.clone(), drained: drained.clone() };
        tokio::spawn(async move {
            next_signal().await;
            requested.cancel();
            if !drain_period.is_zero() {
                tracing::info!(
                    drain = ?drain_period,
                    "shutting down: marked not ready, still serving requests during the drain period"
                );
                _ = tokio::time::timeout(drain_period, next_signal()).await;
            }
            drained.cancel();
        });
        Ok(shutdown)
    }
}
