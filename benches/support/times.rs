//! Statistics of durations.

use std::{fmt, time::Duration};

/// A sorted list of durations.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Creates the list from durations in any order; at least one is required.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// Returns the number of durations.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the quantile for a share from 0 to 1, in milliseconds.
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, worst) = (self.at(0.5), self.at(0.99), self.at(1.0));
        write!(formatter, "{} times, p50 {p50:.2} ms, p99 {p99:.2} ms, worst {worst:.2} ms", self.count())
    }
}
