//! Plans the next step of a change of the pods: edits the desired StatefulSet before it is applied.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;

use super::{
    changes::{TemplateChanges, reads_snapshots_only},
    decide::{Decision, FailedChange, View, decide},
    members::{MemberView, views},
    outcome::{RolloutOutcome, RolloutResult},
    policy, revisions,
    state::{HeldChange, HeldComponent, RolloutState},
    write::replicas,
};
use crate::{
    api::{
        KasprApp, RolloutFailure,
        annotations::{INPUT_HASH, ROLL, TEMPLATE_HASH, UNDO},
    },
    naming,
    reconcile::{
        ReconcileError,
        cache::index::ObjectKey,
        context::Context,
        events, fetch,
        members::crashes::blame::{ComponentCode, blame},
        problem::CauseKind,
    },
    resources::{self, AppComponents, OwnedKind, OwnedObject},
};

/// How a change of the pods is doing, for the status.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::reconcile) enum RolloutPhase {
    /// Nothing changes.
    #[default]
    Settled,
    /// The last member is changed first.
    OneFirst,
    /// All members are changed.
    Updating,
    /// The change has failed and stays where it is; the text says why, and why the pods do not return.
    Held(String),
    /// The pods return, or returned, to an earlier revision.
    Returned(HeldChange),
}

/// The next step of a change.
#[derive(Debug, Default)]
pub(in crate::reconcile) struct RolloutStep {
    /// How the change is doing.
    pub phase: RolloutPhase,
    /// When to look again.
    pub look_again: Option<Duration>,
    /// The state after the step.
    pub state: RolloutState,
    /// The template to return to. The caller builds the objects again with the holds of `state` and calls
    /// [`super::write::write_return`].
    pub return_to: Option<Value>,
    /// How the change ended, if it did.
    pub outcome: Option<RolloutOutcome>,
}

/// What the step depends on.
pub(in crate::reconcile) struct Inputs<'a> {
    /// The app as the user wrote it.
    pub app: &'a KasprApp,
    /// The live StatefulSet.
    pub live: Option<&'a DynamicObject>,
    /// Whether the live pod template is kept, though this operator version builds another one.
    pub keeps_template: bool,
    /// The components that are withheld now.
    pub held: Vec<HeldComponent>,
    /// The components that the members of the newest revision run.
    pub components: &'a AppComponents,
}

/// Plans the next step.
///
/// # Errors
///
/// A revision could not be read.
pub(in crate::reconcile) async fn plan(
    ctx: &Context,
    key: &ObjectKey,
    inputs: Inputs<'_>,
    desired: &[OwnedObject],
) -> Result<RolloutStep, ReconcileError> {
    let set = desired.iter().find(|object| object.kind == OwnedKind::StatefulSet);
    let Some(set) = set else { return Ok(RolloutStep::default()) };
    let now = Timestamp::now();
    let Some(live) = inputs.live else {
        let state = RolloutState { since: Some(now.as_second()), ..RolloutState::default() };
        return Ok(RolloutStep { phase: RolloutPhase::Updating, state, ..RolloutStep::default() });
    };
    let mut state = RolloutState::of(Some(live));
    let rolls = resources::is_annotated(inputs.app, ROLL);
    let wanted = annotation(&set.value, INPUT_HASH);
    state.held = state.held.filter(|held| !rolls && (held.inputs == wanted || !inputs.held.is_empty()));
    if let Some(held) = &mut state.held {
        held.components = inputs.held;
    }
    let members = members(ctx, key, inputs.app, now);
    let replicas = replicas(live);
    let requested = inputs.app.annotations().get(UNDO).filter(|_| !rolls);
    if let Some(revision) = requested.filter(|revision| !state.has_returned_to(revision)) {
        let found = revisions::template(ctx, key, revision).await?;
        if let Some(template) = found {
            let cause = format!("return to revision {revision} requested");
            let held = HeldChange { cause, requested: true, ..held(live, revision, &wanted) };
            return Ok(returning(state, held, template, now));
        }
        let message = format!("Revision {revision}, to which {UNDO} requests a return, does not exist");
        events::warning(ctx, inputs.app, "RevisionNotFound", message).await;
    }
    if changes_template(set, live, inputs.keeps_template) {
        let all = i64::try_from(members.len()).is_ok_and(|count| count == replicas);
        state.begin(all && members.iter().all(|member| member.answers), replicas > 1, now.as_second());
        let phase = if state.one_first { RolloutPhase::OneFirst } else { RolloutPhase::Updating };
        return Ok(RolloutStep { phase, state, ..RolloutStep::default() });
    }
    let observed = live.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
    if observed.unwrap_or_default() < live.metadata.generation.unwrap_or_default() {
        let phase = phase(&state);
        return Ok(RolloutStep { phase, state, ..RolloutStep::default() });
    }
    // The owner wants the change on all members, whatever the first one did.
    state.one_first &= !rolls;
    let update_revision = status_text(live, "updateRevision");
    let timing = policy::timing(inputs.app);
    let view = View { replicas, update_revision, members: &members, now: now.as_second(), timing };
    let mut decision = decide(&state, &view);
    if let Decision::Failed(failure) = &mut decision
        && let Some(frame) = &failure.frame
        && let Some(place) = blame(frame, &ComponentCode::of_all(inputs.components), true)
    {
        failure.cause = format!("{} ({place})", failure.cause);
    }
    follow(ctx, key, inputs.app, live, state, (&view, decision), &wanted).await
}

/// Carries out a decision.
async fn follow(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    live: &DynamicObject,
    mut state: RolloutState,
    (view, decision): (&View<'_>, Decision),
    wanted: &str,
) -> Result<RolloutStep, ReconcileError> {
    let (mut look_again, mut outcome) = (None, None);
    match decision {
        Decision::Settled => (state.since, state.one_first) = (None, false),
        Decision::Wait(delay) => look_again = delay,
        Decision::Continue => {
            state.one_first = false;
            state.since = Some(view.now);
        }
        Decision::Succeeded => {
            outcome = RolloutOutcome::of_success(view.update_revision, &state);
            (state.since, state.one_first) = (None, false);
            state.good = Some(view.update_revision.to_owned());
        }
        Decision::Failed(failure) => {
            let ended = |result| Some(RolloutOutcome::new(result, view.update_revision, &state));
            let (returned, stays) = (ended(RolloutResult::Returned), ended(RolloutResult::Held));
            return match fail(ctx, key, app, live, &state, view, &failure).await? {
                Ok((template, changes)) => {
                    let good = state.good.clone().unwrap_or_default();
                    let changed = changes.list().join(", ");
                    let cause = format!("{}; changed: {changed}", failure.cause);
                    let components =
                        if changes.is_definitions_only() { changes.components } else { Vec::new() };
                    let held = HeldChange { cause, components, ..held(live, &good, wanted) };
                    let step = returning(state, held, template, Timestamp::now());
                    Ok(RolloutStep { outcome: returned, ..step })
                }
                Err(why) => {
                    let phase = RolloutPhase::Held(format!("{}; {why}", failure.cause));
                    Ok(RolloutStep { phase, state, outcome: stays, ..RolloutStep::default() })
                }
            };
        }
    }
    let phase = phase(&state);
    Ok(RolloutStep { phase, look_again, state, return_to: None, outcome })
}

/// Returns the template to return to and what the failed change changed, or why the pods do not return.
async fn fail(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    live: &DynamicObject,
    state: &RolloutState,
    view: &View<'_>,
    failure: &FailedChange,
) -> Result<Result<(Value, TemplateChanges), String>, ReconcileError> {
    let hold = |why: &str| Ok(Err(format!("the change is held: {why}")));
    let good = state.good.as_deref().unwrap_or_default();
    let others_work = view.members.iter().any(|member| member.revision == good && member.answers);
    if policy::on_failure(app, ctx.settings.rollout_on_failure) == RolloutFailure::Hold {
        return hold("onFailure is hold");
    }
    if failure.is_general {
        return hold("members of the last good revision do not work either");
    }
    if !state.worked_before && !others_work {
        return hold("the members did not work before the change either");
    }
    let Some(template) = revisions::template(ctx, key, good).await? else {
        return hold("the last good revision does not exist any more");
    };
    if !reads_snapshots_only(&template, &naming::config_map(&key.name)) {
        return hold(
            "the definitions of the last good revision were not kept by the operator version that created it",
        );
    }
    let changes = TemplateChanges::between(&template, &live.data["spec"]["template"]);
    let is_cause = match failure.kind {
        Some(CauseKind::ImagePull) => changes.has_image(),
        Some(CauseKind::Install) => changes.has_packages(),
        Some(CauseKind::Unschedulable) => changes.has_scheduling(),
        Some(CauseKind::NodeNotResponding) => false,
        // A quota or a policy refuses pods for what the template asks for, not for definitions.
        Some(CauseKind::NotCreated | CauseKind::PodSetup) => !changes.is_definitions_only(),
        _ => true,
    };
    if !is_cause {
        return hold("it changed nothing that the failure depends on");
    }
    Ok(Ok((template, changes)))
}

fn returning(mut state: RolloutState, held: HeldChange, template: Value, now: Timestamp) -> RolloutStep {
    state.one_first = false;
    state.since = Some(now.as_second());
    let phase = RolloutPhase::Returned(held.clone());
    state.held = Some(held);
    RolloutStep { phase, state, return_to: Some(template), ..RolloutStep::default() }
}

fn held(live: &DynamicObject, returned_to: &str, wanted: &str) -> HeldChange {
    HeldChange {
        revision: status_text(live, "updateRevision").to_owned(),
        returned_to: returned_to.to_owned(),
        inputs: wanted.to_owned(),
        ..HeldChange::default()
    }
}

fn phase(state: &RolloutState) -> RolloutPhase {
    match (&state.held, state.since) {
        (Some(held), _) => RolloutPhase::Returned(held.clone()),
        (None, Some(_)) if state.one_first => RolloutPhase::OneFirst,
        (None, Some(_)) => RolloutPhase::Updating,
        (None, None) => RolloutPhase::Settled,
    }
}

fn members(ctx: &Context, key: &ObjectKey, app: &KasprApp, now: Timestamp) -> Vec<MemberView> {
    let pods = fetch::member_pods(ctx, key);
    let status = app.status.clone().unwrap_or_default();
    let snapshot = fetch::polls_members(ctx, app).then(|| ctx.members.snapshot(key).or_known(&status, &pods));
    let mut members = views(&pods, snapshot.as_ref(), now);
    super::members::add_agent_crashes(&mut members, &ctx.members.agent_crashes(key), now.as_second());
    members
}

/// Returns whether applying the StatefulSet changes the pods.
fn changes_template(set: &OwnedObject, live: &DynamicObject, keeps_template: bool) -> bool {
    let running = live.annotations().get(TEMPLATE_HASH);
    !keeps_template && running.map(String::as_str) != Some(annotation(&set.value, TEMPLATE_HASH).as_str())
}

fn annotation(object: &Value, key: &str) -> String {
    object["metadata"]["annotations"][key].as_str().unwrap_or_default().to_owned()
}

fn status_text<'a>(live: &'a DynamicObject, field: &str) -> &'a str {
    live.data["status"][field].as_str().unwrap_or_default()
}
