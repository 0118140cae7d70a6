//! One time limit over everything that an install does.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::failure::Failure;

/// When all must be done, or is no longer wanted.
#[derive(Clone, Debug)]
pub struct Deadline {
    end: Instant,
    seconds: u64,
    stop: CancellationToken,
}

impl Deadline {
    /// Ends that many seconds from now, or with `stop`.
    pub fn after(seconds: u64, stop: CancellationToken) -> Self {
        Self { end: Instant::now() + Duration::from_secs(seconds), seconds, stop }
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits for work until the end.
    ///
    /// Errors: the end came first; the work is dropped.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = tokio::time::timeout(self.left(), work) => done.map_err(|_| self.over()),
            () = self.stop.cancelled() => Err(Failure::unknown("stopped: the container was told to end")),
        }
    }

    /// Waits.
    pub async fn pause(&self, pause: Duration) -> Result<(), Failure> {
        self.keep(tokio::time::sleep(pause)).await
    }

    /// The failure at the end.
    pub fn over(&self) -> Failure {
        Failure::timeout(self.seconds)
    }
}
