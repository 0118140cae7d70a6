//! The reconciler of KasprApp.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::DynamicObject,
    runtime::controller::Action,
};
use serde_json::json;

use super::{
    ReconcileError,
    app_report::{
        record_applied, record_cause, record_failed_install, record_refusals, record_rollout,
        record_unreadable_annotations, report_failure, report_invalid, report_paused, report_unreadable,
    },
    apply::{self, Applied},
    cache::{index::ObjectKey, store::Guarded},
    component::remember_refusal,
    conditions,
    context::Context,
    fetch, packages, plan, pod_events,
    quarantine::Quarantine,
    resize::{self, Resized},
    rollout::{
        engine::{self, Inputs, RolloutStep},
        garbage,
        write::{write_return, write_state},
    },
    rollout_status::RolloutStatus,
    status::{self, Observed},
    status_writer::write_status,
    takeover,
};
use crate::{
    api::{
        AppStatus, KasprApp,
        annotations::{PAUSE, ROLL, TEMPLATE_HASH, UNDO},
    },
    defaults, naming,
    resources::{self, AppComponents, BuildInputs, OwnedKind, OwnedObject, Running, labels},
    validate::Valid,
};

/// How long the cache may take to contain what was written.
const CACHE_DELAY: Duration = Duration::from_millis(200);

/// Brings an app's objects to the state that the app and its components ask for.
///
/// # Errors
///
/// Something could not be read or written; the reconcile is retried.
pub(super) async fn reconcile(
    app: Arc<Guarded<KasprApp>>,
    ctx: Arc<Context>,
) -> Result<Action, ReconcileError> {
    takeover::remove_kopf_marks::<KasprApp>(&ctx, &*app).await?;
    if app.meta().deletion_timestamp.is_some() {
        // Its objects are garbage-collected: the app owns them.
        return Ok(Action::await_change());
    }
    let given = match &app.0 {
        Ok(given) => given,
        Err(error) => return Ok(report_unreadable(&ctx, &app, error).await),
    };
    let key = ObjectKey::of(given);
    ctx.monitor_queue.send(key.clone());
    let given = &*ctx.assumed.newest(&key, given);
    if resources::is_annotated(given, PAUSE) {
        return report_paused(&ctx, &key, given).await;
    }
    let live = fetch::live_stateful_set(&ctx, &key, given).await?;
    let running = Running::from_stateful_set(live.as_ref());
    let app = match Valid::check_accepting(defaults::with_defaults(given)?, |error| running.accepts(error)) {
        Ok((app, _)) => app,
        Err(found) => {
            return report_invalid(&ctx, &key, given, conditions::invalid_spec_message(&found)).await;
        }
    };
    reconcile_valid(&ctx, &key, given, &app, (live.as_ref(), &running)).await
}

/// Brings the objects of a valid app to the desired state, and reports.
async fn reconcile_valid(
    ctx: &Context,
    key: &ObjectKey,
    given: &KasprApp,
    app: &Valid<KasprApp>,
    running: (Option<&DynamicObject>, &Running),
) -> Result<Action, ReconcileError> {
    let (quarantine, defined) = match define_components(ctx, key, app).await {
        Ok(defined) => defined,
        Err(error) => return report_failure(ctx, key, given, error).await,
    };
    // Components read the same StatefulSet. What this reconcile decides counts when the watch brings it.
    ctx.queues.send(ctx.withheld.update(key, &quarantine.withheld, running.0));
    let (desired, newer_template_waits) =
        desired_objects(ctx, key, given, app, &quarantine.components, running)?;
    if let Some(delay) = settling_delay(ctx, key, given, &desired, running.0) {
        record_applied(ctx, given, &defined).await;
        return Ok(Action::requeue(delay));
    }
    if !ctx.applied.is_seen(OwnedKind::StatefulSet, &key.namespace, &naming::app(&key.name)) {
        // The next step of a change follows from the last one, which the cache does not contain yet.
        return Ok(Action::requeue(CACHE_DELAY));
    }
    let planned = Planned { quarantine, desired, newer_template_waits };
    let (Planned { quarantine, desired, .. }, step) =
        roll_out(ctx, key, given, app, running, planned).await?;
    let Quarantine { components, withheld, .. } = quarantine;
    let Applied { changed, refused } =
        match apply_and_prune(ctx, key, app, &components, desired, running.0).await {
            Ok(applied) => applied,
            Err(error) => return report_failure(ctx, key, given, error).await,
        };
    record_applied(ctx, given, &[defined, changed].concat()).await;
    if refused.is_empty() {
        remove_requests(ctx, key, given).await?;
    }
    record_rollout(ctx, key, given, &step).await;
    let observed = observe(ctx, key, app).await;
    let observed = Observed { withheld, refused, newer_template_waits, phase: step.phase, ..observed };
    let next = status::app(app, &components, &observed, &ctx.settings.build, Timestamp::now());
    report(ctx, key, given, &observed, next).await?;
    // A second later, because the clock of the cluster may be behind.
    let of_step = step.look_again.map(|delay| delay + Duration::from_secs(1));
    let next_look = observed.pod_events.look_again.into_iter().chain(of_step).min();
    Ok(next_look.map_or_else(Action::await_change, Action::requeue))
}

/// What is to be applied.
struct Planned {
    quarantine: Quarantine,
    desired: Vec<OwnedObject>,
    newer_template_waits: bool,
}

/// Plans the next step of a change of the pods.
async fn roll_out(
    ctx: &Context,
    key: &ObjectKey,
    given: &KasprApp,
    app: &Valid<KasprApp>,
    running: (Option<&DynamicObject>, &Running),
    mut planned: Planned,
) -> Result<(Planned, RolloutStep), ReconcileError> {
    let held = std::mem::take(&mut planned.quarantine.held);
    let keeps_template = planned.newer_template_waits;
    let components = &planned.quarantine.components;
    let inputs = Inputs { app: given, live: running.0, keeps_template, held, components };
    let mut step = engine::plan(ctx, key, inputs, &planned.desired).await?;
    if let Some(template) = step.return_to.take() {
        // The components that are withheld now are built as they were before.
        fetch::hold_back(ctx, &step.state, &mut planned.quarantine);
        let components = &planned.quarantine.components;
        (planned.desired, _) = desired_objects(ctx, key, given, app, components, running)?;
        write_return(template, &mut planned.desired);
    }
    write_state(given, &step.state, &mut planned.desired, running.0)?;
    Ok((planned, step))
}

/// Writes the status and publishes events.
async fn report(
    ctx: &Context,
    key: &ObjectKey,
    given: &KasprApp,
    observed: &Observed,
    next: AppStatus,
) -> Result<(), ReconcileError> {
    record_failed_install(ctx, given, &next).await;
    record_cause(ctx, given, &next).await;
    record_unreadable_annotations(ctx, given).await;
    if let Err(error) = write_status(ctx, key, given, next).await {
        if observed.rebalance_requested {
            // Otherwise the next status would request the same rebalance again.
            ctx.members.set_rebalance_requested(key);
        }
        return Err(error);
    }
    record_refusals(ctx, key, given, &observed.refused).await
}

/// Applies the definitions of the components. Returns the components that the members run, without those whose
/// definition was refused, and what changed.
///
/// A pod that starts with an old definition would run it until its next restart, so definitions come before the
/// StatefulSet.
async fn define_components(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
) -> Result<(Quarantine, Vec<String>), ReconcileError> {
    let quarantine = fetch::quarantined_components(ctx, key, app);
    let definitions = plan::definitions(&quarantine.components)?;
    let Applied { changed, refused } = apply::apply(ctx, key, &definitions).await?;
    if refused.is_empty() {
        return Ok((quarantine, changed));
    }
    for refusal in refused {
        if let Some(component) = refusal.owner {
            remember_refusal(ctx, &component, &refusal.message);
            ctx.queues.send([component]);
        }
    }
    Ok((fetch::quarantined_components(ctx, key, app), changed))
}

/// Returns how long to wait for further changes before the pods get another template, unless the user requested it.
fn settling_delay(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    desired: &[OwnedObject],
    live: Option<&DynamicObject>,
) -> Option<Duration> {
    let set = desired.iter().find(|object| object.kind == OwnedKind::StatefulSet)?;
    let template = set.value["metadata"]["annotations"][TEMPLATE_HASH].as_str();
    let running = live.and_then(|live| live.annotations().get(TEMPLATE_HASH));
    let is_new = running.map(String::as_str) != template && !resources::is_annotated(app, ROLL);
    ctx.settling.delay(key, template.filter(|_| is_new), Instant::now())
}

/// Builds the desired objects. Returns them, and whether the pods keep an older template.
fn desired_objects(
    ctx: &Context,
    key: &ObjectKey,
    given: &KasprApp,
    app: &Valid<KasprApp>,
    components: &AppComponents,
    (live, running): (Option<&DynamicObject>, &Running),
) -> Result<(Vec<OwnedObject>, bool), ReconcileError> {
    let mut desired = resources::build(BuildInputs {
        app,
        user_spec: &defaults::without_defaults(given)?,
        components,
        running,
        settings: &ctx.settings.build,
    })?;
    let newer_template_waits = plan::keep_running_template(given, &mut desired, live)?;
    plan::keep_claim_sizes(&mut desired, |claim| ctx.caches.owned(claim.kind, &key.namespace, &claim.name));
    plan::keep_template_size(&mut desired, live, plan::shrinks);
    Ok((desired, newer_template_waits))
}

/// Collects what is known about an app's objects and members.
async fn observe(ctx: &Context, key: &ObjectKey, app: &Valid<KasprApp>) -> Observed {
    let owned = |kind, name: String| ctx.caches.owned(kind, &key.namespace, &name);
    let autoscaler = owned(OwnedKind::HorizontalPodAutoscaler, naming::autoscaler(&key.name));
    let set = fetch::cached_stateful_set(ctx, key);
    let running = Running::from_stateful_set(set.as_ref());
    let rollout = RolloutStatus::from_stateful_set(set.as_ref());
    let pods = fetch::member_pods(ctx, key);
    let observed = Observed {
        pod_events: pod_events::of_pods(ctx, key, rollout, &pods).await,
        rollout,
        keeps_claims: !running.claim_templates().is_empty() && !resources::is_persistent(app),
        accepted_errors: app.accepted().iter().map(ToString::to_string).collect(),
        running_image: running.image().map(str::to_owned),
        pods,
        members: fetch::polls_members(ctx, app).then(|| ctx.members.snapshot(key)),
        blocked_autoscaler: autoscaler.as_ref().and_then(status::autoscaler_blocker),
        packages_claim: owned(OwnedKind::PersistentVolumeClaim, naming::packages_claim(&key.name)),
        rebalance_requested: ctx.members.take_rebalance_requested(key),
        handled_rebalance_request: ctx.members.handled_request(key),
        ..Observed::default()
    };
    if let Some(packages) = &app.spec.python_packages {
        let custom_index = packages.index_url.is_some() || packages.extra_index_urls.is_some();
        ctx.metrics.package_settings(&key.name, &key.namespace, packages.credentials.is_some(), custom_index);
        packages::count_installs(&ctx.counted_installs, &ctx.metrics, key, &observed.pods);
    }
    observed
}

/// Applies the desired objects, then deletes those that are no longer desired.
async fn apply_and_prune(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    components: &AppComponents,
    mut desired: Vec<OwnedObject>,
    live: Option<&DynamicObject>,
) -> Result<Applied, ReconcileError> {
    let Resized { done: mut changed, refused } = reconcile_storage(ctx, key, app, &desired, live).await?;
    if refused.is_some() {
        plan::keep_template_size(&mut desired, live, |_, _| true);
    }
    let mut applied = apply::apply(ctx, key, &desired).await?;
    applied.refused.extend(refused);
    changed.append(&mut applied.changed);
    let owner = app.uid().unwrap_or_default();
    for (kind, name) in plan::orphaned(app, components, &desired) {
        changed.extend(apply::delete_owned(ctx, key, &owner, (kind, &name)).await?);
    }
    changed.extend(garbage::collect(ctx, key, &owner, &desired, live).await?);
    Ok(Applied { changed, ..applied })
}

/// Does what apply cannot do with a StatefulSet: resize its claims, adopt its pods, and start a stopped
/// app.
async fn reconcile_storage(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    desired: &[OwnedObject],
    live: Option<&DynamicObject>,
) -> Result<Resized, ReconcileError> {
    let Some(set) = desired.iter().find(|object| object.kind == OwnedKind::StatefulSet) else {
        return Ok(Resized::default());
    };
    let selector = labels::selector(&key.name);
    let roll_requested = resources::is_annotated(app, ROLL);
    let resized = resize::prepare_resize(ctx, &key.namespace, &selector, set, live, roll_requested).await?;
    let first = resources::replicas(app).min(ctx.settings.build.initial_max_replicas);
    if live.is_none() || !resized.done.is_empty() {
        resize::recreate_around_pods(ctx, key, set, first).await?;
    } else if first > 1 && live.is_some_and(|live| live.data["spec"]["replicas"] == 0) {
        resize::scale_from_zero(ctx, &key.namespace, set, first).await?;
    }
    Ok(resized)
}

/// Removes the annotations that requested something that has begun.
async fn remove_requests(ctx: &Context, key: &ObjectKey, app: &KasprApp) -> Result<(), ReconcileError> {
    let rolls = resources::is_annotated(app, ROLL);
    let undoes = app.annotations().contains_key(UNDO);
    if !rolls && !undoes {
        return Ok(());
    }
    let patch = json!({ "metadata": { "annotations": { ROLL: null, UNDO: null } } });
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let patched = api.patch_metadata(&key.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
    patched
        .map(drop)
        .map_err(ReconcileError::api(format!("failed to remove the annotations {ROLL} and {UNDO}")))
}
