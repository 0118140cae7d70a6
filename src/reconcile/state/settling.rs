//! Waits until a folder that is applied at once is complete: its app and components arrive one after the other, and
//! each of them would replace the pods again.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{reconcile::cache::index::ObjectKey, sync::lock};

/// How long nothing may have changed.
const SILENCE: Duration = Duration::from_secs(1);

/// The longest wait, however often something changes.
const LONGEST: Duration = Duration::from_secs(5);

/// The apps whose next pod template is not applied yet.
#[derive(Default)]
pub(crate) struct Settling(Mutex<HashMap<ObjectKey, Pending>>);

struct Pending {
    template: String,
    first_change: Instant,
    last_change: Instant,
}

impl Settling {
    /// Returns how long to wait before a pod template is applied. `template` is its hash, or `None` if the pods have it.
    pub(crate) fn delay(&self, app: &ObjectKey, template: Option<&str>, now: Instant) -> Option<Duration> {
        let mut all = lock(&self.0);
        let Some(template) = template else {
            all.remove(app);
            return None;
        };
        let pending = all.entry(app.clone()).or_insert_with(|| Pending {
            template: template.to_owned(),
            first_change: now,
            last_change: now,
        });
        if pending.template != template {
            template.clone_into(&mut pending.template);
            pending.last_change = now;
        }
        let until = (pending.last_change + SILENCE).min(pending.first_change + LONGEST);
        Some(until.saturating_duration_since(now)).filter(|delay| !delay.is_zero())
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_second_of_silence_is_awaited_and_five_at_most() {
        let settling = Settling::default();
        let app = ObjectKey { kind: Kind::App, namespace: "ns".to_owned(), name: "a".to_owned() };
        let start = Instant::now();
        let delay = |template: Option<&str>, millis: u64| {
            settling
                .delay(&app, template, start + Duration::from_millis(millis))
                .map(|delay| delay.as_millis())
        };
        assert_eq!(delay(Some("a"), 0), Some(1000));
        assert_eq!(delay(Some("a"), 600), Some(400));
        assert_eq!(delay(Some("b"), 900), Some(1000));
        assert_eq!(delay(Some("b"), 1900), None);
        assert_eq!(delay(None, 2000), None);
        let templates = ["c", "d"].iter().cycle();
        let delays: Vec<_> =
            templates.zip((3000..9000).step_by(900)).map(|(t, at)| delay(Some(t), at)).collect();
        let most = [Some(1000), Some(1000), Some(1000), Some(1000), Some(1000), Some(500), None];
        assert_eq!(delays, most);
    }
}
