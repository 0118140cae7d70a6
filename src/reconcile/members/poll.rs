//! One poll of an app's members, and the actions that follow from it.

use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{
    assignment::{self, UnassignedTopics},
    client::Answer,
    hung::{self, HungMember, Strikes},
    rebalance,
    snapshot::{self, MembersSnapshot, PolledMember},
    terminate,
};
use crate::{
    api::{
        AppStatus, ConditionStatus, KasprApp, Member,
        annotations::{HUNG_MEMBER_DETECTION, HUNG_THRESHOLD_SECONDS, PAUSE, REBALANCE},
    },
    defaults, naming,
    reconcile::{
        cache::index::ObjectKey, conditions, context::Context, fetch, rollout_status::RolloutStatus,
    },
    resources::{self, OwnedKind, environment},
};

/// How many members of an app are polled concurrently.
const CONCURRENCY: usize = 16;

/// The delay while something changes; it doubles while members do not answer.
const BUSY_DELAY: Duration = Duration::from_secs(5);

/// The longest delay while members do not answer.
pub const MAX_SILENT_DELAY: Duration = Duration::from_secs(60);

/// The delay while nothing changes: no event reports a member that begins to hang.
const IDLE_DELAY: Duration = Duration::from_secs(30);

/// The minimum time between two polls that count as evidence: events can cause many polls at once.
const EVIDENCE_INTERVAL: Duration = Duration::from_secs(4);

/// What is remembered between two polls of an app.
#[derive(Default)]
pub struct PollState {
    strikes: Strikes,
    hung: Vec<HungMember>,
    pub(super) unassigned: UnassignedTopics,
    /// When a poll last counted as evidence.
    last_evidence: Option<Instant>,
    /// Consecutive polls in which a member did not answer.
    silent_polls: u32,
    /// The earliest next attempt after a rebalance that could not be requested.
    pub(super) rebalance_retry: Option<Instant>,
}

/// What the caches tell about an app.
pub struct AppState {
    pub status: AppStatus,
    rollout: RolloutStatus,
    /// Nothing is in progress: objects are as desired and all wanted members run.
    pub settled: bool,
    pub paused: bool,
}

impl AppState {
    fn read(ctx: &Context, key: &ObjectKey, app: &KasprApp) -> Self {
        let status = app.status.clone().unwrap_or_default();
        let rollout = RolloutStatus::from_stateful_set(fetch::cached_stateful_set(ctx, key).as_ref());
        let progressing = status.conditions.iter().flatten().find(|c| c.r#type == conditions::PROGRESSING);
        let complete = progressing.is_some_and(|condition| {
            condition.status == ConditionStatus::False
                && condition.reason == conditions::RECONCILE_COMPLETE
                && Some(condition.observed_generation) == app.metadata.generation
        });
        let set = naming::app(&key.name);
        let seen = ctx.applied.is_seen(OwnedKind::StatefulSet, &key.namespace, &set);
        let paused = resources::is_annotated(app, PAUSE);
        Self { status, rollout, settled: complete && seen && rollout.is_complete() && !paused, paused }
    }
}

/// The result of a poll.
pub struct Poll {
    /// The members, with what they answered.
    pub members: Vec<PolledMember>,
    /// Whether every wanted member answered.
    pub complete: bool,
    /// Whether a member is rebalancing or recovering.
    pub busy: bool,
    /// Whether the poll counts as evidence.
    evidence: bool,
}

impl Poll {
    fn new(members: Vec<PolledMember>, wanted: i64, state: &mut PollState) -> Self {
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

    fn answers(&self) -> Vec<&Answer> {
        self.members.iter().filter_map(|member| member.answer.as_ref()).collect()
    }
}

/// Polls the members once and acts on the result. Returns the delay until the next poll.
pub async fn poll(ctx: &Context, key: &ObjectKey, app: &KasprApp, state: &mut PollState) -> Duration {
    let app_state = AppState::read(ctx, key, app);
    let manual = resources::is_annotated(app, REBALANCE) && !app_state.paused;
    if !ctx.settings.members.client_status_check && !manual {
        return IDLE_DELAY;
    }
    let poll = Poll::new(ask_members(ctx, key, app).await, app_state.rollout.replicas, state);
    let before = ctx.members.snapshot(key);
    let members = update_members(ctx, key, &app_state, &before, &poll.members);
    let unassigned = unassigned_topics(ctx, key, app, &app_state, &poll, &before, state);
    if poll.evidence {
        detect_hung(ctx, key, app, app_state.settled, &members, &poll.members, state);
    }
    // Without termination, hung members show in metrics only.
    let hung = if terminates_hung(ctx, app) { state.hung.clone() } else { Vec::new() };
    let next = MembersSnapshot {
        members: ctx.settings.members.client_status_check.then_some(members),
        unassigned,
        hung: hung.iter().map(|hung| hung.id).collect(),
    };
    let changed = next != before;
    ctx.members.set_snapshot(key, next.clone());
    let requested = rebalance::request_if_needed(ctx, key, app, &app_state, &poll, manual, state).await;
    for hung in hung::members_to_terminate(&hung).iter().filter(|_| poll.evidence) {
        terminate::terminate_hung_member(ctx, key, app, hung).await;
    }
    if changed || requested {
        ctx.queues.send([key.clone()]);
    }
    let changing = poll.busy
        || state.unassigned.is_suspicious()
        || app_state.status.rebalance_required == Some(true)
        || !app_state.settled
        || !hung.is_empty()
        || !next.unassigned.is_empty();
    state.next_delay(&poll, changing)
}

impl PollState {
    fn next_delay(&mut self, poll: &Poll, changing: bool) -> Duration {
        if poll.members.is_empty() {
            return MAX_SILENT_DELAY;
        }
        if !poll.complete {
            self.silent_polls = self.silent_polls.saturating_add(1);
            let factor = 1 << (self.silent_polls - 1).min(8);
            return BUSY_DELAY.saturating_mul(factor).min(MAX_SILENT_DELAY);
        }
        self.silent_polls = 0;
        if changing { BUSY_DELAY } else { IDLE_DELAY }
    }
}

/// Asks each member that has an address for its status.
async fn ask_members(ctx: &Context, key: &ObjectKey, app: &KasprApp) -> Vec<PolledMember> {
    let path = &environment::status_path(app);
    let requests = fetch::member_pods(ctx, key).into_iter().map(|pod| async move {
        let answer = match &pod.address {
            Some(address) => ctx.member_client.status(address, path).await,
            None => return PolledMember { pod, answer: None },
        };
        if let Err(error) = &answer {
            tracing::debug!(namespace = key.namespace, pod = pod.name, %error, "a member did not answer");
        }
        PolledMember { pod, answer: answer.ok() }
    });
    stream::iter(requests.collect::<Vec<_>>()).buffered(CONCURRENCY).collect().await
}

/// Computes the members for the status and counts their transitions.
fn update_members(
    ctx: &Context,
    key: &ObjectKey,
    app_state: &AppState,
    before: &MembersSnapshot,
    polled: &[PolledMember],
) -> Vec<Member> {
    let known = before.members.as_deref().or(app_state.status.members.as_deref()).unwrap_or_default();
    let (members, transitions) = snapshot::update(known, polled, Timestamp::now());
    for (member, from, to) in transitions {
        ctx.metrics.member_transition(&key.name, &key.namespace, member, from, to);
    }
    members
}

/// Returns the topics that no member is assigned. Without new evidence they remain as before.
fn unassigned_topics(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    app_state: &AppState,
    poll: &Poll,
    before: &MembersSnapshot,
    state: &mut PollState,
) -> Vec<String> {
    if !poll.evidence {
        return before.unassigned.clone();
    }
    if app_state.settled
        && poll.complete
        && !poll.busy
        && let Ok(app) = defaults::with_defaults(app)
    {
        let components = fetch::quarantined_components(ctx, key, &app).components;
        let expected = assignment::expected_topics(&app, &components);
        return state.unassigned.observe(assignment::unassigned(&expected, &poll.answers()));
    }
    state.unassigned.interrupt();
    before.unassigned.clone()
}

/// Returns whether hung members are terminated; they are counted in any case.
fn terminates_hung(ctx: &Context, app: &KasprApp) -> bool {
    let annotated = resources::annotation_flag(app, HUNG_MEMBER_DETECTION);
    annotated.unwrap_or(ctx.settings.members.hung_member_detection)
}

/// Counts the members that hang, while nothing else explains it.
fn detect_hung(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    settled: bool,
    members: &[Member],
    polled: &[PolledMember],
    state: &mut PollState,
) {
    let threshold = app.annotations().get(HUNG_THRESHOLD_SECONDS).and_then(|text| text.trim().parse().ok());
    let threshold = threshold.unwrap_or(ctx.settings.members.hung_rebalancing_threshold_seconds);
    let hung = if settled {
        let answered =
            |id: i32| polled.iter().any(|member| member.pod.ordinal == id && member.answer.is_some());
        state.strikes.check(members, answered, threshold, Timestamp::now())
    } else {
        state.strikes.clear();
        Vec::new()
    };
    let terminates = terminates_hung(ctx, app);
    let (app, namespace) = (key.name.as_str(), key.namespace.as_str());
    for HungMember { id, strikes, seconds, .. } in &hung {
        ctx.metrics.hung_member(app, namespace, *id, *strikes, *seconds);
        if terminates {
            tracing::warn!(app, namespace, member = id, strikes, seconds, "a member is stuck in a rebalance");
        }
    }
    for recovered in state.hung.iter().filter(|was| hung.iter().all(|hung| hung.id != was.id)) {
        ctx.metrics.hung_member(app, namespace, recovered.id, 0, 0);
    }
    state.hung = hung;
}
