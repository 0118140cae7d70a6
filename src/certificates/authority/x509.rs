//! Facts about X.509 certificates.

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate};

use crate::certificates::KeyPair;

/// Common name of every CA that the operator issues, by which it recognizes its own.
pub(super) const NAME: &str = "kaspr-operator CA";

/// Tolerated clock skew, in seconds: certificates become valid this much earlier.
pub(super) const CLOCK_SKEW: i64 = 300;

/// Parses a certificate; `None` if it is malformed.
pub(super) fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    parse_x509_certificate(certificate).ok().map(|(_, certificate)| certificate)
}

/// Returns the expiry in Unix seconds.
pub(super) fn not_after(certificate: &CertificateDer<'_>) -> Option<i64> {
    parsed(certificate).map(|certificate| certificate.validity().not_after.timestamp())
}

/// Returns whether two thirds of its validity have passed.
pub(super) fn is_due(certificate: &CertificateDer<'_>, now: i64) -> bool {
    let Some(certificate) = parsed(certificate) else { return true };
    let made = certificate.validity().not_before.timestamp() + CLOCK_SKEW;
    let ends = certificate.validity().not_after.timestamp();
    made + (ends - made) * 2 / 3 <= now
}

/// Returns whether the certificate is valid for all these DNS names.
pub(super) fn covers(certificate: &CertificateDer<'_>, names: &[String]) -> bool {
    let parsed = parsed(certificate);
    let alternatives = parsed.as_ref().and_then(|c| c.subject_alternative_name().ok().flatten());
    let Some(alternatives) = alternatives else { return false };
    let has = |name: &String| alternatives.value.general_names.contains(&GeneralName::DNSName(name));
    names.iter().all(has)
}

/// Returns whether that CA signed the first certificate of the chain.
pub(super) fn is_signed_by(pair: &KeyPair, authority: &CertificateDer<'_>) -> bool {
    let chain = pair.chain().unwrap_or_default();
    let (Some(certificate), Some(authority)) = (chain.first().and_then(parsed), parsed(authority)) else {
        return false;
    };
    certificate.verify_signature(Some(authority.public_key())).is_ok()
}

/// Returns whether the operator issued it: a CA of its name, or a certificate signed by one.
pub(super) fn is_ours(certificate: &CertificateDer<'_>) -> bool {
    let parsed = parsed(certificate);
    let issuer = parsed.as_ref().and_then(|c| c.issuer().iter_common_name().next());
    issuer.and_then(|name| name.as_str().ok()) == Some(NAME)
}
