//! The webhooks' serving certificate: where it comes from, how it is renewed, and how the running
//! server switches to a new one.

pub mod authority;
mod development;
mod files;
mod key_pair;
mod reloader;
mod rotator;
mod source;

pub use development::{DevelopmentCertificates, development, url_host};
pub use files::CertificateFiles;
pub use key_pair::{KeyPair, KeyPairError};
pub use reloader::CertificateReloader;
pub use rotator::Rotator;
pub use source::{CertificateSource, CertificateSourceError};
