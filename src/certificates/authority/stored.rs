//! Reads the certificates of a Secret and reports what is wrong with them.

use rcgen::PublicKeyData;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    issue::Signer,
    secret_data::{AUTHORITIES, AUTHORITY_KEY, AuthorityError, CERTIFICATE, KEY, SecretData},
    x509::{is_ours, parsed},
};
use crate::certificates::{KeyPair, KeyPairError};

/// The usable certificates of a Secret.
#[derive(Default)]
pub(super) struct StoredCertificates {
    /// The trusted CAs, newest first.
    pub bundle: Vec<CertificateDer<'static>>,
    /// The CA whose private key the Secret contains.
    pub signer: Option<Signer>,
    /// The serving certificate, if it is usable.
    pub pair: Option<KeyPair>,
}

/// The content of a Secret, with a description of each fault.
pub(super) enum SecretContent {
    /// Nothing readable.
    Empty(Vec<String>),
    /// Certificates that the operator issued, possibly incomplete.
    Ours(Box<StoredCertificates>, Vec<String>),
}

/// Reads the content of a Secret.
///
/// # Errors
///
/// It contains certificates, none of which the operator issued.
pub(super) fn read(data: &SecretData) -> Result<SecretContent, AuthorityError> {
    let value = |key: &str| data.get(key).map_or(&[][..], Vec::as_slice);
    if [CERTIFICATE, KEY, AUTHORITIES, AUTHORITY_KEY].iter().all(|key| value(key).is_empty()) {
        return Ok(SecretContent::Empty(Vec::new()));
    }
    let mut faults = Vec::new();
    let (bundle, unreadable) = parse_bundle(value(AUTHORITIES));
    if unreadable {
        faults.push(format!("{AUTHORITIES} contains data that is not a certificate"));
    }
    let (chain, _) = parse_bundle(value(CERTIFICATE));
    let pair = serving_key_pair(data).map_err(|error| faults.push(error.to_string())).ok();
    let mut certificates = bundle.iter().chain(&chain).peekable();
    if certificates.peek().is_none() {
        return Ok(SecretContent::Empty(faults));
    }
    if !certificates.any(is_ours) {
        return Err(AuthorityError::Foreign);
    }
    let signer = signer(&bundle, value(AUTHORITY_KEY));
    if signer.is_none() {
        faults.push(format!("{AUTHORITY_KEY} matches no CA in {AUTHORITIES}"));
    }
    Ok(SecretContent::Ours(Box::new(StoredCertificates { bundle, signer, pair }), faults))
}

/// Returns the serving certificate of a Secret.
///
/// # Errors
///
/// The certificate or its key is missing, unreadable or does not match.
pub fn serving_key_pair(data: &SecretData) -> Result<KeyPair, KeyPairError> {
    let value = |key: &str| data.get(key).cloned().unwrap_or_default();
    let pair = KeyPair { certificate: value(CERTIFICATE), key: value(KEY) };
    pair.server_config()?;
    pair.not_after()?;
    Ok(pair)
}

/// Returns the certificates of a PEM text, and whether it contains anything else.
pub(super) fn parse_bundle(pem: &[u8]) -> (Vec<CertificateDer<'static>>, bool) {
    let (mut certificates, mut unreadable) = (Vec::new(), false);
    for found in CertificateDer::pem_slice_iter(pem) {
        match found {
            Ok(certificate) if parsed(&certificate).is_some() => certificates.push(certificate),
            _ => unreadable = true,
        }
    }
    (certificates, unreadable)
}

fn signer(bundle: &[CertificateDer<'static>], key: &[u8]) -> Option<Signer> {
    let key = rcgen::KeyPair::from_pem(std::str::from_utf8(key).ok()?).ok()?;
    let public = key.subject_public_key_info();
    let matches_key = |authority: &&CertificateDer<'static>| {
        parsed(authority).is_some_and(|certificate| certificate.public_key().raw == public)
    };
    let certificate = bundle.iter().find(matches_key)?.clone();
    Some(Signer { certificate, key })
}
