//! Reads an app and what belongs to it, from the watch caches where they contain it. Applies no rule
//! and writes nothing.

use kube::{Api, Resource, ResourceExt, core::DynamicObject};

use super::{
    ReconcileError,
    cache::{index::ObjectKey, pod::MemberPod},
    client::owned_api,
    component_kind::ComponentKind,
    conditions,
    context::Context,
    ownership, plan,
    quarantine::{self, HoldReason, Quarantine},
    rollout::{holds, state::RolloutState},
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView, Kind, annotations::ROLL},
    naming,
    resources::{self, AppComponents, OwnedKind, RunnableComponent, environment, sort_by_name},
};

/// Returns the components that the members of an app run, and those that are withheld. `app` has its
/// defaults filled in.
pub(super) fn quarantined_components(ctx: &Context, key: &ObjectKey, app: &KasprApp) -> Quarantine {
    let definition = |component: &ObjectKey, hash: &str| definition(ctx, component, hash);
    let mut quarantine = quarantine::sort(app, components(ctx, key), definition);
    if !resources::is_annotated(app, ROLL) {
        hold_back(ctx, &cached_rollout_state(ctx, key), &mut quarantine);
    }
    for component in ctx.index().components(key) {
        if let Some(hold) = hold_reason(ctx, &component) {
            quarantine.withheld.insert(component, hold);
        }
    }
    quarantine
}

/// Withholds the components of a change that failed.
pub(super) fn hold_back(ctx: &Context, state: &RolloutState, quarantine: &mut Quarantine) {
    if let Some(held) = &state.held {
        holds::apply(held, quarantine, |component, hash| definition(ctx, component, hash));
    }
}

/// Returns why members do not run the current definition of a component, apart from what other resources are.
fn hold_reason(ctx: &Context, key: &ObjectKey) -> Option<HoldReason> {
    if let Some(message) = ctx.refused.message(key) {
        return Some(HoldReason { reason: conditions::REFUSED, message });
    }
    match key.kind {
        Kind::App => None,
        Kind::Agent => invalid::<KasprAgent>(ctx, key),
        Kind::Table => invalid::<KasprTable>(ctx, key),
        Kind::Task => invalid::<KasprTask>(ctx, key),
        Kind::WebView => invalid::<KasprWebView>(ctx, key),
        Kind::Join => invalid::<KasprJoin>(ctx, key),
    }
}

fn invalid<C: ComponentKind>(ctx: &Context, key: &ObjectKey) -> Option<HoldReason> {
    let cached = ctx.caches.get::<C>(key)?;
    if cached.meta().deletion_timestamp.is_some() {
        return None;
    }
    let message = match &cached.0 {
        Ok(given) => ctx.validated.runnable(key, given).err()?,
        Err(_) => conditions::UNREADABLE_MESSAGE.to_owned(),
    };
    Some(HoldReason { reason: conditions::INVALID, message })
}

/// Returns the components of an app that can run, each validated by itself.
pub(super) fn components(ctx: &Context, app: &ObjectKey) -> AppComponents {
    let keys = ctx.index().components(app);
    AppComponents {
        agents: components_of_kind(ctx, &keys),
        webviews: components_of_kind(ctx, &keys),
        tables: components_of_kind(ctx, &keys),
        tasks: components_of_kind(ctx, &keys),
        joins: components_of_kind(ctx, &keys),
    }
}

fn components_of_kind<C: ComponentKind>(ctx: &Context, keys: &[ObjectKey]) -> Vec<RunnableComponent<C>> {
    let of_kind = keys.iter().filter(|key| key.kind == C::KIND);
    sort_by_name(of_kind.filter_map(|key| runnable_component(ctx, key)).collect())
}

/// Returns a component that can run, or that could before it became invalid or its definition was refused.
fn runnable_component<C: ComponentKind>(ctx: &Context, key: &ObjectKey) -> Option<RunnableComponent<C>> {
    let cached = ctx.caches.get::<C>(key)?;
    let given = cached.0.as_ref().ok().filter(|c| c.meta().deletion_timestamp.is_none())?;
    if ctx.refused.message(key).is_none()
        && let Ok(runnable) = ctx.validated.runnable(key, given)
    {
        return Some(runnable);
    }
    plan::last_valid(given, |hash| definition(ctx, key, hash))
}

/// Returns the ConfigMap that contains the definition of a component with a hash.
fn definition(ctx: &Context, component: &ObjectKey, hash: &str) -> Option<String> {
    let exists = |name: &str| ctx.caches.contains(OwnedKind::ConfigMap, &component.namespace, name);
    plan::definition_of(component, hash, exists)
}

/// Returns whether members are asked for their status.
pub(super) fn polls_members(ctx: &Context, app: &KasprApp) -> bool {
    ctx.settings.members.client_status_check && environment::serves_web(app)
}

/// Returns the app with its newest status, unless it is unreadable or being deleted.
pub(super) fn app(ctx: &Context, key: &ObjectKey) -> Option<KasprApp> {
    let cached = ctx.caches.get::<KasprApp>(key)?;
    let app = cached.0.as_ref().ok().filter(|app| app.metadata.deletion_timestamp.is_none())?;
    Some(ctx.assumed.newest(key, app).into_owned())
}

/// Returns the StatefulSet of an app from the cache.
pub(super) fn cached_stateful_set(ctx: &Context, app: &ObjectKey) -> Option<DynamicObject> {
    ctx.caches.owned(OwnedKind::StatefulSet, &app.namespace, &naming::app(&app.name))
}

/// Returns the state of an app's rollout from the cache.
fn cached_rollout_state(ctx: &Context, app: &ObjectKey) -> RolloutState {
    let set = ctx.caches.serialized(OwnedKind::StatefulSet, &app.namespace, &naming::app(&app.name));
    RolloutState::parse(set.as_ref().and_then(|set| set.rollout_state.as_deref()))
}

/// Returns the pods of the members, by ordinal.
pub(super) fn member_pods(ctx: &Context, app: &ObjectKey) -> Vec<MemberPod> {
    let names = ctx.index().pods(app);
    let cached = names.iter().filter_map(|name| ctx.caches.pod(&app.namespace, name));
    let mut pods: Vec<MemberPod> = cached.filter_map(|pod| pod.member.clone()).collect();
    pods.sort_by_key(|pod| pod.ordinal);
    pods
}

/// Returns the StatefulSet of an app. One that the Python operator made lacks the label that the cache
/// selects by, so a StatefulSet that is not in the cache is read from the API server.
///
/// # Errors
///
/// The API server failed; [`ReconcileError::Deleted`] if the app was deleted meanwhile.
pub(super) async fn live_stateful_set(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
) -> Result<Option<DynamicObject>, ReconcileError> {
    if let Some(cached) = cached_stateful_set(ctx, key) {
        return Ok(Some(cached));
    }
    let name = naming::app(&key.name);
    let api = owned_api(ctx.client.clone(), OwnedKind::StatefulSet, &key.namespace);
    let found = api.get_opt(&name).await;
    let found = found.map_err(ReconcileError::api(format!("failed to read StatefulSet {name}")))?;
    if found.is_none() && !app_exists(ctx, key, app).await? {
        return Err(ReconcileError::Deleted);
    }
    // One that another client made is not adopted. Applying the desired one fails with the reason.
    let is_own =
        |set: &DynamicObject| ownership::other_owner(set, Some((Kind::App.name(), &key.name))).is_none();
    Ok(found.filter(is_own))
}

/// Returns whether an app without a StatefulSet still exists. The cache may lag behind: objects made
/// for a deleted app would be garbage-collected again, pods included.
async fn app_exists(ctx: &Context, key: &ObjectKey, app: &KasprApp) -> Result<bool, ReconcileError> {
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let live = api.get_metadata_opt(&key.name).await;
    let live = live.map_err(ReconcileError::api(format!("failed to read KasprApp {}", key.name)))?;
    Ok(live.is_some_and(|live| live.uid() == app.uid() && live.metadata.deletion_timestamp.is_none()))
}
