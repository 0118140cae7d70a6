//! Where `run` has its certificate from.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::{Error, authority::Keeper};
use crate::{
    settings::CertificateSettings,
    webhook::{Files, Pair, Served, certificate::development},
};

/// One of three.
pub enum Source {
    /// Files that somebody else looks after, with what they hold.
    Files(Files, Pair),
    /// The operator's own Secret. Until it was read, a certificate that nobody trusts answers the
    /// probes.
    Secret(Pair),
    /// A development certificate, with its CA.
    Local(Pair, String),
}

impl Source {
    /// What the settings ask for. Without files and Secret: a development certificate for the address.
    ///
    /// Errors: files that can't be read; a certificate that can't be made.
    pub fn of(settings: &CertificateSettings, address: SocketAddr) -> Result<Self, Error> {
        if let (Some(certificate), Some(key)) = (&settings.tls_cert_file, &settings.tls_key_file) {
            let files = Files { certificate: certificate.clone(), key: key.clone() };
            let pair = files.read().map_err(|(path, source)| Error::File { what: "read", path, source })?;
            return Ok(Self::Files(files, pair));
        }
        let made = development(&["localhost".to_owned(), address.ip().to_string()])?;
        let pair = Pair { certificate: made.certificate.into_bytes(), key: made.key.into_bytes() };
        Ok(match settings.certificate_secret {
            Some(_) => Self::Secret(pair),
            None => Self::Local(pair, made.authority),
        })
    }

    /// What the server begins with.
    pub fn first(&self) -> &Pair {
        let (Self::Files(_, pair) | Self::Secret(pair) | Self::Local(pair, _)) = self;
        pair
    }

    /// The CA, PEM, of a development certificate.
    pub fn authority(&self) -> Option<String> {
        match self {
            Self::Local(_, authority) => Some(authority.clone()),
            Self::Files(..) | Self::Secret(_) => None,
        }
    }

    /// Has the server follow the source until `end`. What is given is cancelled once there is a
    /// certificate to be ready with.
    ///
    /// Errors: a first certificate that can't be served.
    pub fn follow(
        self,
        served: Served,
        keeper: impl FnOnce(Served) -> Keeper,
        end: &CancellationToken,
    ) -> Result<CancellationToken, Error> {
        let certified = CancellationToken::new();
        match self {
            Self::Secret(_) => {
                let (keeper, done, end) = (keeper(served), certified.clone(), end.clone());
                tokio::spawn(async move { end.run_until_cancelled(keeper.run(done)).await });
                return Ok(certified);
            }
            Self::Files(files, pair) => {
                served.replace(&pair)?;
                tokio::spawn(files.follow(pair, served, end.clone()));
            }
            Self::Local(pair, _) => {
                served.replace(&pair)?;
            }
        }
        certified.cancel();
        Ok(certified)
    }
}
