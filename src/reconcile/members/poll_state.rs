//! What a poll of an app's members starts from, what it finds, and what is remembered until the next one.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    answering::Answering,
    assignment::UnassignedTopics,
    client::Answer,
    hung::{HungMember, Strikes},
    snapshot::PolledMember,
};
use crate::{
    api::{AppStatus, ConditionStatus, KasprApp, annotations::PAUSE},
    naming,
    reconcile::{
        cache::index::ObjectKey, conditions, context::Context, fetch, rollout_status::RolloutStatus,
    },
    resources::{self, OwnedKind},
};

/// The delay while something changes; it doubles while members do not answer.
const BUSY_DELAY: Duration = Duration::from_secs(5);

/// The longest delay while members do not answer.
pub(crate) const MAX_SILENT_DELAY: Duration = Duration::from_secs(60);

/// How many polls of silent members follow each other without a growing delay: a member answers some 15 seconds after
/// its container starts, and later if it imports much.
const PATIENT_POLLS: u32 = 12;

/// The delay while nothing changes: no event reports a member that begins to hang.
pub(crate) const IDLE_DELAY: Duration = Duration::from_secs(30);

/// The delay after a request for a rebalance, until it begins: a rebalance may take a few seconds only.
const AWAIT_DELAY: Duration = Duration::from_secs(1);

/// How long the begin of a rebalance is awaited.
const AWAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The minimum time between two polls that count as evidence: events can cause many polls at once.
const EVIDENCE_INTERVAL: Duration = Duration::from_secs(4);

/// What is remembered between two polls of an app.
#[derive(Default)]
pub(crate) struct PollState {
    pub strikes: Strikes,
    pub hung: Vec<HungMember>,
    pub unassigned: UnassignedTopics,
    pub answering: Answering,
    /// When a poll last counted as evidence.
    last_evidence: Option<Instant>,
    /// Consecutive polls in which a member did not answer.
    silent_polls: u32,
    /// UIDs, restarts and readiness of the pods at the last poll.
    pods: Vec<(String, i32, bool)>,
    /// The value of the annotation that requests a rebalance, once it was handled.
    pub handled_request: Option<String>,
    /// When the leader accepted a request whose rebalance was not seen yet.
    awaited_since: Option<Instant>,
    /// The earliest next attempt after a rebalance that could not be requested.
    pub rebalance_retry: Option<Instant>,
}

/// What the caches contain about an app.
pub(crate) struct AppState {
    pub status: AppStatus,
    pub rollout: RolloutStatus,
    /// Nothing is in progress: objects are as desired and all wanted members run.
    pub settled: bool,
    pub paused: bool,
}

impl AppState {
    /// Reads the caches.
    pub(crate) fn read(ctx: &Context, key: &ObjectKey, app: &KasprApp) -> Self {
        let status = app.status.clone().unwrap_or_default();
        let rollout = RolloutStatus::from_stateful_set(fetch::cached_stateful_set(ctx, key).as_ref());
        let progressing = status.conditions.iter().flatten().find(|c| c.r#type == conditions::PROGRESSING);
        let complete = progressing.is_some_and(|condition| {
            condition.status == ConditionStatus::False
                && [conditions::RECONCILE_COMPLETE, conditions::ROLLED_BACK]
                    .contains(&condition.reason.as_str())
                && Some(condition.observed_generation) == app.metadata.generation
        });
        let set = naming::app(&key.name);
        let seen = ctx.applied.is_seen(OwnedKind::StatefulSet, &key.namespace, &set);
        let paused = resources::is_annotated(app, PAUSE);
        Self { status, rollout, settled: complete && seen && rollout.is_complete() && !paused, paused }
    }
}

/// The result of a poll.
pub(crate) struct Poll {
    /// The members, with what they answered.
    pub members: Vec<PolledMember>,
    /// Whether every wanted member answered.
    pub complete: bool,
    /// Whether a member is rebalancing or recovering.
    pub busy: bool,
    /// Whether the poll counts as evidence.
    pub evidence: bool,
}

impl Poll {
    /// Classifies the answers; `wanted` is the number of members that should run.
    pub(crate) fn new(members: Vec<PolledMember>, wanted: i64, state: &mut PollState) -> Self {
        let answers: Vec<&Answer> = members.iter().filter_map(|member| member.answer.as_ref()).collect();
        let complete =
            !members.is_empty() && answers.len() == members.len() && members.len() as i64 == wanted;
        let busy = answers.iter().any(|answer| answer.rebalancing || answer.recovering);
        let evidence = state.last_evidence.is_none_or(|last| last.elapsed() >= EVIDENCE_INTERVAL);
        if evidence {
            state.last_evidence = Some(Instant::now());
        }
        Self { members, complete, busy, evidence }
    }

    /// Returns the answers.
    pub(crate) fn answers(&self) -> Vec<&Answer> {
        self.members.iter().filter_map(|member| member.answer.as_ref()).collect()
    }
}

impl PollState {
    /// The leader accepted a request for a rebalance.
    pub(crate) fn await_rebalance(&mut self) {
        self.awaited_since = Some(Instant::now());
    }

    /// Returns the delay until the next poll.
    pub(crate) fn next_delay(&mut self, poll: &Poll, changing: bool) -> Duration {
        let pods = poll.members.iter().map(|PolledMember { pod, .. }| {
            let is_addressed = pod.address.is_some();
            (pod.uid.clone(), pod.restarts, pod.ready && is_addressed)
        });
        let pods: Vec<_> = pods.collect();
        if pods != self.pods {
            // A member that started now may answer soon, however long it was silent before.
            (self.pods, self.silent_polls) = (pods, 0);
        }
        if poll.members.is_empty() {
            return MAX_SILENT_DELAY;
        }
        if !poll.complete {
            self.silent_polls = self.silent_polls.saturating_add(1);
            let factor = 1 << self.silent_polls.saturating_sub(PATIENT_POLLS).min(8);
            return BUSY_DELAY.saturating_mul(factor).min(MAX_SILENT_DELAY);
        }
        self.silent_polls = 0;
        self.awaited_since = self.awaited_since.filter(|since| !poll.busy && since.elapsed() < AWAIT_TIMEOUT);
        if self.awaited_since.is_some() {
            return AWAIT_DELAY;
        }
        if changing { BUSY_DELAY } else { IDLE_DELAY }
    }
}
