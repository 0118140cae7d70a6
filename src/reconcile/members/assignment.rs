//! Topics that no member works on, found from the members' own answers. Pure.
//!
//! A member that starts while its topics are new is assigned none of them and stays so, healthy to
//! look at, until a rebalance.

use std::{collections::BTreeSet, time::Duration};

use kube::ResourceExt;
use tokio::time::Instant;

use super::client::Answer;
use crate::{
    api::KasprApp,
    build::{Linked, names},
};

/// Rounds in a row in which a topic must be missing: members learn of their partitions a moment
/// after a rebalance.
const ROUNDS: u32 = 3;

/// The pause after the first rebalance that did not help; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(300);

/// The longest pause: a rebalance can repeat messages, and one that never helps is for people.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// The topics that some member must hold: what agents read by name, and the tables' changelogs.
pub fn expected(app: &KasprApp, linked: &Linked) -> BTreeSet<String> {
    let agents = linked.agents.iter().filter_map(|agent| agent.spec.input.topic.as_ref()?.name.clone());
    let identity = names::app(&app.name_any());
    let changelogs = linked.tables.iter().map(|table| format!("{identity}-{}-changelog", table.spec.name));
    agents.chain(changelogs).collect()
}

/// Those that no member holds.
pub fn unassigned(expected: &BTreeSet<String>, answers: &[&Answer]) -> Vec<String> {
    let held = |topic: &String| {
        answers.iter().any(|answer| {
            let of = [&answer.assignment.actives, &answer.assignment.standbys];
            of.iter().any(|topics| topics.get(topic).is_some_and(|partitions| !partitions.is_empty()))
        })
    };
    expected.iter().filter(|topic| !held(topic)).cloned().collect()
}

/// When a rebalance is worth a try.
#[derive(Debug, Default)]
pub struct Cure {
    /// Rounds in a row.
    seen: u32,
    /// Whether the topics were missing for long enough once.
    confirmed: bool,
    missing: Vec<String>,
    tries: u32,
    next: Option<Instant>,
}

impl Cure {
    /// What was missing in a round in which all members answered and none was busy. Gives the topics
    /// that are missing for long enough to say so, which stay said until they are held.
    pub fn saw(&mut self, missing: Vec<String>) -> Vec<String> {
        if missing.is_empty() {
            *self = Self::default();
            return Vec::new();
        }
        if missing != self.missing {
            // Other topics are another matter.
            *self = Self { missing, ..Self::default() };
        }
        self.seen = self.seen.saturating_add(1);
        self.confirmed |= self.seen >= ROUNDS;
        if self.confirmed { self.missing.clone() } else { Vec::new() }
    }

    /// Members were busy, or not all of them answered: rounds count in a row only.
    pub fn saw_nothing(&mut self) {
        self.seen = 0;
    }

    /// Whether the next look may tell of a missing topic.
    pub fn is_suspicious(&self) -> bool {
        !self.missing.is_empty() && self.seen < ROUNDS
    }

    /// Whether a rebalance is to be asked for now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.seen >= ROUNDS && self.next.is_none_or(|next| next <= now)
    }

    /// A rebalance was asked for. One for another reason is no try where nothing is missing.
    pub fn tried(&mut self, now: Instant) {
        if self.missing.is_empty() {
            return;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.tries.min(16)).min(LONGEST_PAUSE);
        self.tries = self.tries.saturating_add(1);
        self.next = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = include_str!("../../../tests/recorded/members/member-status.json");

    #[test]
    fn a_real_members_answer_is_read() {
        let answer: Answer = serde_json::from_str(REAL).expect("an answer");
        assert!(answer.leader && !answer.rebalancing && !answer.recovering);
        let expected = ["views", "views-app-counts-changelog", "orders"].map(str::to_owned).into();
        assert_eq!(unassigned(&expected, &[&answer]), ["orders"]);
    }

    #[test]
    fn a_rebalance_is_tried_once_and_then_ever_more_rarely() {
        let mut cure = Cure::default();
        let mut now = Instant::now();
        let missing = || vec!["orders".to_owned()];
        let mut tried = Vec::new();
        for second in 0..4000_u64 {
            now += Duration::from_secs(1);
            cure.saw(missing());
            if cure.is_due(now) {
                cure.tried(now);
                tried.push(second);
            }
        }
        assert_eq!(tried, [2, 302, 902, 2102]);
        cure.saw(Vec::new());
        assert!(!cure.is_due(now));
        assert_eq!(cure.saw(missing()), Vec::<String>::new());
        cure.saw_nothing();
        assert_eq!(cure.saw(missing()), Vec::<String>::new());
    }
}
