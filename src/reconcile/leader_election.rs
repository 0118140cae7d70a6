//! Leader election: the replica that holds the Lease reconciles.
//!
//! When the Lease is lost or in doubt, all work stops at once: operations in progress are dropped.

use std::{future::Future, time::Duration};

use kube::{Client, Config};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio_util::sync::CancellationToken;

use crate::{error_chain::describe, naming::MANAGER, telemetry::Metrics};

/// Delay after a failed request.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The Lease that elects the leader.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Its namespace.
    pub namespace: String,
    /// The identity of this replica in the Lease.
    pub identity: Option<String>,
    /// Seconds after which another replica may acquire the Lease, if it is not renewed.
    pub seconds: u64,
}

/// Runs `term` whenever this replica holds the Lease, until `stop`. Without a Lease: once.
///
/// Failures are logged and retried.
pub(super) async fn lead<F>(
    lease: Option<(LeaseConfig, Config)>,
    metrics: &Metrics,
    stop: &CancellationToken,
    term: impl Fn() -> F,
) where
    F: Future<Output = ()>,
{
    let Some((lease, config)) = lease else {
        metrics.set_leader(true);
        return term().await;
    };
    while !stop.is_cancelled() {
        let manager = match stop.run_until_cancelled(manager(&lease, &config)).await {
            None => return,
            Some(Ok(manager)) => manager,
            Some(Err(error)) => {
                tracing::warn!(error, "failed to read the Lease; retrying");
                stop.run_until_cancelled(tokio::time::sleep(RETRY_DELAY)).await;
                continue;
            }
        };
        if stop.run_until_cancelled(acquired(&manager)).await != Some(true) {
            continue;
        }
        tracing::info!(namespace = lease.namespace, "acquired the Lease; reconciling");
        metrics.set_leader(true);
        let ended = tokio::select! {
            biased;
            () = lost(&manager) => false,
            () = term() => true,
        };
        metrics.set_leader(false);
        if ended {
            // The next leader need not wait for it to expire.
            if let Err(error) = manager.release().await {
                tracing::warn!(error = describe(&error), "failed to release the Lease");
            }
        } else {
            tracing::warn!(namespace = lease.namespace, "lost the Lease; another replica may reconcile");
        }
    }
}

/// A renewal without an answer must fail before the Lease expires: it starts when a third of the duration
/// has passed, and may take another third and a second.
async fn manager(lease: &LeaseConfig, config: &Config) -> Result<LeaseManager, String> {
    let third = lease.seconds / 3;
    let mut config = config.clone();
    config.connect_timeout = Some(Duration::from_secs(third));
    // It closes idle connections too. If it were equal to the renewal interval, it would sometimes close
    // one just as the next renewal is sent on it, and the Lease would be given up.
    config.read_timeout = Some(Duration::from_secs(third + 1));
    config.write_timeout = Some(Duration::from_secs(third));
    let client = Client::try_from(config).map_err(|error| describe(&error))?;
    let mut builder = LeaseManagerBuilder::new(client, MANAGER)
        .with_namespace(&lease.namespace)
        .with_duration(lease.seconds)
        .with_grace(lease.seconds - third);
    if let Some(identity) = &lease.identity {
        builder = builder.with_identity(identity);
    }
    builder.build().await.map_err(|error| describe(&error))
}

/// Waits for the Lease. Returns false if that failed.
async fn acquired(manager: &LeaseManager) -> bool {
    loop {
        match manager.changed().await {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = describe(&error), "failed to acquire the Lease; retrying");
                tokio::time::sleep(RETRY_DELAY).await;
                return false;
            }
        }
    }
}

/// Returns when the Lease is lost or cannot be renewed: another replica may acquire it soon.
async fn lost(manager: &LeaseManager) {
    loop {
        match manager.changed().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = describe(&error), "failed to renew the Lease");
                return;
            }
        }
    }
}
