//! Exponential backoff of failed reconciles.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::{reconcile::cache::index::ObjectKey, sync::lock};

/// The first delay.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// The longest delay; the watch reports a fix by the user anyway.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// The consecutive failures of each resource.
#[derive(Default)]
pub(crate) struct Backoff(Mutex<HashMap<ObjectKey, u32>>);

impl Backoff {
    /// Counts a failure. Returns the delay before the next attempt, which doubles each time.
    pub(crate) fn next_delay(&self, key: &ObjectKey) -> Duration {
        let mut failures = lock(&self.0);
        let count = failures.entry(key.clone()).or_default();
        let delay = FIRST_DELAY.saturating_mul(1 << (*count).min(16)).min(MAX_DELAY);
        *count = count.saturating_add(1);
        delay
    }

    /// Forgets the failures of a resource that was reconciled or deleted.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        lock(&self.0).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn delays_double_up_to_a_minute_and_start_over_after_a_success() {
        let backoff = Backoff::default();
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
