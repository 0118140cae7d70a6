//! Waiting for an install lease and renewing it. The lease avoids duplicate work; correctness does not
//! depend on it, because sets and archives are published atomically, by whichever member is first.

use std::time::Duration;

use super::store::{Store, StoreError};

/// Growing pauses while another member installs.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitBackoff {
    next: Duration,
}

impl Default for WaitBackoff {
    fn default() -> Self {
        Self { next: Duration::from_millis(250) }
    }
}

impl WaitBackoff {
    /// Returns the next pause. Pauses grow up to 5 s, with jitter so that members do not wait in step.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 3 / 2).min(Duration::from_secs(5));
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Renews a lease until the future is dropped or the lease is lost. Returns the error of the renewal.
pub(super) async fn renew_until_lost<S: Store>(
    store: &S,
    lease: &mut S::Lease,
    lease_duration: Duration,
) -> StoreError {
    loop {
        tokio::time::sleep(lease_duration / 4).await;
        if let Err(error) = store.renew(lease).await {
            return error;
        }
    }
}
