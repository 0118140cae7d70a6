//! One time limit for everything that an installation does.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::error::InstallError;

/// The instant at which the installation must be complete, and a token that cancels it earlier.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    end: Instant,
    seconds: u64,
    stop: CancellationToken,
}

impl Deadline {
    /// Creates a deadline that number of seconds from now, or when `stop` is cancelled.
    pub(super) fn after(seconds: u64, stop: CancellationToken) -> Self {
        Self { end: Instant::now() + Duration::from_secs(seconds), seconds, stop }
    }

    /// Returns the time that is left.
    pub(super) fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits for work until the deadline.
    ///
    /// # Errors
    ///
    /// The deadline passed or the installation was cancelled first; the work is dropped.
    pub(super) async fn enforce<T>(&self, work: impl Future<Output = T>) -> Result<T, InstallError> {
        tokio::select! {
            done = tokio::time::timeout(self.remaining(), work) => done.map_err(|_| self.exceeded()),
            () = self.stop.cancelled() => Err(InstallError::unknown("stopped: the container is terminating")),
        }
    }

    /// Sleeps, but not past the deadline.
    pub(super) async fn sleep(&self, duration: Duration) -> Result<(), InstallError> {
        self.enforce(tokio::time::sleep(duration)).await
    }

    /// Returns the error of a deadline that passed.
    pub(super) fn exceeded(&self) -> InstallError {
        InstallError::timeout(self.seconds)
    }
}
