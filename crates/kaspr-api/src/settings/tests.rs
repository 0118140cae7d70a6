//! The forms of values that settings accept.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    settings: ReconcileSettings,
}

fn parse(flag: &str, value: &str) -> Result<ReconcileSettings, String> {
    let line = Line::try_parse_from(["operator", &format!("--{flag}={value}")]);
    line.map(|line| line.settings).map_err(|error| error.to_string())
}

/// The values that the Python operator reads, its own defaults among them.
#[test]
fn settings_accept_the_forms_of_the_python_operator() {
    let timeout = parse("client-status-check-timeout-seconds", "15.0").expect("a number");
    assert_eq!(timeout.members.client_status_check_timeout_seconds, 15.0);
    let timeout = parse("client-status-check-timeout-seconds", "2.5").expect("a number");
    assert_eq!(timeout.members.client_status_check_timeout_seconds, 2.5);
    let threshold = parse("hung-rebalancing-threshold-seconds", "300.0").expect("a number");
    assert_eq!(threshold.members.hung_rebalancing_threshold_seconds, 300);
    for (word, expected) in [("YES", true), ("1", true), ("Off", false), ("n", false), ("", false)] {
        let settings = parse("auto-rebalance", word).expect("a word");
        assert_eq!(settings.members.auto_rebalance, expected, "{word}");
    }
    for (flag, value, message) in [
        ("auto-rebalance", "maybe", "must be 'true' or 'false'"),
        ("initial-max-replicas", "0", "must be a whole number from 1 to 2147483647"),
        ("initial-max-replicas", "1.5", "must be a whole number from 1 to 2147483647"),
        ("client-status-check-timeout-seconds", "0", "must be a number of seconds from 0.1 to 300"),
    ] {
        let error = parse(flag, value).expect_err("an error");
        assert!(error.contains(message), "{error}");
    }
}
