//! Issues CAs and certificates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;

use super::x509::{CLOCK_SKEW, NAME, not_after};
use crate::certificates::KeyPair;

/// A CA with its private key.
pub(super) struct Signer {
    /// The CA certificate.
    pub certificate: CertificateDer<'static>,
    /// The private key of the CA.
    pub key: rcgen::KeyPair,
}

/// Issues a CA that may sign server certificates but no CAs. Valid from `now` for `seconds`.
pub(super) fn authority(now: i64, seconds: i64) -> Result<Signer, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now, now.saturating_add(seconds));
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Signer { certificate: certificate.der().clone(), key })
}

/// Issues a server certificate for these names. It does not outlive its CA.
///
/// # Errors
///
/// A name is not valid in a certificate.
pub(super) fn certificate(
    names: &[String],
    signer: &Signer,
    now: i64,
    seconds: i64,
) -> Result<KeyPair, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "kaspr-operator");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Several CAs share a name; this identifies the signer.
    params.use_authority_key_identifier_extension = true;
    let wanted = now.saturating_add(seconds);
    set_validity(
        &mut params,
        now,
        not_after(&signer.certificate).map_or(wanted, |expiry| expiry.min(wanted)),
    );
    let key = rcgen::KeyPair::generate()?;
    let issuer = Issuer::from_ca_cert_der(&signer.certificate, &signer.key)?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(KeyPair { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() })
}

/// Encodes certificates as PEM.
pub(super) fn bundle(certificates: &[CertificateDer<'static>]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let pems = certificates.iter().map(|der| pem::Pem::new("CERTIFICATE", der.as_ref()));
    pem::encode_many_config(&pems.collect::<Vec<_>>(), config)
}

fn set_validity(params: &mut CertificateParams, from: i64, to: i64) {
    let at = |seconds: i64| -> SystemTime { UNIX_EPOCH + Duration::from_secs(seconds.max(0).unsigned_abs()) };
    params.not_before = at(from - CLOCK_SKEW).into();
    params.not_after = at(to).into();
}
