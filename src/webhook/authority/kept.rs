//! What a Secret holds, with what is wrong with it.

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    AUTHORITIES, AUTHORITY_KEY, AuthorityError, CERTIFICATE, Data, KEY, is_ours, make::Signer, parsed,
};
use crate::webhook::{Pair, PairError};

/// What is of use.
#[derive(Default)]
pub struct Kept {
    /// The CAs that are trusted, the newest first.
    pub bundle: Vec<CertificateDer<'static>>,
    /// The one of them whose key is there.
    pub signer: Option<Signer>,
    /// The certificate, if it can be served.
    pub pair: Option<Pair>,
}

/// What was found, each with its faults in words.
pub enum Held {
    /// Nothing, or nothing that can be read.
    Nothing(Vec<String>),
    /// What the operator made, or what is left of it.
    Ours(Box<Kept>, Vec<String>),
}

/// Reads the content of a Secret.
///
/// Errors: it has certificates, and the operator made none of them.
pub fn read(data: &Data) -> Result<Held, AuthorityError> {
    let value = |key: &str| data.get(key).map_or(&[][..], Vec::as_slice);
    if [CERTIFICATE, KEY, AUTHORITIES, AUTHORITY_KEY].iter().all(|key| value(key).is_empty()) {
        return Ok(Held::Nothing(Vec::new()));
    }
    let mut faults = Vec::new();
    let (bundle, unreadable) = readable(value(AUTHORITIES));
    if unreadable {
        faults.push(format!("{AUTHORITIES} has something that is no certificate"));
    }
    let (chain, _) = readable(value(CERTIFICATE));
    let pair = pair(data).map_err(|error| faults.push(error.to_string())).ok();
    let mut certificates = bundle.iter().chain(&chain).peekable();
    if certificates.peek().is_none() {
        return Ok(Held::Nothing(faults));
    }
    if !certificates.any(is_ours) {
        return Err(AuthorityError::Foreign);
    }
    let signer = signer(&bundle, value(AUTHORITY_KEY));
    if signer.is_none() {
        faults.push(format!("{AUTHORITY_KEY} is the key of no CA in {AUTHORITIES}"));
    }
    Ok(Held::Ours(Box::new(Kept { bundle, signer, pair }), faults))
}

/// The certificate of a Secret.
///
/// Errors: it can't be served.
pub fn pair(data: &Data) -> Result<Pair, PairError> {
    let value = |key: &str| data.get(key).cloned().unwrap_or_default();
    let pair = Pair { certificate: value(CERTIFICATE), key: value(KEY) };
    pair.config()?;
    pair.ends()?;
    Ok(pair)
}

/// The certificates in a PEM text, and whether there is something else in it.
pub fn readable(pem: &[u8]) -> (Vec<CertificateDer<'static>>, bool) {
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
    let key = KeyPair::from_pem(std::str::from_utf8(key).ok()?).ok()?;
    let public = key.subject_public_key_info();
    let fits = |authority: &&CertificateDer<'static>| {
        parsed(authority).is_some_and(|certificate| certificate.public_key().raw == public)
    };
    let certificate = bundle.iter().find(fits)?.clone();
    Some(Signer { certificate, key })
}
