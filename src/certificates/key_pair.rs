//! A certificate chain with its private key.

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

/// A certificate chain with its private key, both in PEM. Compared by bytes; must not implement `Debug`.
#[derive(Clone, Eq, PartialEq)]
pub struct KeyPair {
    /// The chain, starting with the server certificate.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// Why a certificate cannot be served.
#[derive(Debug, Error)]
pub enum KeyPairError {
    /// The chain is not PEM.
    #[error("failed to read the certificate, which must be a chain in PEM: {0}")]
    Chain(pem::Error),
    /// The chain is empty.
    #[error("the certificate is empty, it must be a chain in PEM")]
    Empty,
    /// The key is not PEM.
    #[error("failed to read the certificate's key, which must be a private key in PEM: {0}")]
    Key(pem::Error),
    /// The key does not belong to the certificate.
    #[error("the certificate and its key do not match: {0}")]
    Fit(#[from] rustls::Error),
    /// The certificate is malformed.
    #[error("failed to parse the certificate: {0}")]
    Certificate(#[from] x509_parser::nom::Err<x509_parser::error::X509Error>),
}

impl KeyPair {
    /// Returns the certificates of the chain, at least one.
    ///
    /// # Errors
    ///
    /// The chain is not PEM, or empty.
    pub fn chain(&self) -> Result<Vec<CertificateDer<'static>>, KeyPairError> {
        let read = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = read.map_err(KeyPairError::Chain)?;
        if chain.is_empty() { Err(KeyPairError::Empty) } else { Ok(chain) }
    }

    /// Returns the TLS configuration of a server that offers HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    ///
    /// The PEM is unreadable, the chain is empty, or the key does not match.
    pub fn server_config(&self) -> Result<ServerConfig, KeyPairError> {
        let chain = self.chain()?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(KeyPairError::Key)?;
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Returns the earliest expiry in the chain, in Unix seconds.
    ///
    /// # Errors
    ///
    /// A certificate is malformed.
    pub fn not_after(&self) -> Result<i64, KeyPairError> {
        let mut earliest = i64::MAX;
        for certificate in self.chain()? {
            earliest = earliest.min(parse_x509_certificate(&certificate)?.1.validity().not_after.timestamp());
        }
        Ok(earliest)
    }
}
