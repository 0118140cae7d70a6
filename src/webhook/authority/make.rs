//! Makes CAs and certificates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;

use super::{NAME, ends};
use crate::webhook::Pair;

/// How far a clock that is behind may be so, in seconds: certificates begin that much earlier.
pub const CLOCKS: i64 = 300;

/// A CA with its key.
pub struct Signer {
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: KeyPair,
}

/// A new CA, valid from now on for so many seconds. It may sign servers' certificates and no CAs.
pub fn authority(now: i64, seconds: i64) -> Result<Signer, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit(&mut params, now, now.saturating_add(seconds));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Signer { certificate: certificate.der().clone(), key })
}

/// A certificate for a server of these names, signed by a CA that does not end before it.
///
/// Errors: a name that can't stand in a certificate.
pub fn certificate(names: &[String], signer: &Signer, now: i64, seconds: i64) -> Result<Pair, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "kaspr-operator");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Several CAs of one name: this tells which one signed.
    params.use_authority_key_identifier_extension = true;
    let wanted = now.saturating_add(seconds);
    limit(&mut params, now, ends(&signer.certificate).map_or(wanted, |ends| ends.min(wanted)));
    let key = KeyPair::generate()?;
    let issuer = Issuer::from_ca_cert_der(&signer.certificate, &signer.key)?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Pair { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() })
}

/// Certificates as PEM.
pub fn bundle(certificates: &[CertificateDer<'static>]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let pems = certificates.iter().map(|der| pem::Pem::new("CERTIFICATE", der.as_ref()));
    pem::encode_many_config(&pems.collect::<Vec<_>>(), config)
}

fn limit(params: &mut CertificateParams, from: i64, to: i64) {
    let at = |seconds: i64| -> SystemTime { UNIX_EPOCH + Duration::from_secs(seconds.max(0).unsigned_abs()) };
    params.not_before = at(from - CLOCKS).into();
    params.not_after = at(to).into();
}
