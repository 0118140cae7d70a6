//! The admission webhooks: an HTTPS server that answers the reviews of the API server.

pub mod registration;
mod server;

pub use server::{SharedAppContext, WebhookServer, WebhookServerError};

/// The path of the defaulting webhook.
pub const DEFAULT_PATH: &str = "/default";

/// The path of the validating webhook.
pub const VALIDATE_PATH: &str = "/validate";
