//! Logging to standard error, as text or JSON.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, LogSettings};

/// The value of `--log-level` is not valid.
#[derive(Debug, Error)]
#[error(
    "'{level}' is not a valid log level: use error, warn, info, debug, trace, or a list such as info,kube=debug"
)]
pub struct InvalidLogLevel {
    level: String,
}

/// Initializes logging for the whole process.
///
/// # Errors
///
/// The log level is not valid.
pub fn init_logging(settings: &LogSettings) -> Result<(), InvalidLogLevel> {
    let LogSettings { log_level, log_format } = settings;
    let filter = EnvFilter::try_new(log_level).map_err(|_| InvalidLogLevel { level: log_level.clone() })?;
    let terminal = io::stderr().is_terminal();
    let format = log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(terminal)).init()
        }
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false)
                    .with_writer(io::stderr),
            )
            .init(),
    }
    Ok(())
}
