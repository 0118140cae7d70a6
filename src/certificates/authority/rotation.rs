//! Decides when to issue which certificate.

use rustls::pki_types::CertificateDer;

use super::{
    issue,
    secret_data::{AUTHORITIES, AUTHORITY_KEY, AuthorityError, CERTIFICATE, KEY, SecretData},
    stored::{self, SecretContent, StoredCertificates},
    x509::{covers, is_due, is_ours, is_signed_by, not_after},
};
use crate::certificates::KeyPair;

/// The certificate to issue.
#[derive(Clone, Debug)]
pub struct CertificateSpec {
    /// DNS names of the certificate.
    pub names: Vec<String>,
    /// Validity of a CA, in seconds.
    pub authority_seconds: i64,
    /// Validity of a certificate, in seconds.
    pub certificate_seconds: i64,
}

impl CertificateSpec {
    /// Returns the DNS names by which clients reach a Service in a cluster with a DNS domain.
    #[must_use]
    pub fn service_names(service: &str, namespace: &str, domain: &str) -> Vec<String> {
        ["", &format!(".{namespace}"), &format!(".{namespace}.svc"), &format!(".{namespace}.svc.{domain}")]
            .map(|end| format!("{service}{end}"))
            .to_vec()
    }
}

/// The CAs that the webhook configurations contain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// There are no configurations, so the API server calls no webhook.
    NoConfigurations,
    /// The CAs that every configuration contains.
    Authorities(Vec<CertificateDer<'static>>),
    /// The configurations could not be read.
    Unknown,
}

impl Trust {
    /// Returns the CAs that every webhook's PEM bundle contains.
    pub fn from_bundles<'a>(bundles: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bundles = bundles.into_iter().map(|bundle| stored::parse_bundle(bundle).0);
        let Some(mut common) = bundles.next() else { return Self::NoConfigurations };
        for bundle in bundles {
            common.retain(|authority| bundle.contains(authority));
        }
        Self::Authorities(common)
    }

    /// Returns the CAs that were trusted at the previous check and still are: by now the API server has
    /// observed them.
    #[must_use]
    pub fn settled(&self, before: &Self) -> Self {
        match (self, before) {
            (Self::Authorities(now), Self::Authorities(before)) => Self::Authorities(
                now.iter().filter(|authority| before.contains(authority)).cloned().collect(),
            ),
            (Self::Authorities(_), _) => Self::Unknown,
            _ => self.clone(),
        }
    }

    fn contains(&self, authority: &CertificateDer<'_>) -> bool {
        match self {
            Self::NoConfigurations => true,
            Self::Authorities(authorities) => authorities.contains(authority),
            Self::Unknown => false,
        }
    }

    /// Returns whether clients trust a server that presents this certificate.
    #[must_use]
    pub fn accepts(&self, pair: &KeyPair) -> bool {
        match self {
            Self::NoConfigurations => true,
            Self::Authorities(authorities) => {
                authorities.iter().any(|authority| is_signed_by(pair, authority))
            }
            Self::Unknown => false,
        }
    }
}

/// Action to take on the Secret. Contains private keys; must not implement `Debug`.
pub enum RotationStep {
    /// The Secret is up to date.
    Keep,
    /// Write new data.
    Write {
        /// The data to write.
        data: SecretData,
        /// The reason, for the log.
        reason: String,
    },
}

/// Decides what to do with a Secret of this content. `now` is in Unix seconds.
///
/// `trust` is what the webhook configurations contain, `settled` what they have contained since the
/// previous check.
///
/// # Errors
///
/// The Secret contains a certificate of another issuer, or a name of the spec is not valid in a
/// certificate.
pub fn plan_rotation(
    data: &SecretData,
    spec: &CertificateSpec,
    (trust, settled): (&Trust, &Trust),
    now: i64,
) -> Result<RotationStep, AuthorityError> {
    let (mut stored, mut reasons) = match stored::read(data)? {
        SecretContent::Empty(faults) => (StoredCertificates::default(), faults),
        SecretContent::Ours(stored, faults) => (*stored, faults),
    };
    let before = stored.bundle.len();
    stored.bundle.retain(|authority| not_after(authority).is_some_and(|ends| ends > now));
    if stored.bundle.len() < before {
        reasons.push("an old CA has expired".to_owned());
    }
    let signer = match stored.signer.take().filter(|signer| !is_due(&signer.certificate, now)) {
        Some(signer) => signer,
        None => {
            reasons.push("a new CA is due".to_owned());
            let issued = issue::authority(now, spec.authority_seconds)?;
            stored.bundle.insert(0, issued.certificate.clone());
            stored.bundle.extend(previously_trusted(trust, &stored.bundle, now));
            issued
        }
    };
    let pair = match (stored.pair, settled.contains(&signer.certificate)) {
        (Some(pair), trusted) if is_current(&pair, &signer.certificate, &spec.names, trusted, now) => pair,
        _ => {
            reasons.push("a new certificate is due".to_owned());
            issue::certificate(&spec.names, &signer, now, spec.certificate_seconds)?
        }
    };
    if reasons.is_empty() {
        return Ok(RotationStep::Keep);
    }
    let data = [
        (CERTIFICATE, pair.certificate),
        (KEY, pair.key),
        (AUTHORITIES, issue::bundle(&stored.bundle).into_bytes()),
        (AUTHORITY_KEY, signer.key.serialize_pem().into_bytes()),
    ];
    let data = data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(RotationStep::Write { data, reason: reasons.join(", ") })
}

/// Returns our CAs that clients trust and the bundle lacks: the Secret was lost, and another replica may
/// still present a certificate signed by one of them.
fn previously_trusted(
    trust: &Trust,
    bundle: &[CertificateDer<'static>],
    now: i64,
) -> Vec<CertificateDer<'static>> {
    let Trust::Authorities(authorities) = trust else { return Vec::new() };
    let missing = authorities.iter().filter(|authority| !bundle.contains(authority));
    missing.filter(|ca| is_ours(ca) && not_after(ca).is_some_and(|ends| ends > now)).cloned().collect()
}

/// Whether a certificate needs no renewal. While clients would not trust its successor, any certificate
/// that has not expired is better.
fn is_current(
    pair: &KeyPair,
    signer: &CertificateDer<'_>,
    names: &[String],
    trusted: bool,
    now: i64,
) -> bool {
    let Some(certificate) = pair.chain().ok().and_then(|chain| chain.into_iter().next()) else {
        return false;
    };
    let valid = not_after(&certificate).is_some_and(|ends| ends > now);
    let fresh = || !is_due(&certificate, now) && covers(&certificate, names) && is_signed_by(pair, signer);
    valid && (!trusted || fresh())
}
