//! Logs and metrics of the operator.

mod listen;
mod logs;
pub mod metrics;
mod server;

pub(crate) use listen::{ALL_FAMILIES, bind};
pub use logs::{InvalidLogLevel, init_logging};
pub use metrics::Metrics;
pub use server::MetricsServer;
