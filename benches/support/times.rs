//! How long things took.

use std::{fmt, time::Duration};

/// Times, of which the middle and the end matter.
pub struct Times(Vec<Duration>);

impl Times {
    /// Takes them in any order; there must be one at least.
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them, from 0 to 1, did not exceed, in milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, worst) = (self.at(0.5), self.at(0.99), self.at(1.0));
        write!(formatter, "{} times, p50 {p50:.2} ms, p99 {p99:.2} ms, worst {worst:.2} ms", self.count())
    }
}
