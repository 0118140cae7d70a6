//! Which replica writes: the one that holds the Lease.
//!
//! A lost or doubtful Lease stops all work at once: what is under way is dropped, not finished.

use std::{future::Future, time::Duration};

use kube::{Client, Config};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio_util::sync::CancellationToken;

use super::watch::describe;
use crate::{build::labels::MANAGER, telemetry::Metrics};

/// The pause after an API server that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// The Lease that decides who reconciles.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Its namespace.
    pub namespace: String,
    /// This replica's name in it.
    pub identity: Option<String>,
    /// After how many seconds another replica takes it, if it is not renewed.
    pub seconds: u64,
}

/// Runs `term` whenever the Lease is held, until it is told to stop. Without a Lease: once.
///
/// Errors: none. What goes wrong with the Lease is logged and tried again.
pub async fn lead<F>(
    lease: Option<(Lease, Config)>,
    metrics: &Metrics,
    stop: &CancellationToken,
    term: impl Fn() -> F,
) where
    F: Future<Output = ()>,
{
    let Some((lease, config)) = lease else {
        metrics.leads(true);
        return term().await;
    };
    while !stop.is_cancelled() {
        let manager = match stop.run_until_cancelled(manager(&lease, &config)).await {
            None => return,
            Some(Ok(manager)) => manager,
            Some(Err(error)) => {
                tracing::warn!(error, "can't look at the Lease and try again");
                stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                continue;
            }
        };
        if stop.run_until_cancelled(held(&manager)).await != Some(true) {
            continue;
        }
        tracing::info!(namespace = lease.namespace, "holding the Lease: reconciling");
        metrics.leads(true);
        let ended = tokio::select! {
            biased;
            () = lost(&manager) => false,
            () = term() => true,
        };
        metrics.leads(false);
        if ended {
            // The next one need not wait for it to expire.
            if let Err(error) = manager.release().await {
                tracing::warn!(error = describe(&error), "can't give the Lease back");
            }
        } else {
            tracing::warn!(namespace = lease.namespace, "lost the Lease: another replica reconciles");
        }
    }
}

/// A renewal that is not answered must fail before the Lease expires: it is renewed when a third of its
/// time is over, and may take another third and a second.
async fn manager(lease: &Lease, config: &Config) -> Result<LeaseManager, String> {
    let third = lease.seconds / 3;
    let mut config = config.clone();
    config.connect_timeout = Some(Duration::from_secs(third));
    // It ends idle connections too. Were it the pause between two renewals, it would now and then end
    // one at the very moment that the next renewal is sent on it, and the Lease be given up.
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

/// Waits for the Lease; false if that can't be.
async fn held(manager: &LeaseManager) -> bool {
    loop {
        match manager.changed().await {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = describe(&error), "can't take the Lease and try again");
                tokio::time::sleep(PAUSE).await;
                return false;
            }
        }
    }
}

/// Ends when the Lease is lost, or can't be renewed: then somebody else may have it soon.
async fn lost(manager: &LeaseManager) {
    loop {
        match manager.changed().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = describe(&error), "can't renew the Lease");
                return;
            }
        }
    }
}
