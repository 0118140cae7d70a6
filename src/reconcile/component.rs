//! The reconciler of the five components: one generic function.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt, core::object::HasStatus, runtime::controller::Action};
use serde::Serialize;

use super::{
    Error, apply,
    caches::{Cached, Guarded},
    conditions::{self as is, Fact, fact},
    context::Context,
    links::{APP, KINDS, Key},
    published,
    quarantine::{Sorted, Waiting},
    refusal, report,
};
use crate::{
    api::{
        AppReference, ComponentStatus, KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView,
        TableReference,
    },
    build::{
        self, Linked,
        definition::{self, Component},
    },
    defaults::{self, Defaults},
    validate::{ValidateUpdate, review},
};

/// A component that is reconciled.
pub trait Reconciled:
    Cached + Component + Defaults + HasStatus<Status = ComponentStatus> + Serialize + ValidateUpdate
{
    /// The tables that a join names, found or not.
    fn tables(&self, _linked: &Linked) -> Option<[TableReference; 2]> {
        None
    }
}

impl Reconciled for KasprAgent {}

impl Reconciled for KasprTable {}

impl Reconciled for KasprTask {}

impl Reconciled for KasprWebView {}

impl Reconciled for KasprJoin {
    fn tables(&self, linked: &Linked) -> Option<[TableReference; 2]> {
        let sides = [("Left", &self.spec.left_table), ("Right", &self.spec.right_table)];
        Some(sides.map(|(side, name)| {
            let found = linked.tables.iter().any(|table| table.spec.name == *name);
            let status = format!("{side}Table{}", if found { "Found" } else { "NotFound" });
            TableReference { name: name.clone(), status }
        }))
    }
}

/// The kind of a component.
pub fn kind_of<C: Resource<DynamicType = ()>>() -> &'static str {
    KINDS.into_iter().find(|kind| C::kind(&()) == *kind).unwrap_or_default()
}

/// Makes a component's ConfigMap follow it, and says whether its app is there.
///
/// One that waits is left as it is: members that run an older definition of it may restart.
pub async fn reconcile<C: Reconciled>(
    component: Arc<Guarded<C>>,
    ctx: Arc<Context>,
) -> Result<Action, Error> {
    published::release::<C>(&ctx, &*component).await?;
    if component.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let given = match &component.0 {
        Ok(given) => given,
        Err(unreadable) => {
            let kind = C::kind(&());
            tracing::warn!(%kind, name = component.name_any(), namespace = component.namespace(), error = %unreadable, "can't read a component");
            report::warning(&ctx, &*component, is::INVALID, refusal::unreadable()).await;
            return Ok(Action::await_change());
        }
    };
    let key = Key::of(kind_of::<C>(), given);
    let given = &*ctx.told.newest(&key, given);
    let mut next = given.status().cloned().unwrap_or_default();
    let app = app_reference(&ctx, given);
    let fact = match ctx.checked.link(&key, given) {
        Some(link) => {
            let Sorted { linked, mut waiting } = siblings(&ctx, given);
            let waits = waiting.remove(&key);
            if let (None, Some(valid)) = (&waits, link.as_valid()) {
                apply::apply(&ctx, &key, &[build::component(valid)?]).await?;
                next.config_map = Some(definition::config_map_name(&*link));
                next.hash = Some(link.hash.clone());
            }
            let tables = link.tables(&linked);
            (next.left_table, next.right_table) =
                tables.map_or((None, None), |[left, right]| (Some(left), Some(right)));
            readiness(&app, waits)
        }
        None => {
            let found = review(&defaults::of(given)?, None, None);
            fact(is::READY, false, is::INVALID, refusal::of_findings(&found))
        }
    };
    tell(&ctx, given, &app, &fact).await;
    next.app = Some(app);
    let generation = given.meta().generation.unwrap_or_default();
    next.observed_generation = Some(generation);
    let before = given.status().and_then(|status| status.conditions.as_deref());
    next.conditions = Some(is::follow(before, vec![fact], generation, Timestamp::now()));
    report::status(&ctx, &key, given, next).await?;
    Ok(Action::await_change())
}

fn app_key<C: Component>(component: &C) -> Key {
    let namespace = component.namespace().unwrap_or_default();
    Key { kind: APP, namespace, name: definition::app_of(component) }
}

fn app_reference<C: Component>(ctx: &Context, component: &C) -> AppReference {
    let key = app_key(component);
    let found = ctx.caches.get::<KasprApp>(&key).is_some();
    let status = if found { is::APP_FOUND } else { is::APP_NOT_FOUND };
    AppReference { name: key.name, status: status.to_owned() }
}

/// The components of the same app, if there is one.
fn siblings<C: Component>(ctx: &Context, component: &C) -> Sorted {
    let key = app_key(component);
    match ctx.caches.get::<KasprApp>(&key).as_deref().map(|app| &app.0) {
        Some(Ok(app)) => ctx.sorted(&key, app),
        _ => Sorted { linked: ctx.linked(&key), ..Sorted::default() },
    }
}

fn readiness(app: &AppReference, waits: Option<Waiting>) -> Fact {
    if app.status != is::APP_FOUND {
        let message = format!("KasprApp '{}' does not exist in this namespace", app.name);
        return fact(is::READY, false, is::APP_NOT_FOUND, message);
    }
    match waits {
        Some(Waiting { reason, message }) => fact(is::READY, false, reason, message),
        None => fact(is::READY, true, is::DEFINED, format!("Defined in app '{}'", app.name)),
    }
}

/// One event for each change of mind.
async fn tell<C: Reconciled>(ctx: &Context, component: &C, app: &AppReference, fact: &Fact) {
    let before = component.status();
    let same_app = before.and_then(|status| status.app.as_ref()) == Some(app);
    let ready = before
        .into_iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .find(|c| c.r#type == is::READY);
    if ready.is_some_and(|condition| condition.reason == fact.reason() && same_app) {
        return;
    }
    if fact.holds() {
        report::normal(ctx, component, is::APP_FOUND, fact.message().to_owned()).await;
    } else {
        report::warning(ctx, component, fact.reason(), fact.message().to_owned()).await;
    }
}
