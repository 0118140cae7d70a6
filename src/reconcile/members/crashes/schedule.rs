//! When to read which member's log. Pure.
//!
//! Reading a log costs the API server a connection to the kubelet, so logs are read while there is a reason, and
//! otherwise rarely.

use std::collections::HashMap;

use k8s_openapi::jiff::Timestamp;

/// Seconds after the start of a member in which its log is read often: an error in new code shows with its first
/// messages.
const NEW_SECONDS: i64 = 120;

/// Seconds between two reads of the log of a member that started recently.
const NEW_INTERVAL: i64 = 10;

/// Seconds between two reads while an agent crashes or messages wait: as often as members are polled.
const SUSPECT_INTERVAL: i64 = 30;

/// Seconds between two reads of an app without a suspicion. They read one member, in turn.
const IDLE_INTERVAL: i64 = 300;

/// Seconds without reads of a member whose log could not be read.
const RETRY_INTERVAL: i64 = 60;

/// The most members that are read at once: an app may have a hundred.
const MOST_READS: usize = 8;

/// Seconds of a log that are read again, because clocks differ.
const OVERLAP: i64 = 5;

/// What is remembered of the members of an app.
#[derive(Debug, Default)]
pub(super) struct LogSchedule {
    /// By the UID of the pod.
    pods: HashMap<String, PodReads>,
    /// When a member was read last without a suspicion.
    last_idle: Option<i64>,
    started: bool,
}

#[derive(Debug)]
struct PodReads {
    /// When the member started, as far as is known.
    since: i64,
    last: Option<i64>,
    retry: Option<i64>,
}

impl LogSchedule {
    /// Returns the pods whose logs to read now, each with the seconds of its log to read. `pods` are those that run, each
    /// with its UID and its time of creation.
    pub(super) fn due<'a>(
        &mut self,
        pods: &[(&'a str, Option<Timestamp>)],
        suspected: bool,
        now: Timestamp,
    ) -> Vec<(&'a str, i64)> {
        let now = now.as_second();
        self.update(pods, now);
        let mut due: Vec<&str> = Vec::new();
        for (uid, _) in pods {
            let Some(reads) = self.pods.get(*uid) else { continue };
            let interval = if now - reads.since < NEW_SECONDS {
                NEW_INTERVAL
            } else if suspected {
                SUSPECT_INTERVAL
            } else {
                continue;
            };
            if reads.is_readable(now) && reads.last.is_none_or(|last| now - last >= interval) {
                due.push(uid);
            }
        }
        let last_read = |uid: &str| self.pods.get(uid).and_then(|reads| reads.last);
        due.sort_by_key(|uid| last_read(uid));
        due.truncate(MOST_READS);
        if due.is_empty() && self.last_idle.is_none_or(|last| now - last >= IDLE_INTERVAL) {
            let readable = |uid: &&str| self.pods.get(*uid).is_some_and(|reads| reads.is_readable(now));
            due.extend(pods.iter().map(|(uid, _)| *uid).filter(readable).min_by_key(|uid| last_read(uid)));
        }
        due.into_iter().map(|uid| (uid, self.begin(uid, now))).collect()
    }

    /// Records that the log of a pod could not be read.
    pub(super) fn failed(&mut self, uid: &str, now: Timestamp) {
        if let Some(reads) = self.pods.get_mut(uid) {
            reads.retry = Some(now.as_second() + RETRY_INTERVAL);
        }
    }

    /// Returns the seconds until reads may be due.
    pub(super) fn next(&self, suspected: bool, now: Timestamp) -> i64 {
        let is_new = self.pods.values().any(|reads| now.as_second() - reads.since < NEW_SECONDS);
        if is_new || suspected { NEW_INTERVAL } else { SUSPECT_INTERVAL }
    }

    fn update(&mut self, pods: &[(&str, Option<Timestamp>)], now: i64) {
        self.pods.retain(|uid, _| pods.iter().any(|(pod, _)| pod == uid));
        for (uid, created) in pods {
            // Members that run when the operator starts did not start now.
            let created = created.map(Timestamp::as_second).filter(|_| !self.started);
            let since = created.unwrap_or(now);
            self.pods.entry((*uid).to_owned()).or_insert(PodReads { since, last: None, retry: None });
        }
        self.started = true;
    }

    /// Records a read. Returns the seconds of the log to read.
    fn begin(&mut self, uid: &str, now: i64) -> i64 {
        self.last_idle = Some(now);
        let last = self.pods.get_mut(uid).and_then(|reads| reads.last.replace(now));
        last.map_or(IDLE_INTERVAL, |last| (now - last).clamp(0, IDLE_INTERVAL)) + OVERLAP
    }
}

impl PodReads {
    fn is_readable(&self, now: i64) -> bool {
        self.retry.is_none_or(|retry| retry <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    /// The seconds at which pods are read, of a thousand.
    fn reads(schedule: &mut LogSchedule, pods: &[(&str, Option<Timestamp>)], suspected: bool) -> Vec<i64> {
        let mut seconds = Vec::new();
        for second in (10_000..11_000).step_by(10) {
            let due = schedule.due(pods, suspected, at(second));
            seconds.extend(due.iter().map(|_| second - 10_000));
        }
        seconds
    }

    #[test]
    fn a_new_member_is_read_often_and_then_rarely() {
        let pods = [("a", Some(at(9_990)))];
        let seconds = reads(&mut LogSchedule::default(), &pods, false);
        assert_eq!(seconds, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 400, 700]);
    }

    #[test]
    fn old_members_are_read_in_turn_unless_something_is_suspected() {
        let pods = [("a", Some(at(0))), ("b", Some(at(0)))];
        let mut schedule = LogSchedule::default();
        let uids: Vec<&str> = (0..4)
            .flat_map(|i| schedule.due(&pods, false, at(10_000 + i * IDLE_INTERVAL)))
            .map(|(uid, _)| uid)
            .collect();
        assert_eq!(uids, ["a", "b", "a", "b"]);
        assert_eq!(reads(&mut LogSchedule::default(), &pods[..1], true)[..4], [0, 30, 60, 90]);
        assert_eq!(schedule.next(false, at(12_000)), SUSPECT_INTERVAL);
        assert_eq!(schedule.next(true, at(12_000)), NEW_INTERVAL);
    }

    #[test]
    fn a_member_that_starts_later_is_new_whenever_it_was_created() {
        let mut schedule = LogSchedule::default();
        schedule.due(&[("a", Some(at(0)))], false, at(10_000));
        // Its packages took long to install.
        let pods = [("a", Some(at(0))), ("b", Some(at(5_000)))];
        assert_eq!(schedule.due(&pods, false, at(10_010)), [("b", IDLE_INTERVAL + OVERLAP)]);
        assert_eq!(schedule.due(&pods, false, at(10_020)), [("b", 10 + OVERLAP)]);
    }

    #[test]
    fn a_log_that_cannot_be_read_is_left_alone_for_a_while() {
        let pods = [("a", Some(at(9_990)))];
        let mut schedule = LogSchedule::default();
        assert_eq!(schedule.due(&pods, true, at(10_000)).len(), 1);
        schedule.failed("a", at(10_000));
        assert_eq!(schedule.due(&pods, true, at(10_050)), []);
        assert_eq!(schedule.due(&pods, true, at(10_060)), [("a", 60 + OVERLAP)]);
    }

    #[test]
    fn many_members_are_read_a_few_at_a_time() {
        let names: Vec<String> = (0..20).map(|i| format!("pod-{i:02}")).collect();
        let pods: Vec<_> = names.iter().map(|name| (name.as_str(), Some(at(10_000)))).collect();
        let mut schedule = LogSchedule::default();
        let first = schedule.due(&pods, false, at(10_000));
        let second = schedule.due(&pods, false, at(10_001));
        assert_eq!((first.len(), second.len()), (MOST_READS, MOST_READS));
        assert!(first.iter().all(|read| !second.contains(read)));
    }
}
