//! The admission webhooks: an HTTPS server that fills in defaults and refuses what would fail
//! later. Never meets `reconcile`: only `main` sees both.

pub mod authority;
pub mod certificate;
mod deadline;
mod files;
mod pair;
pub mod policy;
pub mod registration;
mod response;
mod review;
mod server;

pub use files::Files;
pub use pair::{Pair, PairError, Served};
pub use review::{NotAReview, Phase, answer};
pub use server::{Known, Server, ServerError};

/// The path of the defaulting webhook.
pub const DEFAULT_PATH: &str = "/default";

/// The path of the validating webhook.
pub const VALIDATE_PATH: &str = "/validate";
