use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, Version, header::CONNECTION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::{
    Handle,
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use kube::core::{DynamicObject, admission::AdmissionReview};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{DEFAULT_PATH, VALIDATE_PATH};
use crate::{
    admission::{Phase, ReviewError, ReviewExecutor},
    certificates::{CertificateReloader, KeyPair, KeyPairError},
    telemetry::{self, Metrics},
    validate::AppContextProvider,
};

/// The largest review: the API server accepts objects of 3 MiB, and a review carries two.
const MAX_BODY_BYTES: usize = 8 << 20;

/// How long requests may take to finish when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the server cannot serve.
#[derive(Debug, Error)]
pub enum WebhookServerError {
    /// The address is in use or not allowed.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate is not usable.
    #[error(transparent)]
    KeyKeyPair(#[from] KeyPairError),
    /// The server failed.
    #[error("the webhook server failed: {0}")]
    Serve(#[from] io::Error),
}

/// The HTTPS server: bound to its address, not yet serving.
pub struct WebhookServer {
    listener: TcpListener,
    address: SocketAddr,
    tls: RustlsConfig,
    ready: Arc<AtomicBool>,
    app_context: SharedAppContext,
    metrics: Arc<Metrics>,
}

/// The provider of what is known about other resources, once it is set.
pub type SharedAppContext = Arc<OnceLock<Arc<dyn AppContextProvider>>>;

impl WebhookServer {
    /// Binds the address with an initial certificate.
    ///
    /// `ready` decides whether `/readyz` answers 200. Rules across resources apply once `app_context` is
    /// set.
    ///
    /// # Errors
    ///
    /// The address is not available, or the certificate is not usable.
    pub fn bind(
        address: SocketAddr,
        certificate: &KeyPair,
        ready: Arc<AtomicBool>,
        app_context: SharedAppContext,
        metrics: Arc<Metrics>,
    ) -> Result<Self, WebhookServerError> {
        let tls = RustlsConfig::from_config(Arc::new(certificate.server_config()?));
        let bind = || {
            let listener = telemetry::bind(address)?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = bind().map_err(|source| WebhookServerError::Listen { address, source })?;
        Ok(Self { listener, address, tls, ready, app_context, metrics })
    }

    /// Returns the address, with the actual port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what replaces the certificate while the server runs.
    #[must_use]
    pub fn certificate_reloader(&self) -> CertificateReloader {
        CertificateReloader::new(self.tls.clone(), self.metrics.clone())
    }

    /// Serves until `drained`; then requests in progress are answered and connections are closed. From
    /// `stop` on, which comes first, `/readyz` answers 503 and each answer closes its connection: the API
    /// server reuses HTTP/1.1 connections, and a request on one that is just being closed is lost.
    ///
    /// # Errors
    ///
    /// The listener failed.
    pub async fn serve(
        self,
        stop: CancellationToken,
        drained: CancellationToken,
    ) -> Result<(), WebhookServerError> {
        let handle = Handle::new();
        let stopping = handle.clone();
        tokio::spawn(async move {
            drained.cancelled().await;
            stopping.graceful_shutdown(Some(SHUTDOWN_TIMEOUT));
        });
        // Otherwise a delayed acknowledgement holds small answers back for 40 ms.
        let acceptor = RustlsAcceptor::new(self.tls).acceptor(NoDelayAcceptor::new());
        axum_server::from_tcp(self.listener)?
            .acceptor(acceptor)
            .handle(handle)
            .serve(router(self.ready, stop, self.app_context, self.metrics).into_make_service())
            .await?;
        Ok(())
    }
}

fn router(
    ready: Arc<AtomicBool>,
    stop: CancellationToken,
    app_context: SharedAppContext,
    metrics: Arc<Metrics>,
) -> Router {
    let stopping = stop.clone();
    let readyz = move || async move {
        if stopping.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping")
        } else if ready.load(Ordering::Relaxed) {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "the caches are not complete yet, or there is no certificate")
        }
    };
    let executor = ReviewExecutor::default();
    let review = move |phase| {
        let (executor, app_context, metrics) = (executor.clone(), app_context.clone(), metrics.clone());
        post(move |body: Bytes| async move {
            let begun = Instant::now();
            let context = app_context.get().filter(|_| phase == Phase::Validate).cloned();
            let answered = executor.answer(phase, body, context).await;
            if let Some(response) = answered.as_ref().ok().and_then(|review| review.response.as_ref()) {
                metrics.admission_reviewed(phase.name(), response.allowed, begun.elapsed());
            }
            into_response(answered)
        })
    };
    Router::new()
        .route(DEFAULT_PATH, review(Phase::Default))
        .route(VALIDATE_PATH, review(Phase::Validate))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(stop, close_connection_when_stopping))
}

/// Closes HTTP/1.1 connections; for HTTP/2 the server sends GOAWAY when it shuts down.
async fn close_connection_when_stopping(
    State(stop): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let is_http1 = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    if is_http1 && stop.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn into_response(answer: Result<AdmissionReview<DynamicObject>, ReviewError>) -> Response {
    match answer {
        Ok(review) => Json(review).into_response(),
        Err(error) => {
            tracing::warn!(%error, "rejected a request that is not an admission review");
            (StatusCode::BAD_REQUEST, error.to_string()).into_response()
        }
    }
}
