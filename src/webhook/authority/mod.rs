//! The CA and the certificate that the operator makes by itself, as a Secret holds them. Pure: what is
//! held, who trusts what, and the time go in; what is to be held comes out.
//!
//! A new CA is first only trusted: it is put in front of the others. A certificate signed by it is made
//! once the webhook configurations hold it, and those before it stay until they end. What can be read
//! and is somebody else's is never overwritten; what can't be read at all is.

mod kept;
mod make;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate};

use super::Pair;
use kept::{Held, Kept};

/// What a Secret holds.
pub type Data = BTreeMap<String, Vec<u8>>;

/// The key of the Secret with the certificate's chain; Kubernetes prescribes it and the next one.
pub const CERTIFICATE: &str = "tls.crt";
/// With its key.
pub const KEY: &str = "tls.key";
/// With all CAs that are trusted, the newest first.
pub const AUTHORITIES: &str = "ca.crt";
/// With the key of the CA that signs.
pub const AUTHORITY_KEY: &str = "ca.key";

/// The common name of every CA that the operator makes: how it knows its own.
const NAME: &str = "kaspr-operator CA";

/// What is wished for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The DNS names of the certificate.
    pub names: Vec<String>,
    /// How long a CA is valid, in seconds.
    pub authority_seconds: i64,
    /// How long a certificate is valid, in seconds.
    pub certificate_seconds: i64,
}

impl Wish {
    /// The names that a Service is reached by.
    pub fn names_of(service: &str, namespace: &str) -> Vec<String> {
        [
            "",
            &format!(".{namespace}"),
            &format!(".{namespace}.svc"),
            &format!(".{namespace}.svc.cluster.local"),
        ]
        .map(|end| format!("{service}{end}"))
        .to_vec()
    }
}

/// Which CAs the webhook configurations hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// There are no configurations, so nobody asks.
    Nobody,
    /// These, in all of them.
    These(Vec<CertificateDer<'static>>),
    /// They can't be read.
    Unknown,
}

impl Trust {
    /// Of the bundles of all webhooks, PEM each: what is in every one of them.
    pub fn of<'a>(bundles: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bundles = bundles.into_iter().map(|bundle| kept::readable(bundle).0);
        let Some(mut common) = bundles.next() else { return Self::Nobody };
        for bundle in bundles {
            common.retain(|authority| bundle.contains(authority));
        }
        Self::These(common)
    }

    /// What was held a while ago and is held now: the API server has noticed by then.
    pub fn settled(&self, before: &Self) -> Self {
        match (self, before) {
            (Self::These(now), Self::These(before)) => {
                Self::These(now.iter().filter(|authority| before.contains(authority)).cloned().collect())
            }
            (Self::These(_), _) => Self::Unknown,
            _ => self.clone(),
        }
    }

    fn holds(&self, authority: &CertificateDer<'_>) -> bool {
        match self {
            Self::Nobody => true,
            Self::These(authorities) => authorities.contains(authority),
            Self::Unknown => false,
        }
    }

    /// Whether a server that shows this certificate is trusted.
    pub fn accepts(&self, pair: &Pair) -> bool {
        match self {
            Self::Nobody => true,
            Self::These(authorities) => authorities.iter().any(|authority| signed(pair, authority)),
            Self::Unknown => false,
        }
    }
}

/// What is to be done with a Secret. It holds keys, so it can't be printed.
pub enum Next {
    /// Nothing.
    Keep,
    /// It is to hold this.
    Write {
        /// What.
        data: Data,
        /// Why, for people.
        why: String,
    },
}

/// Why there can't be a certificate.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The Secret is somebody else's.
    #[error(
        "it holds a certificate that the operator did not make, and is left as it is: delete it, or name \
         another Secret with --certificate-secret"
    )]
    Foreign,
    /// A certificate can't be made.
    #[error("can't make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// What a Secret with this content is to hold, at a time in Unix seconds.
///
/// `trust` says what the webhook configurations hold, `settled` what they have held for a while.
/// Errors: the Secret is somebody else's; a name of the wish can't stand in a certificate.
pub fn next(
    data: &Data,
    wish: &Wish,
    (trust, settled): (&Trust, &Trust),
    now: i64,
) -> Result<Next, AuthorityError> {
    let (mut kept, mut why) = match kept::read(data)? {
        Held::Nothing(faults) => (Kept::default(), faults),
        Held::Ours(kept, faults) => (*kept, faults),
    };
    let held = kept.bundle.len();
    kept.bundle.retain(|authority| ends(authority).is_some_and(|ends| ends > now));
    if kept.bundle.len() < held {
        why.push("an old CA has ended".to_owned());
    }
    let signer = match kept.signer.take().filter(|signer| !due(&signer.certificate, now)) {
        Some(signer) => signer,
        None => {
            why.push("a new CA is due".to_owned());
            let made = make::authority(now, wish.authority_seconds)?;
            kept.bundle.insert(0, made.certificate.clone());
            kept.bundle.extend(earlier(trust, &kept.bundle, now));
            made
        }
    };
    let pair = match (kept.pair, settled.holds(&signer.certificate)) {
        (Some(pair), trusted) if stays(&pair, &signer.certificate, &wish.names, trusted, now) => pair,
        _ => {
            why.push("a new certificate is due".to_owned());
            make::certificate(&wish.names, &signer, now, wish.certificate_seconds)?
        }
    };
    if why.is_empty() {
        return Ok(Next::Keep);
    }
    let data = [
        (CERTIFICATE, pair.certificate),
        (KEY, pair.key),
        (AUTHORITIES, make::bundle(&kept.bundle).into_bytes()),
        (AUTHORITY_KEY, signer.key.serialize_pem().into_bytes()),
    ];
    let data = data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(Next::Write { data, why: why.join(", ") })
}

/// The certificate that a Secret holds, if it can be served.
pub fn pair(data: &Data) -> Option<Pair> {
    kept::pair(data).ok()
}

/// CAs of ours that are trusted already and not in the bundle: what the Secret held was lost, and
/// another replica may still show a certificate of theirs.
fn earlier(trust: &Trust, bundle: &[CertificateDer<'static>], now: i64) -> Vec<CertificateDer<'static>> {
    let Trust::These(authorities) = trust else { return Vec::new() };
    let missing = authorities.iter().filter(|authority| !bundle.contains(authority));
    missing.filter(|ca| is_ours(ca) && ends(ca).is_some_and(|ends| ends > now)).cloned().collect()
}

/// Whether a certificate need not be made anew. While its successor would not be trusted, anything
/// that has not ended is better.
fn stays(pair: &Pair, signer: &CertificateDer<'_>, names: &[String], trusted: bool, now: i64) -> bool {
    let Some(certificate) = pair.chain().ok().and_then(|chain| chain.into_iter().next()) else {
        return false;
    };
    let lives = ends(&certificate).is_some_and(|ends| ends > now);
    let fresh = || !due(&certificate, now) && covers(&certificate, names) && signed(pair, signer);
    lives && (!trusted || fresh())
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    parse_x509_certificate(certificate).ok().map(|(_, certificate)| certificate)
}

fn ends(certificate: &CertificateDer<'_>) -> Option<i64> {
    parsed(certificate).map(|certificate| certificate.validity().not_after.timestamp())
}

/// Whether two thirds of its life are over.
fn due(certificate: &CertificateDer<'_>, now: i64) -> bool {
    let Some(certificate) = parsed(certificate) else { return true };
    let made = certificate.validity().not_before.timestamp() + make::CLOCKS;
    let ends = certificate.validity().not_after.timestamp();
    made + (ends - made) * 2 / 3 <= now
}

fn covers(certificate: &CertificateDer<'_>, names: &[String]) -> bool {
    let parsed = parsed(certificate);
    let alternatives = parsed.as_ref().and_then(|c| c.subject_alternative_name().ok().flatten());
    let Some(alternatives) = alternatives else { return false };
    let has = |name: &String| alternatives.value.general_names.contains(&GeneralName::DNSName(name));
    names.iter().all(has)
}

/// Whether that CA signed the first certificate of the chain.
fn signed(pair: &Pair, authority: &CertificateDer<'_>) -> bool {
    let chain = pair.chain().unwrap_or_default();
    let (Some(certificate), Some(authority)) = (chain.first().and_then(parsed), parsed(authority)) else {
        return false;
    };
    certificate.verify_signature(Some(authority.public_key())).is_ok()
}

/// Whether the operator made it: a CA of its name, or a certificate signed by one.
fn is_ours(certificate: &CertificateDer<'_>) -> bool {
    let parsed = parsed(certificate);
    let issuer = parsed.as_ref().and_then(|c| c.issuer().iter_common_name().next());
    issuer.and_then(|name| name.as_str().ok()) == Some(NAME)
}
