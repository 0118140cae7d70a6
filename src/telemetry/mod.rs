//! Logs and metrics of the operator.

mod logs;
pub mod metrics;
mod server;

pub use logs::{InvalidLogLevel, init_logging};
pub use metrics::Metrics;
pub use server::MetricsServer;
