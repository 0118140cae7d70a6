//! The admission webhooks: an HTTPS server that fills in defaults and refuses what would fail
//! later. Never meets `reconcile`: only `main` sees both.

mod answer;
pub mod certificate;
pub mod registration;
mod review;
mod server;

pub use review::Phase;
pub use server::{Known, Server, ServerError};

/// The path of the defaulting webhook.
pub const DEFAULT_PATH: &str = "/default";

/// The path of the validating webhook.
pub const VALIDATE_PATH: &str = "/validate";
