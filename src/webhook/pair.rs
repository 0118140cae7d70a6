//! A certificate with its key, and what replaces the one that is served.

use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::telemetry::Metrics;

/// A certificate chain with its key, both PEM. It is compared by its bytes, and
/// can't be printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Pair {
    /// The chain, the server's own certificate first.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
}

/// Why a certificate can't be served.
#[derive(Debug, Error)]
pub enum PairError {
    /// The chain is no PEM.
    #[error("the certificate can't be read, it must be a chain in PEM: {0}")]
    Chain(pem::Error),
    /// There is no chain.
    #[error("there is no certificate, it must be a chain in PEM")]
    Empty,
    /// The key is no PEM.
    #[error("the certificate's key can't be read, it must be a private key in PEM: {0}")]
    Key(pem::Error),
    /// They can't be used together.
    #[error("the certificate and its key can't be used together: {0}")]
    Fit(#[from] rustls::Error),
    /// A certificate that is none.
    #[error("the certificate can't be read: {0}")]
    Certificate(#[from] x509_parser::nom::Err<x509_parser::error::X509Error>),
}

impl Pair {
    /// The certificates of the chain, which has one at least.
    ///
    /// Errors: it is no PEM, or empty.
    pub fn chain(&self) -> Result<Vec<CertificateDer<'static>>, PairError> {
        let read = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = read.map_err(PairError::Chain)?;
        if chain.is_empty() { Err(PairError::Empty) } else { Ok(chain) }
    }

    /// What rustls serves. HTTP/2 and HTTP/1.1 are offered.
    ///
    /// Errors: PEM that can't be read, an empty chain, a key that does not fit.
    pub(super) fn config(&self) -> Result<ServerConfig, PairError> {
        let chain = self.chain()?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(PairError::Key)?;
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// When the first certificate of the chain to end does so, in Unix seconds.
    ///
    /// Errors: a certificate that can't be read.
    pub fn ends(&self) -> Result<i64, PairError> {
        let mut ends = i64::MAX;
        for certificate in self.chain()? {
            ends = ends.min(parse_x509_certificate(&certificate)?.1.validity().not_after.timestamp());
        }
        Ok(ends)
    }
}

/// The certificate of a server that runs.
#[derive(Clone)]
pub struct Served {
    tls: RustlsConfig,
    metrics: Arc<Metrics>,
}

impl Served {
    pub(super) fn new(tls: RustlsConfig, metrics: Arc<Metrics>) -> Self {
        Self { tls, metrics }
    }

    /// Gives new connections this certificate; those that are open go on with theirs. The metric of
    /// its end follows.
    ///
    /// Gives its end in Unix seconds. Errors: it can't be served; then the one before stays.
    pub fn replace(&self, pair: &Pair) -> Result<i64, PairError> {
        let (config, ends) = (pair.config()?, pair.ends()?);
        self.tls.reload_from_config(Arc::new(config));
        self.metrics.certificate_ends(ends);
        Ok(ends)
    }
}
