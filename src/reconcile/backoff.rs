//! How long a failed reconcile waits for its next try.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause: what a user mends by hand is seen by the watch anyway.
const LONGEST: Duration = Duration::from_secs(60);

/// The failures in a row of each resource.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<(String, String, String), u32>>);

impl Failures {
    /// Counts a failure. Gives the pause, which doubles each time.
    pub fn pause(&self, kind: &str, namespace: Option<&str>, name: &str) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key(kind, namespace, name)).or_default();
        let pause = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        pause
    }

    /// The resource was reconciled.
    pub fn forget(&self, kind: &str, namespace: Option<&str>, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(kind, namespace, name));
    }
}

fn key(kind: &str, namespace: Option<&str>, name: &str) -> (String, String, String) {
    (kind.to_owned(), namespace.unwrap_or_default().to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_start_anew() {
        let failures = Failures::default();
        let pause = || failures.pause("KasprApp", Some("ns"), "a").as_millis();
        assert_eq!([pause(), pause(), pause()], [500, 1000, 2000]);
        for _ in 0..100 {
            pause();
        }
        assert_eq!(pause(), 60_000);
        failures.forget("KasprApp", Some("ns"), "a");
        assert_eq!(failures.pause("KasprApp", Some("ns"), "a").as_millis(), 500);
    }
}
