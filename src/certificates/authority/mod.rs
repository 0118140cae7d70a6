//! The CA and the certificate that the operator issues for itself, as a Secret stores them. Pure: the
//! stored data, the CAs that clients trust, and the time go in; the data to store comes out.
//!
//! A new CA is first only trusted: it is prepended to the bundle. A certificate signed by it is issued
//! once the webhook configurations contain the CA, and older CAs stay in the bundle until they expire.
//! Readable certificates of another issuer are never overwritten; unreadable data is.

mod issue;
mod rotation;
mod secret_data;
mod stored;
#[cfg(test)]
mod tests;
mod x509;

pub use rotation::{CertificateSpec, RotationStep, Trust, plan_rotation};
pub use secret_data::{AUTHORITIES, AuthorityError, SecretData};
pub use stored::serving_key_pair;
