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
    Error, apply,
    caches::Guarded,
    conditions::{self as is, Fact, fact},
    context::Context,
    links::{APP, Key},
    plan, published,
    quarantine::Sorted,
    refusal, report,
    status::{self, Pods, Seen},
    storage,
    watch::describe,
};
use crate::{
    api::{AppStatus, KasprApp},
    build::{self, Linked, Object, OwnedKind, labels, names, rollout},
    defaults,
    validate::Valid,
};

/// The annotation that stops all writes for an app.
pub const PAUSE: &str = "kaspr.io/pause-reconciliation";

/// Makes an app's objects follow it and its components.
pub async fn reconcile(app: Arc<Guarded<KasprApp>>, ctx: Arc<Context>) -> Result<Action, Error> {
    published::release::<KasprApp>(&ctx, &*app).await?;
    if app.meta().deletion_timestamp.is_some() {
        // Its objects go with it: they are owned.
        return Ok(Action::await_change());
    }
    let given = match &app.0 {
        Ok(given) => given,
        Err(unreadable) => {
            tracing::warn!(name = app.name_any(), namespace = app.namespace(), error = %unreadable, "can't read a KasprApp");
            report::warning(&ctx, &*app, is::INVALID, refusal::unreadable()).await;
            return Ok(Action::await_change());
        }
    };
    let key = Key::of(APP, given);
    ctx.look_after.send(key.clone());
    let given = &*ctx.told.newest(&key, given);
    if build::annotated(given, PAUSE) {
        let message = format!("Paused by the annotation {PAUSE}");
        keep(&ctx, given, vec![fact(is::PROGRESSING, false, is::PAUSED, message)]).await?;
        return Ok(Action::await_change());
    }
    let app = match Valid::check(defaults::of(given)?) {
        Ok((app, _)) => app,
        Err(found) => return refuse(&ctx, given, refusal::of_findings(&found)).await,
    };
    let Sorted { linked, waiting } = ctx.sorted(&key, given);
    ctx.queues.send(ctx.now_waiting(&key, &waiting));
    let mut desired = build::app(&app, &defaults::undone(given)?, &linked, &ctx.settings.build)?;
    let live = match live_set(&ctx, given).await {
        // The watch brings the news.
        Err(Error::Gone) => return Ok(Action::await_change()),
        live => live?,
    };
    let newer_template_waits = plan::keep_running(given, &mut desired, live.as_ref())?;
    plan::keep_size(&mut desired, |claim| ctx.caches.owned(claim.kind, &key.namespace, &claim.name));
    let written = match settle(&ctx, &app, &linked, desired, live.as_ref()).await {
        Ok(written) => written,
        Err(error) => return failed(&ctx, given, error).await,
    };
    tell(&ctx, given, &written).await;
    if build::annotated(given, rollout::ROLL) {
        forget_roll(&ctx, given).await?;
    }
    let seen = Seen { waiting, newer_template_waits, ..observe(&ctx, &key, &app) };
    let next = status::app(&app, &linked, &seen, &ctx.settings.build, Timestamp::now());
    tell_of_packages(&ctx, given, &next).await;
    if let Err(error) = report::status(&ctx, &key, given, next).await {
        if seen.rebalanced {
            // Else the next status would ask for the same rebalance again.
            ctx.members.give_rebalanced_back(&key);
        }
        return Err(error);
    }
    Ok(Action::await_change())
}

/// What is known of an app's objects and members without asking anybody.
fn observe(ctx: &Context, key: &Key, app: &KasprApp) -> Seen {
    let owned = |kind, name: String| ctx.caches.owned(kind, &key.namespace, &name);
    let autoscaler = owned(OwnedKind::HorizontalPodAutoscaler, names::autoscaler(&key.name));
    let seen = Seen {
        pods: Pods::of(ctx.stateful_set(key).as_ref()),
        members: ctx.member_pods(key),
        picture: ctx.settings.members.client_status_check.then(|| ctx.members.picture(key)),
        autoscaler: autoscaler.as_ref().and_then(status::blocked),
        packages_claim: owned(OwnedKind::PersistentVolumeClaim, names::packages_claim(&key.name)),
        rebalanced: ctx.members.take_rebalanced(key),
        ..Seen::default()
    };
    if let Some(packages) = &app.spec.python_packages {
        let custom = packages.index_url.is_some() || packages.extra_index_urls.is_some();
        ctx.metrics.packages(&key.name, &key.namespace, packages.credentials.is_some(), custom);
        ctx.count_installs(key, &seen.members);
    }
    seen
}

/// The StatefulSet as it is. One that the published operator made has no label for the cache, and
/// what is not in the cache may be that.
async fn live_set(ctx: &Context, app: &KasprApp) -> Result<Option<DynamicObject>, Error> {
    let (namespace, name) = (namespace(app), names::app(&app.name_any()));
    if let Some(cached) = ctx.caches.owned(OwnedKind::StatefulSet, &namespace, &name) {
        return Ok(Some(cached));
    }
    let api = apply::api(ctx.client.clone(), OwnedKind::StatefulSet, &namespace);
    let found = api.get_opt(&name).await.map_err(Error::api(format!("can't read StatefulSet {name}")))?;
    if found.is_none() && !is_there(ctx, app).await? {
        return Err(Error::Gone);
    }
    Ok(found)
}

/// Whether an app that has no StatefulSet is there to stay. The cache may be behind: what is made for
/// an app that is gone would be collected again, pods included.
async fn is_there(ctx: &Context, app: &KasprApp) -> Result<bool, Error> {
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &namespace(app));
    let name = app.name_any();
    let live =
        api.get_metadata_opt(&name).await.map_err(Error::api(format!("can't read KasprApp {name}")))?;
    Ok(live.is_some_and(|live| live.uid() == app.uid() && live.metadata.deletion_timestamp.is_none()))
}

/// Brings the objects to what is desired; then what is left over goes. The components' definitions
/// are among them, because a pod that starts with an old one would run it until its next restart.
async fn settle(
    ctx: &Context,
    app: &KasprApp,
    linked: &Linked,
    desired: Vec<Object>,
    live: Option<&DynamicObject>,
) -> Result<Vec<String>, Error> {
    let namespace = namespace(app);
    let mut objects = plan::definitions(linked)?;
    objects.extend(desired.iter().cloned());
    let mut written = set_aside(ctx, app, &namespace, &desired, live).await?;
    written.extend(apply::apply(ctx, &Key::of(APP, app), &objects).await?);
    for (kind, name) in plan::left_over(app, linked, &desired) {
        let owner = app.uid().unwrap_or_default();
        written.extend(apply::remove(ctx, &owner, kind, &namespace, &name).await?);
    }
    Ok(written)
}

/// Sees to what apply can't do with a StatefulSet: grow its claims, and find its pods again.
async fn set_aside(
    ctx: &Context,
    app: &KasprApp,
    namespace: &str,
    desired: &[Object],
    live: Option<&DynamicObject>,
) -> Result<Vec<String>, Error> {
    let Some(set) = desired.iter().find(|object| object.kind == OwnedKind::StatefulSet) else {
        return Ok(Vec::new());
    };
    let selector = labels::selector(&app.name_any());
    let grown = storage::make_way(ctx, namespace, &selector, set, live).await?;
    let first = build::replicas(app).min(ctx.settings.build.initial_max_replicas);
    if live.is_none() || !grown.is_empty() {
        storage::adopt(ctx, &Key::of(APP, app), set, first).await?;
    } else if first > 1 && live.is_some_and(|live| live.data["spec"]["replicas"] == 0) {
        storage::start(ctx, namespace, set, first).await?;
    }
    Ok(grown)
}

/// The annotation asked for one roll, which has begun.
async fn forget_roll(ctx: &Context, app: &KasprApp) -> Result<(), Error> {
    let patch = json!({ "metadata": { "annotations": { (rollout::ROLL): null } } });
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &namespace(app));
    let patched = api.patch_metadata(&app.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await;
    patched.map(drop).map_err(Error::api("can't take the annotation kaspr.io/roll off"))
}

async fn refuse(ctx: &Context, app: &KasprApp, message: String) -> Result<Action, Error> {
    tracing::warn!(name = app.name_any(), namespace = app.namespace(), message, "refused a KasprApp");
    let first = app.status.as_ref().is_none_or(|status| !says(status, is::READY, is::INVALID));
    if first {
        report::warning(ctx, app, is::INVALID, message.clone()).await;
    }
    let facts = vec![
        fact(is::PROGRESSING, false, is::ERROR, message.clone()),
        fact(is::READY, false, is::INVALID, message),
    ];
    keep(ctx, app, facts).await?;
    Ok(Action::await_change())
}

/// An object could not be written. The status says so, and the queue tries again.
async fn failed(ctx: &Context, app: &KasprApp, error: Error) -> Result<Action, Error> {
    if matches!(error, Error::Waiting(_)) {
        return Err(error);
    }
    let message = describe(&error);
    let known = app.status.as_ref().is_some_and(|status| says(status, is::PROGRESSING, is::ERROR));
    if !known {
        report::warning(ctx, app, is::ERROR, message.clone()).await;
    }
    // The API server may be what failed; the error that is tried again is the first one.
    let mut facts = vec![fact(is::PROGRESSING, true, is::ERROR, message.clone())];
    // Members that run go on.
    if app.status.as_ref().is_none_or(|status| !says(status, is::READY, is::HEALTHY)) {
        facts.push(fact(is::READY, false, is::ERROR, message));
    }
    let _ = keep(ctx, app, facts).await;
    Err(error)
}

/// Writes new conditions and leaves the rest of the status, other conditions included.
async fn keep(ctx: &Context, app: &KasprApp, facts: Vec<Fact>) -> Result<(), Error> {
    let mut next = status::unchanged(app, facts, Timestamp::now());
    let before = app.status.as_ref().and_then(|status| status.conditions.as_ref());
    if let Some(conditions) = &mut next.conditions {
        let told: Vec<String> = conditions.iter().map(|condition| condition.r#type.clone()).collect();
        conditions.extend(before.into_iter().flatten().filter(|c| !told.contains(&c.r#type)).cloned());
    }
    report::status(ctx, &Key::of(APP, app), app, next).await
}

async fn tell(ctx: &Context, app: &KasprApp, written: &[String]) {
    if !written.is_empty() {
        report::normal(ctx, app, "Applied", format!("Brought up to date: {}", written.join(", "))).await;
    }
}

/// A failed install is an event too, once for each message of an installer.
async fn tell_of_packages(ctx: &Context, app: &KasprApp, next: &AppStatus) {
    let failure = |status: &AppStatus| {
        let mut conditions = status.conditions.iter().flatten();
        conditions
            .find(|c| c.r#type == is::PACKAGES_READY && c.reason == is::INSTALLATION_FAILED)
            .map(|c| c.message.clone())
    };
    if let Some(message) = failure(next)
        && app.status.as_ref().and_then(failure).as_ref() != Some(&message)
    {
        report::warning(ctx, app, is::INSTALLATION_FAILED, message).await;
    }
}

fn says(status: &AppStatus, kind: &str, reason: &str) -> bool {
    status.conditions.iter().flatten().any(|condition| condition.r#type == kind && condition.reason == reason)
}

fn namespace(app: &KasprApp) -> String {
    app.namespace().unwrap_or_default()
}
