use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Error, local};
use crate::{
    certificates::{CertificateSource, Rotator, url_host},
    error_chain::describe,
    reconcile::{LeaseConfig, Operator, Scope, counting_client},
    settings::{LeaseSettings, RunSettings},
    telemetry::{Metrics, MetricsServer},
    webhook::{SharedAppContext, WebhookServer, registration::Target},
};

/// The port of the webhooks: the one that private clusters of the large clouds leave open between
/// the API server and the nodes.
const WEBHOOK_PORT: u16 = 10_250;

/// The port of the metrics: the published operator's.
const METRICS_PORT: u16 = 8000;

/// How long the end of the process may take after the drain.
const GOODBYE: Duration = Duration::from_secs(20);

/// Runs the operator until a signal.
pub async fn run(settings: RunSettings) -> Result<(), Error> {
    let RunSettings {
        local,
        namespace,
        webhook_address,
        certificate,
        drain_seconds,
        metrics_port,
        lease,
        reconcile,
    } = settings;
    let address = webhook_address.unwrap_or_else(|| default_address(local));
    let source = CertificateSource::from_settings(&certificate, address)?;
    let metrics = Arc::new(Metrics::new()?);
    let config = kube::Config::infer().await?;
    let server_url = config.cluster_url.to_string();
    let own_namespace = lease.lease_namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let lease = lease_of(lease, local, &config);
    let client = counting_client(config.clone(), metrics.clone()).map_err(Error::Client)?;
    let ready = Arc::new(AtomicBool::new(false));
    let known = SharedAppContext::default();
    let server =
        WebhookServer::bind(address, source.initial(), ready.clone(), known.clone(), metrics.clone())?;
    let base =
        format!("https://{}:{}", url_host(&server.address().ip().to_string()), server.address().port());
    let metrics_server = MetricsServer::bind(metrics_address(local, metrics_port), metrics.clone());
    let metrics_server = metrics_server.await.map_err(Error::Metrics)?;
    let scraped = format!("http://{}/metrics", metrics_server.address().map_err(Error::Metrics)?);
    tracing::info!(api_server = server_url, webhooks = base, metrics = scraped, "starting");

    let (stop, drained) = (CancellationToken::new(), CancellationToken::new());
    let drain = Duration::from_secs(drain_seconds);
    stop_on_signal(drain, stop.clone(), drained.clone())?;
    let target = source.authority().map(|authority| Target::Url { base: base.clone(), authority });
    let keeper = |served| Rotator::new(&client, &own_namespace, &certificate, served);
    let certified = source.follow(server.certificate_reloader(), keeper, &drained)?;
    let serving = tokio::spawn(server.serve(stop.clone(), drained.clone()));
    tokio::spawn(metrics_server.serve(drained.clone()));
    if target.is_some() {
        let crds = local::insist(|| local::ensure_crds(&client));
        if stop.run_until_cancelled(crds).await.is_none() {
            return Ok(());
        }
    }
    let scope = namespace.map_or(Scope::Cluster, Scope::Namespace);
    let operator = Operator::new(client.clone(), scope, reconcile, metrics);
    let filled = operator.filled();
    // Nobody else sets it.
    _ = known.set(operator.app_context_provider());
    let reconciling = tokio::spawn(operator.run(lease.map(|lease| (lease, config)), stop.clone()));

    let announced = announce(&client, target.as_ref(), [&filled, &certified], &ready, &base);
    stop.run_until_cancelled(announced).await;
    stop.cancelled().await;
    tracing::info!("stopping");
    if target.is_some() {
        deregister(&client).await;
    }
    goodbye(drain + GOODBYE, serving, reconciling).await
}

/// Waits for the caches and the certificate, registers, and says that it is ready.
async fn announce(
    client: &Client,
    target: Option<&Target>,
    needed: [&CancellationToken; 2],
    ready: &AtomicBool,
    base: &str,
) {
    for needed in needed {
        needed.cancelled().await;
    }
    ready.store(true, Ordering::Relaxed);
    if let Some(target) = target {
        local::insist(|| local::register(client, target)).await;
    }
    tracing::info!(webhooks = base, "ready");
}

async fn deregister(client: &Client) {
    let error = match tokio::time::timeout(GOODBYE / 4, local::deregister(client)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => describe(&error),
        Err(_) => "the API server does not answer".to_owned(),
    };
    tracing::warn!(error, "the webhooks stay registered: delete their configurations by hand");
}

async fn goodbye(
    time: Duration,
    serving: tokio::task::JoinHandle<Result<(), crate::webhook::WebhookServerError>>,
    reconciling: tokio::task::JoinHandle<tokio::task::JoinSet<()>>,
) -> Result<(), Error> {
    let both = async {
        // The watches go on until the last review is answered.
        let (served, _watches) = tokio::join!(serving, reconciling);
        served
    };
    match tokio::time::timeout(time, both).await {
        Ok(Ok(served)) => Ok(served?),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("some work did not end in time");
            Ok(())
        }
    }
}

fn default_address(local: bool) -> SocketAddr {
    let (ip, port) = if local { (Ipv4Addr::LOCALHOST, 0) } else { (Ipv4Addr::UNSPECIFIED, WEBHOOK_PORT) };
    SocketAddr::new(IpAddr::V4(ip), port)
}

/// A laptop has no second replica, unless somebody says so.
fn lease_of(settings: LeaseSettings, local: bool, config: &kube::Config) -> Option<LeaseConfig> {
    let LeaseSettings { leader_election, lease_namespace, lease_seconds, lease_identity } = settings;
    let namespace = lease_namespace.or_else(|| (!local).then(|| config.default_namespace.clone()))?;
    leader_election.then_some(LeaseConfig { namespace, identity: lease_identity, seconds: lease_seconds })
}

fn metrics_address(local: bool, port: Option<u16>) -> SocketAddr {
    let (ip, usual) = if local { (Ipv4Addr::LOCALHOST, 0) } else { (Ipv4Addr::UNSPECIFIED, METRICS_PORT) };
    SocketAddr::new(IpAddr::V4(ip), port.unwrap_or(usual))
}

/// A first signal begins the drain, which takes that long; a second one ends it.
fn stop_on_signal(drain: Duration, stop: CancellationToken, drained: CancellationToken) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Output)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Output)?;
    let mut signalled = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::spawn(async move {
        signalled().await;
        stop.cancel();
        if !drain.is_zero() {
            tracing::info!(?drain, "not ready any more, and serving on");
            _ = tokio::time::timeout(drain, signalled()).await;
        }
        drained.cancel();
    });
    Ok(())
}
