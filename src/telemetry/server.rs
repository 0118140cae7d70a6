//! The address that Prometheus scrapes.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Metrics;

/// Serves `/metrics` over plain HTTP, as the published operator does.
pub struct MetricsServer {
    listener: TcpListener,
    metrics: Arc<Metrics>,
}

impl MetricsServer {
    /// Takes the address.
    ///
    /// Errors: it is in use, or not one of this machine's.
    pub async fn bind(address: SocketAddr, metrics: Arc<Metrics>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, metrics })
    }

    /// The address that was taken.
    ///
    /// Errors: the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is told to stop.
    ///
    /// Errors: the listener fails.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let routes = Router::new().route("/metrics", get(metrics)).with_state(self.metrics);
        axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    const TEXT: [(&str, &str); 1] = [("content-type", "text/plain; version=0.0.4; charset=utf-8")];
    metrics.text().map(|text| (TEXT, text)).map_err(|error| {
        tracing::error!(%error, "the metrics can't be written");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}
