//! Certificates for development: a CA of the moment and a server certificate signed by it.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// How long development certificates are valid, in days.
const VALID_DAYS: i64 = 365;

/// A server certificate with the CA that signed it, all PEM.
pub struct Certificates {
    /// The CA, which goes into `caBundle`.
    pub authority: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's key.
    pub key: String,
}

/// Makes a CA and a certificate for the names and addresses.
///
/// Errors: a name that can't stand in a certificate.
pub fn development(names: &[String]) -> Result<Certificates, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "kaspr-operator development CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit(&mut authority);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut server = CertificateParams::new(names.to_vec())?;
    server
        .distinguished_name
        .push(DnType::CommonName, names.first().map_or("kaspr-operator", String::as_str));
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    limit(&mut server);
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;
    Ok(Certificates { authority: issuer.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
}

fn limit(params: &mut CertificateParams) {
    let now = std::time::SystemTime::now();
    // A clock that is a little behind must take it too.
    params.not_before = (now - std::time::Duration::from_secs(300)).into();
    params.not_after = (now + std::time::Duration::from_secs(VALID_DAYS as u64 * 86_400)).into();
}

/// The host part of a URL for an address: IPv6 in brackets.
pub fn url_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}
