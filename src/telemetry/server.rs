//! HTTP server for the metrics endpoint that Prometheus scrapes.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{listen::bind, metrics::Metrics};

/// Serves `/metrics` over plain HTTP, as the Python operator does.
pub struct MetricsServer {
    listener: TcpListener,
    metrics: Arc<Metrics>,
}

impl MetricsServer {
    /// Binds the listen address.
    ///
    /// # Errors
    ///
    /// The address is in use, or does not belong to this host.
    pub fn bind(address: SocketAddr, metrics: Arc<Metrics>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::from_std(bind(address)?)?, metrics })
    }

    /// Returns the address on which the server listens.
    ///
    /// # Errors
    ///
    /// The operating system does not return the address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// The listener fails.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let routes = Router::new().route("/metrics", get(metrics)).with_state(self.metrics);
        axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    const TEXT: [(&str, &str); 1] = [("content-type", "text/plain; version=0.0.4; charset=utf-8")];
    metrics.text().map(|text| (TEXT, text)).map_err(|error| {
        tracing::error!(%error, "failed to encode the metrics");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}
