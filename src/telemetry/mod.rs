//! What the operator tells of itself: logs and metrics.

mod logs;
pub mod metrics;
mod server;

pub use logs::{BadLevel, start};
pub use metrics::Metrics;
pub use server::MetricsServer;
