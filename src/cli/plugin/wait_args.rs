//! Arguments of the subcommands that can wait for the result of a request.

use std::time::Duration;

use clap::Args;

use super::{cluster::ClusterArgs, output::OutputFormat};

/// Arguments of `rebalance` and `roll`.
#[derive(Args, Debug)]
pub(crate) struct WaitArgs {
    /// Name of the app
    #[arg(value_name = "APP")]
    pub app: String,
    /// Cluster and namespace of the app.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Wait until the action is complete
    #[arg(short, long)]
    pub wait: bool,
    /// Timeout of --wait, such as 90s, 5m or 1h
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// Parses digits that are followed by one of `s`, `m` and `h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("'{text}' is not a valid duration: use digits and one of s, m, h, such as 90s");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err(invalid()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| invalid())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for invalid in ["", "s", "5", "5d", "-1s", "18446744073709551615h", "5é"] {
            assert!(parse_duration(invalid).is_err(), "{invalid}");
        }
    }
}
