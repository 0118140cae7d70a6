//! Parsers of values of settings.

use std::ops::RangeInclusive;

use crate::api::{RolloutFailure, python_values};

/// Reads a boolean in the words that the Python operator accepts.
pub(super) fn parse_boolean(text: &str) -> Result<bool, String> {
    python_values::boolean(text).ok_or_else(|| "must be 'true' or 'false'".to_owned())
}

/// Returns a parser of whole numbers in a range. Like the Python operator it accepts `15.0`.
pub(super) fn parse_whole<T: TryFrom<i64>>(
    range: RangeInclusive<i64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    move |text| {
        let number = python_values::whole_number(text).filter(|number| range.contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Reads the timeout of a status request, in seconds.
pub(super) fn parse_status_timeout(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| (0.1..=300.0).contains(seconds));
    seconds.ok_or_else(|| "must be a number of seconds from 0.1 to 300".to_owned())
}

/// Reads what happens if the members do not work after a change.
pub(super) fn parse_rollout_failure(text: &str) -> Result<RolloutFailure, String> {
    RolloutFailure::from_text(text).ok_or_else(|| "must be 'return' or 'hold'".to_owned())
}

/// Reads the DNS domain of a cluster; dots at its ends do not count.
pub(super) fn parse_domain(text: &str) -> Result<String, String> {
    let domain = text.trim().trim_matches('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.split('.').all(is_label) {
        return Ok(domain.to_owned());
    }
    Err("must be a DNS domain, such as 'cluster.local'".to_owned())
}
