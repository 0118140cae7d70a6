use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
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
    reconcile::{Lease, Operator, Scope, counted},
    settings::{LeaseSettings, RunSettings},
    telemetry::{Metrics, MetricsServer},
    webhook::{
        Known, Server,
        certificate::{self, url_host},
        registration::Target,
    },
};

/// The port of the webhooks: the one that private clusters of the large clouds leave open between
/// the API server and the nodes.
const WEBHOOK_PORT: u16 = 10_250;

/// The port of the metrics: the published operator's.
const METRICS_PORT: u16 = 8000;

/// How long the end of the process may take.
const GOODBYE: Duration = Duration::from_secs(20);

/// The certificate of the webhooks, PEM, with its CA where the operator made it itself.
struct Credentials {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Option<String>,
}

/// Runs the operator until a signal.
pub async fn run(settings: RunSettings) -> Result<(), Error> {
    let RunSettings {
        local,
        namespace,
        webhook_address,
        tls_cert_file,
        tls_key_file,
        metrics_port,
        lease,
        reconcile,
    } = settings;
    let address = webhook_address.unwrap_or_else(|| default_address(local));
    let credentials = credentials(local, address, tls_cert_file, tls_key_file)?;
    let metrics = Arc::new(Metrics::new()?);
    let config = kube::Config::infer().await?;
    let server_url = config.cluster_url.to_string();
    let lease = lease_of(lease, local, &config);
    let client = counted(config.clone(), metrics.clone()).map_err(Error::Client)?;
    let ready = Arc::new(AtomicBool::new(false));
    let known = Known::default();
    let (certificate, key) = (&credentials.certificate, &credentials.key);
    let server = Server::bind(address, certificate, key, ready.clone(), known.clone(), metrics.clone())?;
    let base =
        format!("https://{}:{}", url_host(&server.address().ip().to_string()), server.address().port());
    let metrics_server = MetricsServer::bind(metrics_address(local, metrics_port), metrics.clone());
    let metrics_server = metrics_server.await.map_err(Error::Metrics)?;
    let scraped = format!("http://{}/metrics", metrics_server.address().map_err(Error::Metrics)?);
    tracing::info!(api_server = server_url, webhooks = base, metrics = scraped, "starting");

    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let serving = tokio::spawn(server.serve(stop.clone()));
    tokio::spawn(metrics_server.serve(stop.clone()));
    let target = credentials.authority.map(|authority| Target::Url { base: base.clone(), authority });
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
    _ = known.set(operator.surroundings());
    let reconciling = tokio::spawn(operator.run(lease.map(|lease| (lease, config)), stop.clone()));

    stop.run_until_cancelled(announce(&client, target.as_ref(), &filled, &ready, &base)).await;
    stop.cancelled().await;
    tracing::info!("stopping");
    if target.is_some() {
        deregister(&client).await;
    }
    goodbye(serving, reconciling).await
}

/// Waits for the caches, registers, and says that it is ready.
async fn announce(
    client: &Client,
    target: Option<&Target>,
    filled: &CancellationToken,
    ready: &AtomicBool,
    base: &str,
) {
    filled.cancelled().await;
    ready.store(true, Ordering::Relaxed);
    if let Some(target) = target {
        local::insist(|| local::register(client, target)).await;
    }
    tracing::info!(webhooks = base, "ready");
}

async fn deregister(client: &Client) {
    let error = match tokio::time::timeout(GOODBYE / 4, local::deregister(client)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => crate::reconcile::describe(&error),
        Err(_) => "the API server does not answer".to_owned(),
    };
    tracing::warn!(error, "the webhooks stay registered: delete their configurations by hand");
}

async fn goodbye(
    serving: tokio::task::JoinHandle<Result<(), crate::webhook::ServerError>>,
    reconciling: tokio::task::JoinHandle<()>,
) -> Result<(), Error> {
    let both = async {
        let (served, _) = tokio::join!(serving, reconciling);
        served
    };
    match tokio::time::timeout(GOODBYE, both).await {
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
fn lease_of(settings: LeaseSettings, local: bool, config: &kube::Config) -> Option<Lease> {
    let LeaseSettings { leader_election, lease_namespace, lease_seconds, lease_identity } = settings;
    let namespace = lease_namespace.or_else(|| (!local).then(|| config.default_namespace.clone()))?;
    leader_election.then_some(Lease { namespace, identity: lease_identity, seconds: lease_seconds })
}

fn metrics_address(local: bool, port: Option<u16>) -> SocketAddr {
    let (ip, usual) = if local { (Ipv4Addr::LOCALHOST, 0) } else { (Ipv4Addr::UNSPECIFIED, METRICS_PORT) };
    SocketAddr::new(IpAddr::V4(ip), port.unwrap_or(usual))
}

/// Before a port is bound: a server without a certificate would only fail later.
fn credentials(
    local: bool,
    address: SocketAddr,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Credentials, Error> {
    let read =
        |path: PathBuf| std::fs::read(&path).map_err(|source| Error::File { what: "read", path, source });
    if let (Some(cert), Some(key)) = (cert, key) {
        return Ok(Credentials { certificate: read(cert)?, key: read(key)?, authority: None });
    }
    debug_assert!(local, "clap asks for the files otherwise");
    let names = ["localhost".to_owned(), address.ip().to_string()];
    let made = certificate::development(&names)?;
    Ok(Credentials {
        certificate: made.certificate.into_bytes(),
        key: made.key.into_bytes(),
        authority: Some(made.authority),
    })
}

fn stop_on_signal(stop: CancellationToken) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Output)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Output)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
