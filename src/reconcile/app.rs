//! The reconciler of KasprApp.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::DynamicObject,
    runtime::controller::Action,
};
use serde_json::json;

use super::{
    ReconcileError, apply,
    cache::{index::ObjectKey, store::Guarded},
    conditions::{self, NewCondition, condition},
    context::Context,
    events, fetch, packages, plan,
    quarantine::Quarantine,
    resize,
    rollout_status::RolloutStatus,
    status::{self, Observed},
    status_writer::write_status,
    takeover,
};
use crate::{
    api::{
        AppStatus, KasprApp,
        annotations::{PAUSE, ROLL},
    },
    defaults,
    error_chain::describe,
    naming,
    resources::{self, AppComponents, BuildInputs, OwnedKind, OwnedObject, Running, labels},
    validate::Valid,
};

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
        let message = format!("Paused by the annotation {PAUSE}");
        let paused = condition(conditions::PROGRESSING, false, conditions::PAUSED, message);
        patch_conditions(&ctx, &key, given, vec![paused]).await?;
        return Ok(Action::await_change());
    }
    let live = match fetch::live_stateful_set(&ctx, &key, given).await {
        // The watch will deliver the deletion.
        Err(ReconcileError::Deleted) => return Ok(Action::await_change()),
        live => live?,
    };
    let running = Running::from_stateful_set(live.as_ref());
    let app = match Valid::check_accepting(defaults::with_defaults(given)?, |error| running.accepts(error)) {
        Ok((app, _)) => app,
        Err(found) => {
            return report_invalid(&ctx, &key, given, conditions::invalid_spec_message(&found)).await;
        }
    };
    let Quarantine { components, withheld } = fetch::quarantined_components(&ctx, &key, &app);
    ctx.queues.send(ctx.withheld.update(&key, &withheld));
    let (desired, newer_template_waits) =
        desired_objects(&ctx, &key, given, &app, &components, (live.as_ref(), &running))?;
    let written = match apply_and_prune(&ctx, &key, &app, &components, desired, live.as_ref()).await {
        Ok(written) => written,
        Err(error) => return report_failure(&ctx, &key, given, error).await,
    };
    record_applied(&ctx, given, &written).await;
    if resources::is_annotated(given, ROLL) {
        remove_roll_annotation(&ctx, &key).await?;
    }
    let observed = Observed { withheld, newer_template_waits, ..observe(&ctx, &key, &app) };
    let next = status::app(&app, &components, &observed, &ctx.settings.build, Timestamp::now());
    record_failed_install(&ctx, given, &next).await;
    record_unreadable_annotations(&ctx, given).await;
    if let Err(error) = write_status(&ctx, &key, given, next).await {
        if observed.rebalance_requested {
            // Otherwise the next status would request the same rebalance again.
            ctx.members.set_rebalance_requested(&key);
        }
        return Err(error);
    }
    Ok(Action::await_change())
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
    Ok((desired, newer_template_waits))
}

/// Collects what the caches contain about an app's objects and members.
fn observe(ctx: &Context, key: &ObjectKey, app: &Valid<KasprApp>) -> Observed {
    let owned = |kind, name: String| ctx.caches.owned(kind, &key.namespace, &name);
    let autoscaler = owned(OwnedKind::HorizontalPodAutoscaler, naming::autoscaler(&key.name));
    let set = fetch::cached_stateful_set(ctx, key);
    let running = Running::from_stateful_set(set.as_ref());
    let observed = Observed {
        rollout: RolloutStatus::from_stateful_set(set.as_ref()),
        keeps_claims: !running.claim_templates().is_empty() && !resources::is_persistent(app),
        accepted_errors: app.accepted().iter().map(ToString::to_string).collect(),
        running_image: running.image().map(str::to_owned),
        pods: fetch::member_pods(ctx, key),
        members: ctx.settings.members.client_status_check.then(|| ctx.members.snapshot(key)),
        blocked_autoscaler: autoscaler.as_ref().and_then(status::autoscaler_blocker),
        packages_claim: owned(OwnedKind::PersistentVolumeClaim, naming::packages_claim(&key.name)),
        rebalance_requested: ctx.members.take_rebalance_requested(key),
        ..Observed::default()
    };
    if let Some(packages) = &app.spec.python_packages {
        let custom_index = packages.index_url.is_some() || packages.extra_index_urls.is_some();
        ctx.metrics.package_settings(&key.name, &key.namespace, packages.credentials.is_some(), custom_index);
        packages::count_installs(&ctx.counted_installs, &ctx.metrics, key, &observed.pods);
    }
    observed
}

/// Applies the desired objects, then deletes those that are no longer desired. The definitions of the
/// components are among them: a pod that starts with an old definition would run it until its next
/// restart.
async fn apply_and_prune(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    components: &AppComponents,
    desired: Vec<OwnedObject>,
    live: Option<&DynamicObject>,
) -> Result<Vec<String>, ReconcileError> {
    let mut objects = plan::definitions(components)?;
    objects.extend(desired.iter().cloned());
    let mut written = reconcile_storage(ctx, key, app, &desired, live).await?;
    written.extend(apply::apply(ctx, key, &objects).await?);
    let owner = app.uid().unwrap_or_default();
    for (kind, name) in plan::orphaned(app, components, &desired) {
        written.extend(apply::delete_owned(ctx, &owner, kind, &key.namespace, &name).await?);
    }
    Ok(written)
}

/// Does what apply cannot do with a StatefulSet: resize its claims, adopt its pods, and start a stopped
/// app.
async fn reconcile_storage(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    desired: &[OwnedObject],
    live: Option<&DynamicObject>,
) -> Result<Vec<String>, ReconcileError> {
    let Some(set) = desired.iter().find(|object| object.kind == OwnedKind::StatefulSet) else {
        return Ok(Vec::new());
    };
    let selector = labels::selector(&key.name);
    let roll_requested = resources::is_annotated(app, ROLL);
    let resized = resize::prepare_resize(ctx, &key.namespace, &selector, set, live, roll_requested).await?;
    let first = resources::replicas(app).min(ctx.settings.build.initial_max_replicas);
    if live.is_none() || !resized.is_empty() {
        resize::recreate_around_pods(ctx, key, set, first).await?;
    } else if first > 1 && live.is_some_and(|live| live.data["spec"]["replicas"] == 0) {
        resize::scale_from_zero(ctx, &key.namespace, set, first).await?;
    }
    Ok(resized)
}

/// The annotation requested one roll, which has begun.
async fn remove_roll_annotation(ctx: &Context, key: &ObjectKey) -> Result<(), ReconcileError> {
    let patch = json!({ "metadata": { "annotations": { ROLL: null } } });
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let patched = api.patch_metadata(&key.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
    patched.map(drop).map_err(ReconcileError::api(format!("failed to remove the annotation {ROLL}")))
}

async fn report_unreadable(
    ctx: &Context,
    app: &Guarded<KasprApp>,
    error: &kube::core::error_boundary::InvalidObject,
) -> Action {
    let (name, namespace) = (app.name_any(), app.namespace());
    tracing::warn!(name, namespace, %error, "failed to read a KasprApp");
    events::warning(ctx, app, conditions::INVALID, conditions::UNREADABLE_MESSAGE.to_owned()).await;
    Action::await_change()
}

async fn report_invalid(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    message: String,
) -> Result<Action, ReconcileError> {
    tracing::warn!(name = key.name, namespace = key.namespace, message, "rejected an invalid KasprApp");
    if !has_condition(app, conditions::READY, conditions::INVALID) {
        events::warning(ctx, app, conditions::INVALID, message.clone()).await;
    }
    let next = vec![
        condition(conditions::PROGRESSING, false, conditions::ERROR, message.clone()),
        condition(conditions::READY, false, conditions::INVALID, message),
    ];
    patch_conditions(ctx, key, app, next).await?;
    Ok(Action::await_change())
}

/// Reports an object that could not be written in the status. The queue retries.
async fn report_failure(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    error: ReconcileError,
) -> Result<Action, ReconcileError> {
    if matches!(error, ReconcileError::Waiting(_)) {
        return Err(error);
    }
    let message = describe(&error);
    if !has_condition(app, conditions::PROGRESSING, conditions::ERROR) {
        events::warning(ctx, app, conditions::ERROR, message.clone()).await;
    }
    let mut next = vec![condition(conditions::PROGRESSING, true, conditions::ERROR, message.clone())];
    // Members that run are not affected.
    if !has_condition(app, conditions::READY, conditions::HEALTHY) {
        next.push(condition(conditions::READY, false, conditions::ERROR, message));
    }
    // The API server may be what failed; the first error is the one to report.
    let _ = patch_conditions(ctx, key, app, next).await;
    Err(error)
}

/// Writes new conditions and keeps the rest of the status, other conditions included.
async fn patch_conditions(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    conditions: Vec<NewCondition>,
) -> Result<(), ReconcileError> {
    let mut next = status::with_conditions(app, conditions, Timestamp::now());
    let previous = app.status.as_ref().and_then(|status| status.conditions.as_ref());
    if let Some(conditions) = &mut next.conditions {
        let new: Vec<String> = conditions.iter().map(|condition| condition.r#type.clone()).collect();
        conditions.extend(previous.into_iter().flatten().filter(|c| !new.contains(&c.r#type)).cloned());
    }
    write_status(ctx, key, app, next).await
}

async fn record_applied(ctx: &Context, app: &KasprApp, written: &[String]) {
    if !written.is_empty() {
        events::normal(ctx, app, "Applied", format!("Applied {}", written.join(", "))).await;
    }
}

/// Publishes an event for a failed install, once for each message of an installer.
async fn record_failed_install(ctx: &Context, app: &KasprApp, next: &AppStatus) {
    let failure = |status: &AppStatus| {
        let mut conditions = status.conditions.iter().flatten();
        conditions
            .find(|c| c.r#type == conditions::PACKAGES_READY && c.reason == conditions::INSTALLATION_FAILED)
            .map(|c| c.message.clone())
    };
    if let Some(message) = failure(next)
        && app.status.as_ref().and_then(failure).as_ref() != Some(&message)
    {
        events::warning(ctx, app, conditions::INSTALLATION_FAILED, message).await;
    }
}

/// Publishes an event for each annotation that cannot be read, unless the condition already names it.
async fn record_unreadable_annotations(ctx: &Context, app: &KasprApp) {
    let known = |problem: &str| {
        let mut conditions = app.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|condition| condition.message.contains(problem))
    };
    for problem in resources::unreadable_annotations(app).into_iter().filter(|problem| !known(problem)) {
        events::warning(ctx, app, "UnreadableAnnotation", problem).await;
    }
}

fn has_condition(app: &KasprApp, r#type: &str, reason: &str) -> bool {
    let mut conditions = app.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.r#type == r#type && condition.reason == reason)
}
