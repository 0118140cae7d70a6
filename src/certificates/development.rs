//! Development certificates: a throwaway CA and a server certificate signed by it.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Validity of development certificates, in days.
const VALID_DAYS: i64 = 365;

/// A server certificate with the CA that signed it, all in PEM.
pub struct DevelopmentCertificates {
    /// The CA, for `caBundle`.
    pub authority: String,
    /// The server certificate.
    pub certificate: String,
    /// The private key of the server certificate.
    pub key: String,
}

/// Issues a CA and a certificate for these host names and IP addresses.
///
/// # Errors
///
/// A name is not valid in a certificate.
pub fn development(names: &[String]) -> Result<DevelopmentCertificates, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "kaspr-operator development CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut authority);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut server = CertificateParams::new(names.to_vec())?;
    server
        .distinguished_name
        .push(DnType::CommonName, names.first().map_or("kaspr-operator", String::as_str));
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut server);
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;
    Ok(DevelopmentCertificates {
        authority: issuer.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

fn set_validity(params: &mut CertificateParams) {
    let now = std::time::SystemTime::now();
    // Tolerate clients whose clock is behind.
    params.not_before = (now - std::time::Duration::from_secs(300)).into();
    params.not_after = (now + std::time::Duration::from_secs(VALID_DAYS as u64 * 86_400)).into();
}

/// Formats a host for a URL: an IPv6 address gets brackets.
#[must_use]
pub fn url_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}
