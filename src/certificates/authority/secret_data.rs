use std::collections::BTreeMap;

use thiserror::Error;

/// The data of a Secret, by key.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// Key of the Secret for the certificate chain, as Kubernetes prescribes for type `kubernetes.io/tls`.
pub(super) const CERTIFICATE: &str = "tls.crt";
/// Key of the Secret for the private key, as Kubernetes prescribes for type `kubernetes.io/tls`.
pub(super) const KEY: &str = "tls.key";
/// Key of the Secret for the bundle of trusted CAs, newest first.
pub const AUTHORITIES: &str = "ca.crt";
/// Key of the Secret for the private key of the signing CA.
pub(super) const AUTHORITY_KEY: &str = "ca.key";

/// Why no certificate can be issued.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The Secret contains a certificate of another issuer.
    #[error(
        "it contains a certificate that the operator did not issue, so the operator does not \
         overwrite it: delete the Secret, or name another one with --certificate-secret"
    )]
    Foreign,
    /// Issuing failed.
    #[error("failed to issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
}
