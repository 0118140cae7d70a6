//! Exponential backoff of failed reconciles.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::{reconcile::cache::index::ObjectKey, sync::lock};

/// The first delay.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// The longest delay after a failed request; the watch reports a fix by the user anyway.
pub(crate) const LONGEST_AFTER_ERROR: Duration = Duration::from_secs(60);

/// The longest delay after an object was refused, which only a person can change.
pub(crate) const LONGEST_AFTER_REFUSAL: Duration = Duration::from_secs(300);

/// The consecutive failures of each resource.
pub(crate) struct Backoff {
    failures: Mutex<HashMap<ObjectKey, u32>>,
    longest: Duration,
}

impl Backoff {
    /// Creates a backoff whose delays grow up to `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { failures: Mutex::default(), longest }
    }

    /// Returns whether the last attempt failed.
    pub(crate) fn is_failing(&self, key: &ObjectKey) -> bool {
        lock(&self.failures).contains_key(key)
    }

    /// Counts a failure. Returns the delay before the next attempt, which doubles each time.
    pub(crate) fn next_delay(&self, key: &ObjectKey) -> Duration {
        let mut failures = lock(&self.failures);
        let count = failures.entry(key.clone()).or_default();
        let delay = FIRST_DELAY.saturating_mul(1 << (*count).min(16)).min(self.longest);
        *count = count.saturating_add(1);
        delay
    }

    /// Forgets the failures of a resource that was reconciled or deleted. Returns whether there were any.
    pub(crate) fn forget(&self, key: &ObjectKey) -> bool {
        lock(&self.failures).remove(key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn delays_double_up_to_a_minute_and_start_over_after_a_success() {
        let backoff = Backoff::new(LONGEST_AFTER_ERROR);
        let key = ObjectKey { kind: Kind::App, namespace: "ns".to_owned(), name: "a".to_owned() };
        let delay = || backoff.next_delay(&key).as_millis();
        assert_eq!([delay(), delay(), delay()], [500, 1000, 2000]);
        for _ in 0..100 {
            delay();
        }
        assert_eq!(delay(), 60_000);
        backoff.forget(&key);
        assert_eq!(delay(), 500);
    }
}
