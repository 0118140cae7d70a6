//! Where the serving certificate comes from.

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{CertificateFiles, CertificateReloader, KeyPair, KeyPairError, Rotator, development};
use crate::settings::CertificateSettings;

/// Why there is no first certificate.
#[derive(Debug, Error)]
pub enum CertificateSourceError {
    /// A file could not be read.
    #[error("failed to read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A development certificate could not be issued.
    #[error("failed to issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
}

/// The source of the serving certificate.
pub enum CertificateSource {
    /// Files that another program maintains, with their content.
    CertificateFiles(CertificateFiles, KeyPair),
    /// The operator's own Secret. Until it is read, a certificate that no client trusts answers the
    /// probes.
    Secret(KeyPair),
    /// A development certificate, with its CA.
    Local(KeyPair, String),
}

impl CertificateSource {
    /// Selects the source by the settings. Without files and Secret: a development certificate for
    /// `address`.
    ///
    /// # Errors
    ///
    /// A file could not be read, or no certificate could be issued.
    pub fn from_settings(
        settings: &CertificateSettings,
        address: SocketAddr,
    ) -> Result<Self, CertificateSourceError> {
        if let (Some(certificate), Some(key)) = (&settings.tls_cert_file, &settings.tls_key_file) {
            let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
            let pair =
                files.read().map_err(|(path, source)| CertificateSourceError::File { path, source })?;
            return Ok(Self::CertificateFiles(files, pair));
        }
        let issued = development(&["localhost".to_owned(), address.ip().to_string()])?;
        let pair = KeyPair { certificate: issued.certificate.into_bytes(), key: issued.key.into_bytes() };
        Ok(match settings.certificate_secret {
            Some(_) => Self::Secret(pair),
            None => Self::Local(pair, issued.authority),
        })
    }

    /// Returns the certificate that the server starts with.
    #[must_use]
    pub fn initial(&self) -> &KeyPair {
        let (Self::CertificateFiles(_, pair) | Self::Secret(pair) | Self::Local(pair, _)) = self;
        pair
    }

    /// Returns the CA of a development certificate, in PEM.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        match self {
            Self::Local(_, authority) => Some(authority.clone()),
            Self::CertificateFiles(..) | Self::Secret(_) => None,
        }
    }

    /// Keeps the server's certificate up to date until `end`. The returned token is cancelled once there
    /// is a certificate that clients trust.
    ///
    /// # Errors
    ///
    /// The initial certificate cannot be reloader.
    pub fn follow(
        self,
        reloader: CertificateReloader,
        rotator: impl FnOnce(CertificateReloader) -> Rotator,
        end: &CancellationToken,
    ) -> Result<CancellationToken, KeyPairError> {
        let certified = CancellationToken::new();
        match self {
            Self::Secret(_) => {
                let (rotator, done, end) = (rotator(reloader), certified.clone(), end.clone());
                tokio::spawn(async move { end.run_until_cancelled(rotator.run(done)).await });
                return Ok(certified);
            }
            Self::CertificateFiles(files, pair) => {
                reloader.replace(&pair)?;
                tokio::spawn(files.follow(pair, reloader, end.clone()));
            }
            Self::Local(pair, _) => {
                reloader.replace(&pair)?;
            }
        }
        certified.cancel();
        Ok(certified)
    }
}
