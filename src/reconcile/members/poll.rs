//! One poll of an app's members, and the actions that follow from it.

use std::time::Duration;

use super::{
    assignment,
    hung::{self, HungMember},
    poll_state::{AppState, IDLE_DELAY, Poll, PollState},
    rebalance, rebalance_request,
    snapshot::{self, MembersSnapshot, PolledMember},
    terminate,
};
use crate::{
    api::{
        KasprApp, Member,
        annotations::{HUNG_MEMBER_DETECTION, HUNG_THRESHOLD_SECONDS},
        python_values,
    },
    defaults,
    reconcile::{cache::index::ObjectKey, context::Context, fetch},
    resources::{self, environment},
};
use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

/// Two estimates of one moment differ by no more.
const SAME_MOMENT_SECONDS: i64 = 5;

/// How many members of an app are polled concurrently.
const CONCURRENCY: usize = 16;

/// Polls the members once and acts on the result. Returns the delay until the next poll.
pub(crate) async fn poll(ctx: &Context, key: &ObjectKey, app: &KasprApp, state: &mut PollState) -> Duration {
    let app_state = AppState::read(ctx, key, app);
    let manual = rebalance_request::pending(ctx, key, app, &app_state, state).await;
    if !ctx.settings.members.client_status_check && manual.is_none() {
        return IDLE_DELAY;
    }
    let poll = Poll::new(ask_members(ctx, key, app).await, app_state.rollout.replicas, state);
    let before = ctx.members.snapshot(key);
    let known = before.members.as_deref().or(app_state.status.members.as_deref()).unwrap_or_default();
    let answering = state.answering.observe(&poll.members, known, poll.evidence);
    let members = update_members(ctx, key, known, &poll.members);
    let pods = poll.members.iter().map(|member| member.pod.uid.clone()).collect();
    state.unassigned.learn(pods, assignment::known_topics(&poll.answers()));
    let unassigned = unassigned_topics(ctx, key, app, &app_state, &poll, &before, state);
    if poll.evidence {
        detect_hung(ctx, key, app, app_state.settled, &members, &poll.members, state);
    }
    // Without termination, hung members show in metrics only.
    let hung = if terminates_hung(ctx, app) { state.hung.clone() } else { Vec::new() };
    let next = MembersSnapshot {
        members: ctx.settings.members.client_status_check.then_some(members),
        answering,
        existing: if unassigned.is_empty() { Vec::new() } else { state.unassigned.existing() },
        next_rebalance: next_rebalance(ctx, app, &unassigned, &before, state),
        unassigned,
        hung: hung.iter().map(|hung| hung.id).collect(),
    };
    let changed = next != before;
    ctx.members.set_snapshot(key, next.clone());
    let requested =
        rebalance::request_if_needed(ctx, key, app, &app_state, &poll, manual.as_deref(), state).await;
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
fn update_members(ctx: &Context, key: &ObjectKey, known: &[Member], polled: &[PolledMember]) -> Vec<Member> {
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

/// Returns when a rebalance for unassigned topics is requested next, to the second; `None` if none will be.
fn next_rebalance(
    ctx: &Context,
    app: &KasprApp,
    unassigned: &[String],
    before: &MembersSnapshot,
    state: &PollState,
) -> Option<Timestamp> {
    if unassigned.is_empty() || !rebalance::is_automatic(ctx, app) {
        return None;
    }
    let delay = state.unassigned.next_attempt(Instant::now())?;
    let next =
        Timestamp::from_second(Timestamp::now().as_second() + i64::try_from(delay.as_secs()).ok()?).ok()?;
    // The same moment, which is computed anew in each poll.
    let is_same = |known: &Timestamp| (known.as_second() - next.as_second()).abs() <= SAME_MOMENT_SECONDS;
    Some(before.next_rebalance.filter(is_same).unwrap_or(next))
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
    let threshold =
        app.annotations().get(HUNG_THRESHOLD_SECONDS).and_then(|text| python_values::whole_number(text));
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
