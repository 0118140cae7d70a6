//! Detection of topics that no member is assigned, from the members' own answers. Pure.
//!
//! A member that starts before its topics exist is assigned none of their partitions and looks healthy
//! until a rebalance.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::Instant;

use super::client::Answer;
use crate::{
    api::{InputTopic, KasprApp},
    naming,
    resources::AppComponents,
};

/// Consecutive polls in which a topic must be missing: members learn of their partitions a moment after
/// a rebalance.
const CONSECUTIVE_POLLS: u32 = 3;

/// Delay after the first rebalance that did not help; it doubles.
const FIRST_DELAY: Duration = Duration::from_secs(300);

/// The longest delay: a rebalance can repeat messages, and one that never helps needs a person.
const MAX_DELAY: Duration = Duration::from_secs(6 * 3600);

/// Returns the topics that some member must be assigned: those that agents read by name, and the
/// changelogs of tables.
pub(crate) fn expected_topics(app: &KasprApp, components: &AppComponents) -> BTreeSet<String> {
    let topics = components.agents.iter().filter_map(|agent| agent.spec.input.topic.as_ref());
    let agents = topics.flat_map(InputTopic::names).map(str::to_owned);
    let identity = naming::app(&app.name_any());
    let changelogs =
        components.tables.iter().map(|table| format!("{identity}-{}-changelog", table.name_any()));
    agents.chain(changelogs).collect()
}

/// Returns the expected topics that no member is assigned; none if a member does not report its assignment.
pub(crate) fn unassigned(expected: &BTreeSet<String>, answers: &[&Answer]) -> Vec<String> {
    let reported: Option<Vec<_>> = answers.iter().map(|answer| answer.assignment.as_ref()).collect();
    let Some(assignments) = reported else { return Vec::new() };
    let is_assigned = |topic: &String| {
        assignments.iter().any(|assignment| {
            let of = [&assignment.actives, &assignment.standbys];
            of.iter().any(|topics| topics.get(topic).is_some_and(|partitions| !partitions.is_empty()))
        })
    };
    expected.iter().filter(|topic| !is_assigned(topic)).cloned().collect()
}

/// Returns the topics that exist as far as the members know: those that they are assigned, and the changelogs that they
/// hold.
pub(crate) fn known_topics(answers: &[&Answer]) -> BTreeSet<String> {
    let assigned = answers.iter().filter_map(|answer| answer.assignment.as_ref());
    let assigned =
        assigned.flat_map(|assignment| assignment.actives.keys().chain(assignment.standbys.keys()));
    let held = answers.iter().flat_map(|answer| answer.table_metadata.values().flat_map(BTreeMap::keys));
    assigned.chain(held).cloned().collect()
}

/// The topics that no member is assigned, and when a rebalance may fix that.
#[derive(Debug, Default)]
pub(crate) struct UnassignedTopics {
    /// Consecutive polls.
    polls: u32,
    /// Whether the topics were missing for long enough once.
    confirmed: bool,
    missing: Vec<String>,
    attempts: u32,
    next: Option<Instant>,
    /// UIDs of the pods at the last poll.
    pods: BTreeSet<String>,
    /// Topics that members knew at some time.
    known: BTreeSet<String>,
}

impl UnassignedTopics {
    /// Records what was missing in a poll that all members answered and in which none was busy. Returns
    /// the topics that have been missing for long enough to report; they remain until they are assigned.
    pub(crate) fn observe(&mut self, missing: Vec<String>) -> Vec<String> {
        let (pods, known) = (std::mem::take(&mut self.pods), std::mem::take(&mut self.known));
        if missing.is_empty() {
            *self = Self { pods, known, ..Self::default() };
            return Vec::new();
        }
        if missing != self.missing {
            // Other topics start over.
            *self = Self { missing, ..Self::default() };
        }
        (self.pods, self.known) = (pods, known);
        self.polls = self.polls.saturating_add(1);
        self.confirmed |= self.polls >= CONSECUTIVE_POLLS;
        if self.confirmed { self.missing.clone() } else { Vec::new() }
    }

    /// Records which pods run and which topics the members know. A new pod has fresh metadata, and a topic that appears
    /// was created meanwhile: the next rebalance may help at once.
    pub(crate) fn learn(&mut self, pods: BTreeSet<String>, known: BTreeSet<String>) {
        let has_new_pod = !self.pods.is_empty() && !pods.is_subset(&self.pods);
        let has_new_topic =
            self.missing.iter().any(|topic| known.contains(topic) && !self.known.contains(topic));
        if has_new_pod || has_new_topic {
            (self.next, self.attempts) = (None, 0);
        }
        self.pods = pods;
        self.known.extend(known);
    }

    /// Returns the missing topics that exist as far as members knew at some time.
    pub(crate) fn existing(&self) -> Vec<String> {
        self.missing.iter().filter(|topic| self.known.contains(*topic)).cloned().collect()
    }

    /// Returns how long until the next rebalance is requested; `None` before the first one.
    pub(crate) fn next_attempt(&self, now: Instant) -> Option<Duration> {
        self.next.map(|next| next.saturating_duration_since(now))
    }

    /// Records a poll with busy or silent members: only consecutive polls count.
    pub(crate) fn interrupt(&mut self) {
        self.polls = 0;
    }

    /// Returns whether the next poll may confirm a missing topic.
    pub(crate) fn is_suspicious(&self) -> bool {
        !self.missing.is_empty() && self.polls < CONSECUTIVE_POLLS
    }

    /// Returns whether a rebalance should be requested now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.polls >= CONSECUTIVE_POLLS && self.next.is_none_or(|next| next <= now)
    }

    /// Records a rebalance. Where no topic is missing it had another reason.
    pub(crate) fn rebalance_attempted(&mut self, now: Instant) {
        if self.missing.is_empty() {
            return;
        }
        let delay = FIRST_DELAY.saturating_mul(1 << self.attempts.min(16)).min(MAX_DELAY);
        self.attempts = self.attempts.saturating_add(1);
        self.next = Some(now + delay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = include_str!("../../../tests/golden/members/member-status.json");

    #[test]
    fn the_answer_of_a_real_member_is_parsed() {
        let answer: Answer = serde_json::from_str(REAL).expect("an answer");
        assert!(answer.leader && !answer.rebalancing && !answer.recovering);
        let expected = ["views", "views-app-counts-changelog", "orders"].map(str::to_owned).into();
        assert_eq!(unassigned(&expected, &[&answer]), ["orders"]);
    }

    #[test]
    fn a_rebalance_is_requested_once_and_then_with_growing_delays() {
        let mut topics = UnassignedTopics::default();
        let mut now = Instant::now();
        let missing = || vec!["orders".to_owned()];
        let mut tried = Vec::new();
        for second in 0..4000_u64 {
            now += Duration::from_secs(1);
            topics.observe(missing());
            if topics.is_due(now) {
                topics.rebalance_attempted(now);
                tried.push(second);
            }
        }
        assert_eq!(tried, [2, 302, 902, 2102]);
        topics.observe(Vec::new());
        assert!(!topics.is_due(now));
        assert_eq!(topics.observe(missing()), Vec::<String>::new());
        topics.interrupt();
        assert_eq!(topics.observe(missing()), Vec::<String>::new());
    }

    #[test]
    fn a_new_pod_or_topic_brings_the_next_rebalance_forward() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let now = Instant::now();
        let attempted = || {
            let mut topics = UnassignedTopics::default();
            topics.learn(names(&["pod"]), names(&["other"]));
            for _ in 0..3 {
                topics.observe(vec!["orders".to_owned()]);
            }
            assert!(topics.is_due(now));
            topics.rebalance_attempted(now);
            assert!(!topics.is_due(now));
            assert_eq!((topics.existing(), topics.next_attempt(now)), (Vec::new(), Some(FIRST_DELAY)));
            topics
        };
        for (pods, known, is_due) in [
            (&["pod"][..], &["other"][..], false),
            (&["pod", "new"], &["other"], true),
            (&["pod"], &["other", "orders"], true),
        ] {
            let mut topics = attempted();
            topics.learn(names(pods), names(known));
            assert_eq!(topics.is_due(now), is_due, "{pods:?} {known:?}");
        }
    }
}
