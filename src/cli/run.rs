//! `run`: the composition root. Binds the servers, starts the operator, and drains after a signal.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::Client;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{deregister::delete_webhook_configurations, error::Error, kubeconfig, local, shutdown::Shutdown};
use crate::{
    certificates::{CertificateSource, Rotator, url_host},
    error_chain::describe,
    reconcile::{LeaseConfig, Operator, Scope, counting_client},
    settings::{LeaseSettings, RunSettings},
    telemetry::{ALL_FAMILIES, Metrics, MetricsServer},
    webhook::{
        SharedAppContext, WebhookServer, WebhookServerError,
        registration::{NAME, Target},
    },
};

/// Default port of the webhooks. Private clusters of the large clouds allow connections from the API
/// server to this port of the nodes.
const WEBHOOK_PORT: u16 = 10_250;

/// Default port of the metrics, the same as the Python operator's.
const METRICS_PORT: u16 = 8000;

/// Time for the process to exit after the drain period.
const EXIT_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the operator until a signal.
///
/// # Errors
///
/// A setting is not valid, a server cannot listen, or no cluster is configured.
pub(super) async fn run(settings: RunSettings) -> Result<(), Error> {
    let drain_period = Duration::from_secs(settings.drain_seconds);
    let bound = bind(&settings).await?;
    let shutdown = Shutdown::on_signal(drain_period)?;
    let Some(started) = start(settings, bound, &shutdown).await? else {
        return Ok(());
    };
    shutdown.requested.run_until_cancelled(started.announce()).await;
    shutdown.requested.cancelled().await;
    tracing::info!("stopping");
    started.drain(drain_period + EXIT_TIMEOUT).await
}

/// The servers, bound to their addresses but not yet serving, and what they share with the controllers.
struct Bound {
    config: kube::Config,
    client: Client,
    metrics: Arc<Metrics>,
    certificate: CertificateSource,
    webhook_server: WebhookServer,
    metrics_server: MetricsServer,
    ready: Arc<AtomicBool>,
    app_context: SharedAppContext,
    /// URL of the webhooks, without a path.
    base_url: String,
}

async fn bind(settings: &RunSettings) -> Result<Bound, Error> {
    let local = settings.local;
    let address = settings.webhook_address.unwrap_or_else(|| default_webhook_address(local));
    let certificate = CertificateSource::from_settings(&settings.certificate, address)?;
    let metrics = Arc::new(Metrics::new()?);
    let config = kubeconfig::infer(None).await.map_err(Error::Kubeconfig)?;
    let client = counting_client(config.clone(), metrics.clone()).map_err(Error::Client)?;
    let ready = Arc::new(AtomicBool::new(false));
    let app_context = SharedAppContext::default();
    let webhook_server = WebhookServer::bind(
        address,
        certificate.initial(),
        ready.clone(),
        app_context.clone(),
        metrics.clone(),
    )?;
    let address = webhook_server.address();
    let base_url = format!("https://{}:{}", url_host(&address.ip().to_string()), address.port());
    let metrics_address = metrics_address(local, settings.metrics_port);
    let metrics_server = MetricsServer::bind(metrics_address, metrics.clone()).map_err(Error::Metrics)?;
    let metrics_url = format!("http://{}/metrics", metrics_server.address().map_err(Error::Metrics)?);
    let api_server = config.cluster_url.to_string();
    tracing::info!(api_server, webhooks = base_url, metrics = metrics_url, "starting");
    Ok(Bound {
        config,
        client,
        metrics,
        certificate,
        webhook_server,
        metrics_server,
        ready,
        app_context,
        base_url,
    })
}

/// The running tasks, and what becoming ready requires.
struct Started {
    client: Client,
    /// Target of the webhook registration, with `--local`.
    target: Option<Target>,
    /// Cancelled when all caches are filled, and when a trusted certificate is served.
    prerequisites: [CancellationToken; 2],
    ready: Arc<AtomicBool>,
    base_url: String,
    serving: JoinHandle<Result<(), WebhookServerError>>,
    reconciling: JoinHandle<JoinSet<()>>,
}

/// Starts the servers and the controllers. Returns `None` if a signal arrives before the CRDs are applied.
async fn start(settings: RunSettings, bound: Bound, shutdown: &Shutdown) -> Result<Option<Started>, Error> {
    let RunSettings { local, namespace, certificate: certificate_settings, lease, reconcile, .. } = settings;
    let Bound { config, client, metrics, certificate, webhook_server, .. } = bound;
    let (ready, base_url) = (bound.ready, bound.base_url);
    let Shutdown { requested, drained } = shutdown;

    let own_namespace = lease.lease_namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let target = certificate.authority().map(|authority| Target::Url { base: base_url.clone(), authority });
    let place = (own_namespace.as_str(), reconcile.build.cluster_domain.as_str());
    let rotator = |reloader| Rotator::new(&client, place, &certificate_settings, reloader);
    let certified = certificate.follow(webhook_server.certificate_reloader(), rotator, drained)?;
    let serving = tokio::spawn(webhook_server.serve(requested.clone(), drained.clone()));
    tokio::spawn(bound.metrics_server.serve(drained.clone()));
    if target.is_some() {
        let crds = local::retry_until_success(|| local::ensure_crds(&client));
        if requested.run_until_cancelled(crds).await.is_none() {
            return Ok(None);
        }
    }
    let scope = namespace.map_or(Scope::Cluster, Scope::Namespace);
    let operator = Operator::new(client.clone(), scope, reconcile, metrics);
    let caches_filled = operator.filled();
    // Set exactly once, here, so that the result carries no information.
    _ = bound.app_context.set(operator.app_context_provider());
    let lease = lease_config(lease, local, &config).map(|lease| (lease, config));
    let reconciling = tokio::spawn(operator.run(lease, requested.clone()));
    let prerequisites = [caches_filled, certified];
    Ok(Some(Started { client, target, prerequisites, ready, base_url, serving, reconciling }))
}

impl Started {
    /// Waits for the caches and the certificate, reports readiness, and registers the webhooks with
    /// `--local`.
    async fn announce(&self) {
        for prerequisite in &self.prerequisites {
            prerequisite.cancelled().await;
        }
        self.ready.store(true, Ordering::Relaxed);
        if let Some(target) = &self.target {
            local::retry_until_success(|| local::register(&self.client, target)).await;
        }
        tracing::info!(webhooks = self.base_url, "ready");
    }

    /// Deletes the registration of `--local`, and waits for the running tasks.
    async fn drain(self, timeout: Duration) -> Result<(), Error> {
        if self.target.is_some() {
            deregister(&self.client).await;
        }
        let tasks = async {
            // Reviews use the watches, so both live until the last review is answered.
            let (served, _watches) = tokio::join!(self.serving, self.reconciling);
            served
        };
        if let Ok(Ok(served)) = tokio::time::timeout(timeout, tasks).await {
            served?;
        } else {
            tracing::warn!("exiting before all tasks ended");
        }
        Ok(())
    }
}

async fn deregister(client: &Client) {
    let deletion = delete_webhook_configurations(client, NAME);
    let error = match tokio::time::timeout(EXIT_TIMEOUT / 4, deletion).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => describe(&error),
        Err(_) => "the API server does not answer".to_owned(),
    };
    tracing::warn!(error, "failed to delete the webhook configurations; delete them manually");
}

fn default_webhook_address(local: bool) -> SocketAddr {
    if local { (Ipv4Addr::LOCALHOST, 0).into() } else { (ALL_FAMILIES, WEBHOOK_PORT).into() }
}

fn metrics_address(local: bool, port: Option<u16>) -> SocketAddr {
    if local {
        (Ipv4Addr::LOCALHOST, port.unwrap_or(0)).into()
    } else {
        (ALL_FAMILIES, port.unwrap_or(METRICS_PORT)).into()
    }
}

/// Returns the Lease to hold. With `--local` there is only one replica, so leader election requires an
/// explicit namespace.
fn lease_config(settings: LeaseSettings, local: bool, config: &kube::Config) -> Option<LeaseConfig> {
    let LeaseSettings { leader_election, lease_namespace, lease_seconds, lease_identity } = settings;
    let namespace = lease_namespace.or_else(|| (!local).then(|| config.default_namespace.clone()))?;
    leader_election.then_some(LeaseConfig { namespace, identity: lease_identity, seconds: lease_seconds })
}
