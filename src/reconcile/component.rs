//! The reconciler of the five component kinds: one generic function.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt, core::error_boundary::InvalidObject, runtime::controller::Action};

use super::{
    ReconcileError, agent_health,
    apply::{self, Refusal},
    cache::{index::ObjectKey, store::Guarded},
    component_kind::ComponentKind,
    conditions::{self, NewCondition, condition},
    context::Context,
    events, fetch,
    quarantine::{HoldReason, Quarantine},
    status::kstatus,
    status_writer::write_status,
    takeover,
};
use crate::{
    api::{AppReference, ComponentStatus, KasprApp, Kind},
    defaults,
    resources::{
        self, OwnedObject,
        definition::{self, Component},
    },
};

/// Brings a component's ConfigMap to its definition, and reports whether its app exists.
///
/// The ConfigMap of a withheld component stays as it is: members that run an older definition of it
/// may restart.
///
/// # Errors
///
/// Something could not be read or written; the reconcile is retried.
pub(super) async fn reconcile<C: ComponentKind>(
    component: Arc<Guarded<C>>,
    ctx: Arc<Context>,
) -> Result<Action, ReconcileError> {
    takeover::remove_kopf_marks::<C>(&ctx, &*component).await?;
    if component.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let given = match &component.0 {
        Ok(given) => given,
        Err(error) => {
            report_unreadable(&ctx, &component, error).await;
            return Ok(Action::await_change());
        }
    };
    let key = ObjectKey::of(given);
    let given = &*ctx.assumed.newest(&key, given);
    let mut next = given.status().cloned().unwrap_or_default();
    let app = app_reference(&ctx, given);
    let mut refused = None;
    let ready = match ctx.validated.runnable(&key, given) {
        Ok(runnable) => {
            let Quarantine { components, mut withheld, held } = siblings(&ctx, given)?;
            let mut hold = withheld.remove(&key).filter(|hold| hold.reason != conditions::REFUSED);
            if let (None, Some(valid)) = (&hold, runnable.as_valid()) {
                let refusal =
                    define(&ctx, &key, &app_key(given), &resources::build_component(valid)?).await?;
                refused = refusal.as_ref().map(|refusal| refusal.error_type);
                hold = refusal
                    .map(|refusal| HoldReason { reason: conditions::REFUSED, message: refusal.message });
                if hold.is_none() {
                    next.config_map = Some(definition::config_map_name(&*runnable));
                    next.hash = Some(runnable.hash.clone());
                }
            }
            if let Some(held) = held.into_iter().find(|held| held.is(&key)) {
                // What the members run.
                next.hash = held.good;
            }
            let tables = runnable.table_references(&components);
            (next.left_table, next.right_table) = tables.map(Into::into).unzip();
            readiness(&app, hold)
        }
        Err(message) => condition(conditions::READY, false, conditions::INVALID, message),
    };
    record_transition(&ctx, given, &app, &ready).await;
    record_tables(&ctx, given, &next).await;
    let generation = given.meta().generation.unwrap_or_default();
    next.observed_generation = Some(generation);
    let previous = given.status().and_then(|status| status.conditions.as_deref());
    let healthy = (app.status == conditions::APP_FOUND)
        .then(|| agent_health::condition(&ctx, &key, &app_key(given), previous.unwrap_or_default()));
    let [stalled, reconciling] = kstatus::of_component(&ready);
    let current = [ready, stalled, reconciling].into_iter().chain(healthy.flatten()).collect();
    next.app = Some(app);
    next.conditions =
        Some(conditions::with_transition_times(previous, current, generation, Timestamp::now()));
    write_status(&ctx, &key, given, next).await?;
    refused.map_or(Ok(Action::await_change()), |error_type| Err(ReconcileError::Refused { error_type }))
}

async fn report_unreadable<C: ComponentKind>(ctx: &Context, component: &Guarded<C>, error: &InvalidObject) {
    let (name, namespace) = (component.name_any(), component.namespace());
    tracing::warn!(kind = %C::KIND, name, namespace, %error, "failed to read a component");
    let message = conditions::UNREADABLE_MESSAGE.to_owned();
    events::warning(ctx, component, conditions::INVALID, message).await;
}

/// Applies the definition of a component. Returns why it was refused, if it was.
async fn define(
    ctx: &Context,
    key: &ObjectKey,
    app: &ObjectKey,
    definition: &OwnedObject,
) -> Result<Option<Refusal>, ReconcileError> {
    let applied = apply::apply(ctx, key, std::slice::from_ref(definition)).await?;
    let Some(refusal) = applied.refused.into_iter().next() else {
        ctx.refusal_backoff.forget(key);
        if ctx.refused.remove(key) {
            tracing::info!(kind = %key.kind, name = key.name, namespace = key.namespace, "the definition was applied");
            ctx.queues.send([app.clone()]);
        }
        return Ok(None);
    };
    if remember_refusal(ctx, key, &refusal.message) {
        ctx.queues.send([app.clone()]);
    }
    Ok(Some(refusal))
}

/// Remembers that the definition of a component was refused. Logs it once, and returns whether it is new.
pub(super) fn remember_refusal(ctx: &Context, component: &ObjectKey, message: &str) -> bool {
    let is_new = ctx.refused.insert(component, message.to_owned());
    if is_new {
        let ObjectKey { kind, name, namespace } = component;
        tracing::warn!(%kind, name, namespace, message, "the definition was refused; will retry");
    }
    is_new
}

fn app_key<C: Component>(component: &C) -> ObjectKey {
    let namespace = component.namespace().unwrap_or_default();
    ObjectKey { kind: Kind::App, namespace, name: definition::app_of(component) }
}

fn app_reference<C: Component>(ctx: &Context, component: &C) -> AppReference {
    let key = app_key(component);
    let found = ctx.caches.get::<KasprApp>(&key).is_some();
    let status = if found { conditions::APP_FOUND } else { conditions::APP_NOT_FOUND };
    AppReference { name: key.name, status: status.to_owned() }
}

/// Returns the components of the same app. Without an app none is withheld.
fn siblings<C: Component>(ctx: &Context, component: &C) -> Result<Quarantine, ReconcileError> {
    let key = app_key(component);
    Ok(match ctx.caches.get::<KasprApp>(&key).as_deref().map(|app| &app.0) {
        Some(Ok(app)) => fetch::quarantined_components(ctx, &key, &defaults::with_defaults(app)?),
        Some(Err(_)) | None => {
            Quarantine { components: fetch::components(ctx, &key), ..Quarantine::default() }
        }
    })
}

fn readiness(app: &AppReference, hold: Option<HoldReason>) -> NewCondition {
    if app.status != conditions::APP_FOUND {
        let message = format!("KasprApp '{}' does not exist in this namespace", app.name);
        return condition(conditions::READY, false, conditions::APP_NOT_FOUND, message);
    }
    match hold {
        Some(HoldReason { reason, message }) => condition(conditions::READY, false, reason, message),
        None => {
            let message = format!("Defined in app '{}'", app.name);
            condition(conditions::READY, true, conditions::DEFINED, message)
        }
    }
}

/// Publishes an event when a table of a join is found or is not found any more.
async fn record_tables<C: ComponentKind>(ctx: &Context, component: &C, next: &ComponentStatus) {
    let previous = component.status();
    let sides = [
        (&next.left_table, previous.and_then(|status| status.left_table.as_ref())),
        (&next.right_table, previous.and_then(|status| status.right_table.as_ref())),
    ];
    for (now, before) in sides {
        let Some(table) = now.as_ref().filter(|now| before.map(|before| &before.status) != Some(&now.status))
        else {
            continue;
        };
        if table.status.ends_with("NotFound") {
            let message = format!("KasprTable '{}' does not exist in the app", table.name);
            events::warning(ctx, component, &table.status, message).await;
        } else {
            events::normal(ctx, component, &table.status, format!("KasprTable '{}' exists", table.name))
                .await;
        }
    }
}

/// Publishes an event when the reason of the Ready condition, or the app, changes.
async fn record_transition<C: ComponentKind>(
    ctx: &Context,
    component: &C,
    app: &AppReference,
    ready: &NewCondition,
) {
    let previous = component.status();
    let same_app = previous.and_then(|status| status.app.as_ref()) == Some(app);
    let was_ready = previous
        .into_iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .find(|c| c.r#type == conditions::READY);
    if was_ready.is_some_and(|condition| condition.reason == ready.reason() && same_app) {
        return;
    }
    if ready.is_true() {
        events::normal(ctx, component, conditions::APP_FOUND, ready.message().to_owned()).await;
    } else {
        events::warning(ctx, component, ready.reason(), ready.message().to_owned()).await;
    }
}
