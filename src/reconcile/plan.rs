//! What an app's objects should be: the part of a reconcile that only thinks. The command line shows
//! it before anything is written.

use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;
use thiserror::Error;

use super::{
    component::{Reconciled, kind_of},
    conditions as is,
    links::Key,
    quarantine::{self, AllWaiting, Sorted, Waiting},
    refusal,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    build::{self, BuildError, Link, Linked, Object, OwnedKind, by_name, names, rollout},
    defaults,
    settings::BuildSettings,
    validate::{Valid, quantity},
};

/// The components of an app as their users wrote them.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// Its agents.
    pub agents: Vec<KasprAgent>,
    /// Its tables.
    pub tables: Vec<KasprTable>,
    /// Its tasks.
    pub tasks: Vec<KasprTask>,
    /// Its webviews.
    pub webviews: Vec<KasprWebView>,
    /// Its joins.
    pub joins: Vec<KasprJoin>,
}

/// What the operator would bring about for an app.
#[derive(Debug, Default)]
pub struct Plan {
    /// The components' definitions.
    pub definitions: Vec<Object>,
    /// The app's own objects, the StatefulSet last; none where there is no app.
    pub objects: Vec<Object>,
    /// Objects that have to go if they are there and the app controls them.
    pub left_over: Vec<(OwnedKind, String)>,
    /// Components that are not given to the members, or only as they were before.
    pub left_out: Vec<(Key, Waiting)>,
    /// Whether pods keep the template that they run with, though this program would build another.
    pub newer_template_waits: bool,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The app is invalid: what runs stays as it is.
    #[error("{0}")]
    Refused(String),
    /// An object can't be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A resource can't be read back.
    #[error("the resource can't be read: {0}")]
    Read(#[from] serde_json::Error),
}

/// Makes the plan of an app, or of components whose app is not there. `live` looks an object of the
/// namespace up.
///
/// Errors: the app is invalid, or an object can't be made.
pub fn of(
    given: Option<&KasprApp>,
    components: &Components,
    live: impl Fn(OwnedKind, &str) -> Option<DynamicObject>,
    settings: &BuildSettings,
) -> Result<Plan, PlanError> {
    let defined = |component: &Key| {
        live(OwnedKind::ConfigMap, &names::definition(component.kind, &component.name)).is_some()
    };
    let mut invalid = AllWaiting::new();
    let all = link_all(components, &defined, &mut invalid);
    let Some(given) = given else {
        return Ok(Plan { definitions: definitions(&all)?, left_out: list(invalid), ..Plan::default() });
    };
    let app = Valid::check(defaults::of(given)?)
        .map_err(|found| PlanError::Refused(refusal::of_findings(&found)))?
        .0;
    let Sorted { linked, waiting } = quarantine::sort(&app, all, defined);
    let mut objects = build::app(&app, &defaults::undone(given)?, &linked, settings)?;
    let set = live(OwnedKind::StatefulSet, &names::app(&given.name_any()));
    let newer_template_waits = keep_running(given, &mut objects, set.as_ref())?;
    keep_size(&mut objects, |claim| live(claim.kind, &claim.name));
    Ok(Plan {
        definitions: definitions(&linked)?,
        left_over: left_over(&app, &linked, &objects),
        left_out: list(waiting.into_iter().chain(invalid).collect()),
        objects,
        newer_template_waits,
    })
}

fn list(waiting: AllWaiting) -> Vec<(Key, Waiting)> {
    waiting.into_iter().collect()
}

fn link_all(components: &Components, defined: &impl Fn(&Key) -> bool, invalid: &mut AllWaiting) -> Linked {
    let Components { agents, tables, tasks, webviews, joins } = components;
    Linked {
        agents: links(agents, defined, invalid),
        webviews: links(webviews, defined, invalid),
        tables: links(tables, defined, invalid),
        tasks: links(tasks, defined, invalid),
        joins: links(joins, defined, invalid),
    }
}

fn links<C: Reconciled>(
    components: &[C],
    defined: &impl Fn(&Key) -> bool,
    invalid: &mut AllWaiting,
) -> Vec<Link<C>> {
    let mut links = Vec::new();
    for component in components.iter().filter(|component| component.meta().deletion_timestamp.is_none()) {
        let key = Key::of(kind_of::<C>(), component);
        let Ok(filled) = defaults::of(component) else { continue };
        match Valid::check(filled) {
            Ok((valid, _)) => links.push(Link::valid(valid)),
            Err(found) => {
                links.extend(frozen(component, defined(&key)));
                let message = refusal::of_findings(&found);
                invalid.insert(key, Waiting { reason: is::INVALID, message });
            }
        }
    }
    by_name(links)
}

/// A component that is invalid now, as members run it since before, if its ConfigMap is there.
pub fn frozen<C: Reconciled>(given: &C, defined: bool) -> Option<Link<C>> {
    let hash = given.status().and_then(|status| status.hash.clone()).filter(|_| defined)?;
    Some(Link::frozen(defaults::of(given).ok()?, hash))
}

/// Leaves running pods as they are, where the user changed nothing. Gives whether a newer template
/// waits for him.
///
/// Errors: an object can't be written again.
pub fn keep_running(
    app: &KasprApp,
    desired: &mut [Object],
    live: Option<&DynamicObject>,
) -> Result<bool, BuildError> {
    let set = desired.iter_mut().find(|object| object.kind == OwnedKind::StatefulSet);
    match (set, live) {
        (Some(set), Some(live)) if !build::annotated(app, rollout::ROLL) => rollout::keep_running(set, live),
        _ => Ok(false),
    }
}

/// A claim can't shrink: one that somebody made larger stays so.
pub fn keep_size(desired: &mut [Object], live: impl Fn(&Object) -> Option<DynamicObject>) {
    const SIZE: &str = "/spec/resources/requests/storage";
    for claim in desired.iter_mut().filter(|object| object.kind == OwnedKind::PersistentVolumeClaim) {
        let live = live(claim);
        let live = live.as_ref().and_then(|live| live.data.pointer(SIZE)).and_then(Value::as_str);
        let wanted = claim.value.pointer(SIZE).and_then(Value::as_str);
        if let (Some(live), Some(wanted)) = (live, wanted)
            && quantity(live) > quantity(wanted)
        {
            let live = Value::String(live.to_owned());
            if let Some(size) = claim.value.pointer_mut(SIZE) {
                *size = live;
            }
        }
    }
}

/// The definitions; one that became invalid stays as it is.
///
/// Errors: a definition can't be written.
pub fn definitions(linked: &Linked) -> Result<Vec<Object>, BuildError> {
    let Linked { agents, webviews, tables, tasks, joins } = linked;
    let mut objects = Vec::new();
    for agent in agents.iter().filter_map(Link::as_valid) {
        objects.push(build::component(agent)?);
    }
    for webview in webviews.iter().filter_map(Link::as_valid) {
        objects.push(build::component(webview)?);
    }
    for table in tables.iter().filter_map(Link::as_valid) {
        objects.push(build::component(table)?);
    }
    for task in tasks.iter().filter_map(Link::as_valid) {
        objects.push(build::component(task)?);
    }
    for join in joins.iter().filter_map(Link::as_valid) {
        objects.push(build::component(join)?);
    }
    Ok(objects)
}

/// The objects that an app has at times, and that are not desired now.
pub fn left_over(app: &KasprApp, linked: &Linked, desired: &[Object]) -> Vec<(OwnedKind, String)> {
    let name = app.name_any();
    let sometimes = [
        (OwnedKind::HorizontalPodAutoscaler, names::autoscaler(&name)),
        (OwnedKind::PodDisruptionBudget, names::disruption_budget(&name)),
        (OwnedKind::PersistentVolumeClaim, names::packages_claim(&name)),
        (OwnedKind::ConfigMap, names::joins(&name)),
    ];
    let left = sometimes.into_iter().filter(|(kind, name)| {
        let frozen = *kind == OwnedKind::ConfigMap && !linked.joins.is_empty();
        !frozen && desired.iter().all(|object| object.kind != *kind || object.name != *name)
    });
    left.collect()
}
