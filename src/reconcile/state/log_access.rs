//! Whether the operator may read logs of pods.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::sync::lock;

/// How long no log is read after the API server refused one: the permission can be granted later.
const DENIED_FOR: Duration = Duration::from_secs(3600);

/// Whether the operator may read logs of pods: a role may lack the permission.
#[derive(Default)]
pub(crate) struct LogAccess(Mutex<Option<Instant>>);

impl LogAccess {
    /// Returns whether the API server refused a log recently.
    pub(crate) fn is_denied(&self, now: Instant) -> bool {
        lock(&self.0).is_some_and(|denied| now.duration_since(denied) < DENIED_FOR)
    }

    /// Records that the API server refused a log. Returns whether that is the first time.
    pub(crate) fn deny(&self, now: Instant) -> bool {
        lock(&self.0).replace(now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_permission_is_tried_again_later() {
        let (access, now) = (LogAccess::default(), Instant::now());
        assert!(!access.is_denied(now));
        assert!(access.deny(now));
        assert!(access.is_denied(now + DENIED_FOR / 2));
        assert!(!access.is_denied(now + DENIED_FOR));
        assert!(!access.deny(now + DENIED_FOR));
    }
}
