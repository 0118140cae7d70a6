//! Replaces the certificate of a running server.

use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;

use super::{KeyPair, KeyPairError};
use crate::telemetry::Metrics;

/// Replaces the certificate of a running server.
#[derive(Clone)]
pub struct CertificateReloader {
    tls: RustlsConfig,
    metrics: Arc<Metrics>,
}

impl CertificateReloader {
    /// A reloader of the server that was started with this TLS configuration.
    #[must_use]
    pub fn new(tls: RustlsConfig, metrics: Arc<Metrics>) -> Self {
        Self { tls, metrics }
    }

    /// Presents this certificate on new connections; open connections keep theirs. Updates the metric of
    /// its expiry.
    ///
    /// Returns the expiry in Unix seconds.
    ///
    /// # Errors
    ///
    /// The certificate cannot be served; the server keeps the current one.
    pub fn replace(&self, pair: &KeyPair) -> Result<i64, KeyPairError> {
        let (config, not_after) = (pair.server_config()?, pair.not_after()?);
        self.tls.reload_from_config(Arc::new(config));
        self.metrics.certificate_expires_at(not_after);
        Ok(not_after)
    }
}
