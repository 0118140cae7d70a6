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

use super::{DEFAULT_PATH, NotAReview, Pair, PairError, Phase, VALIDATE_PATH, deadline::Judge, pair::Served};
use crate::{telemetry::Metrics, validate::Surroundings};

/// The largest review: the API server takes objects of 3 MiB, and a review carries two.
const LARGEST_BODY: usize = 8 << 20;

/// How long requests may take to end when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Why the server can't serve.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address is taken or not allowed.
    #[error("can't listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate can't be used.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The server broke.
    #[error("the server ended: {0}")]
    Serve(#[from] io::Error),
}

/// The HTTPS server: bound to its address, not yet serving.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: RustlsConfig,
    ready: Arc<AtomicBool>,
    surroundings: Known,
    metrics: Arc<Metrics>,
}

/// What is known of other resources, once somebody has it.
pub type Known = Arc<OnceLock<Arc<dyn Surroundings>>>;

impl Server {
    /// Binds the address with a first certificate.
    ///
    /// `ready` says whether `/readyz` answers 200; rules across resources hold once `surroundings`
    /// is set.
    pub fn bind(
        address: SocketAddr,
        certificate: &Pair,
        ready: Arc<AtomicBool>,
        surroundings: Known,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        let tls = RustlsConfig::from_config(Arc::new(certificate.config()?));
        let bind = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = bind().map_err(|source| ServerError::Listen { address, source })?;
        Ok(Self { listener, address, tls, ready, surroundings, metrics })
    }

    /// The address with the port that was got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What replaces its certificate while it serves.
    pub fn served(&self) -> Served {
        Served::new(self.tls.clone(), self.metrics.clone())
    }

    /// Serves until `drained`; then requests under way get their answers, and connections are told to
    /// end. From `stop` on, which comes first, `/readyz` says no, and each answer ends its connection:
    /// the API server keeps connections over HTTP/1.1, and a request that meets the end of one is lost.
    ///
    /// Errors: the listener broke.
    pub async fn serve(self, stop: CancellationToken, drained: CancellationToken) -> Result<(), ServerError> {
        let handle = Handle::new();
        let stopping = handle.clone();
        tokio::spawn(async move {
            drained.cancelled().await;
            stopping.graceful_shutdown(Some(LAST_ANSWERS));
        });
        // Without it, a delayed acknowledgement holds small answers back for 40 ms.
        let acceptor = RustlsAcceptor::new(self.tls).acceptor(NoDelayAcceptor::new());
        axum_server::from_tcp(self.listener)?
            .acceptor(acceptor)
            .handle(handle)
            .serve(router(self.ready, stop, self.surroundings, self.metrics).into_make_service())
            .await?;
        Ok(())
    }
}

fn router(
    ready: Arc<AtomicBool>,
    stop: CancellationToken,
    surroundings: Known,
    metrics: Arc<Metrics>,
) -> Router {
    let stopping = stop.clone();
    let readyz = move || async move {
        if stopping.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping")
        } else if ready.load(Ordering::Relaxed) {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "the caches are not filled yet, or there is no certificate")
        }
    };
    let judge = Judge::default();
    let judged = move |phase| {
        let (judge, surroundings, metrics) = (judge.clone(), surroundings.clone(), metrics.clone());
        post(move |body: Bytes| async move {
            let begun = Instant::now();
            let known = surroundings.get().filter(|_| phase == Phase::Validate).cloned();
            let answered = judge.answer(phase, body, known).await;
            if let Some(response) = answered.as_ref().ok().and_then(|review| review.response.as_ref()) {
                metrics.reviewed(phase.name(), response.allowed, begun.elapsed());
            }
            answer(answered)
        })
    };
    Router::new()
        .route(DEFAULT_PATH, judged(Phase::Default))
        .route(VALIDATE_PATH, judged(Phase::Validate))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(stop, last_of_its_connection))
}

/// HTTP/2 has a message of its own for this, which the server sends at its end.
async fn last_of_its_connection(
    State(stop): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let one_by_one = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    if one_by_one && stop.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn answer(answer: Result<AdmissionReview<DynamicObject>, NotAReview>) -> Response {
    match answer {
        Ok(review) => Json(review).into_response(),
        Err(error) => {
            tracing::warn!(%error, "refused a request that is no admission review");
            (StatusCode::BAD_REQUEST, error.to_string()).into_response()
        }
    }
}
