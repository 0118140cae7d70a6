//! Computes the desired objects of an app: the pure part of a reconcile. The command line prints the
//! result before anything is written.

use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;
use thiserror::Error;

use super::{
    cache::index::ObjectKey,
    component_kind::ComponentKind,
    conditions,
    quarantine::{self, HoldReason, Quarantine, Withheld},
    rollout::{holds, state::RolloutState, write::write_state},
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView, annotations::ROLL},
    defaults, naming,
    resources::{
        self, AppComponents, BuildError, BuildInputs, CLAIM_SIZE, CLAIM_TEMPLATES, OwnedKind, OwnedObject,
        RunnableComponent, Running, claim_template_size, rollout, sort_by_name,
    },
    settings::BuildSettings,
    validate::{Valid, quantity},
};

/// The components of an app as users wrote them.
#[derive(Clone, Debug, Default)]
pub struct ComponentSet {
    /// The agents.
    pub agents: Vec<KasprAgent>,
    /// The tables.
    pub tables: Vec<KasprTable>,
    /// The tasks.
    pub tasks: Vec<KasprTask>,
    /// The webviews.
    pub webviews: Vec<KasprWebView>,
    /// The joins.
    pub joins: Vec<KasprJoin>,
}

/// What the operator would do for an app.
#[derive(Debug, Default)]
pub struct Plan {
    /// The definitions of the components.
    pub definitions: Vec<OwnedObject>,
    /// The app's own objects, the StatefulSet last; empty without an app.
    pub objects: Vec<OwnedObject>,
    /// Objects to delete if they exist and the app controls them.
    pub orphaned: Vec<(OwnedKind, String)>,
    /// Components that are withheld from the members, or run an older definition.
    pub withheld: Vec<(ObjectKey, HoldReason)>,
    /// Whether pods keep their template, though this operator version would build another one.
    pub newer_template_waits: bool,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The app is invalid: running members are unchanged.
    #[error("{0}")]
    Invalid(String),
    /// An object could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A resource could not be converted to or from JSON.
    #[error("failed to convert the resource: {0}")]
    Convert(#[from] serde_json::Error),
}

/// Plans the objects of an app, or of components whose app does not exist. `live` looks up an object of
/// the namespace.
///
/// # Errors
///
/// The app is invalid, or an object could not be built.
pub fn plan_app(
    given: Option<&KasprApp>,
    components: &ComponentSet,
    live: impl Fn(OwnedKind, &str) -> Option<DynamicObject>,
    settings: &BuildSettings,
) -> Result<Plan, PlanError> {
    let definition = |component: &ObjectKey, hash: &str| {
        definition_of(component, hash, |name| live(OwnedKind::ConfigMap, name).is_some())
    };
    let mut invalid = Withheld::new();
    let all = validate_all(components, &definition, &mut invalid);
    let Some(given) = given else {
        return Ok(Plan {
            definitions: definitions(&all)?,
            withheld: invalid.into_iter().collect(),
            ..Plan::default()
        });
    };
    let set = live(OwnedKind::StatefulSet, &naming::app(&given.name_any()));
    let running = Running::from_stateful_set(set.as_ref());
    let app = Valid::check_accepting(defaults::with_defaults(given)?, |error| running.accepts(error))
        .map_err(|found| PlanError::Invalid(conditions::invalid_spec_message(&found)))?
        .0;
    let mut quarantine = quarantine::sort(&app, all, definition);
    let state = RolloutState::of(set.as_ref());
    if let Some(held) = state.held.as_ref().filter(|_| !resources::is_annotated(given, ROLL)) {
        holds::apply(held, &mut quarantine, definition);
    }
    let Quarantine { components, withheld, .. } = quarantine;
    let mut objects = resources::build(BuildInputs {
        app: &app,
        user_spec: &defaults::without_defaults(given)?,
        components: &components,
        running: &running,
        settings,
    })?;
    let newer_template_waits = keep_running_template(given, &mut objects, set.as_ref())?;
    keep_claim_sizes(&mut objects, |claim| live(claim.kind, &claim.name));
    keep_template_size(&mut objects, set.as_ref(), shrinks);
    write_state(given, &state, &mut objects, set.as_ref())?;
    Ok(Plan {
        definitions: definitions(&components)?,
        orphaned: orphaned(&app, &components, &objects),
        withheld: withheld.into_iter().chain(invalid).collect(),
        objects,
        newer_template_waits,
    })
}

fn validate_all(
    components: &ComponentSet,
    definition: &impl Fn(&ObjectKey, &str) -> Option<String>,
    invalid: &mut Withheld,
) -> AppComponents {
    let ComponentSet { agents, tables, tasks, webviews, joins } = components;
    AppComponents {
        agents: validate_kind(agents, definition, invalid),
        webviews: validate_kind(webviews, definition, invalid),
        tables: validate_kind(tables, definition, invalid),
        tasks: validate_kind(tasks, definition, invalid),
        joins: validate_kind(joins, definition, invalid),
    }
}

fn validate_kind<C: ComponentKind>(
    components: &[C],
    definition: &impl Fn(&ObjectKey, &str) -> Option<String>,
    invalid: &mut Withheld,
) -> Vec<RunnableComponent<C>> {
    let mut runnable = Vec::new();
    for component in components.iter().filter(|component| component.meta().deletion_timestamp.is_none()) {
        let key = ObjectKey::of(component);
        let Ok(filled) = defaults::with_defaults(component) else { continue };
        match Valid::check(filled) {
            Ok((valid, _)) => runnable.push(RunnableComponent::valid(valid)),
            Err(found) => {
                runnable.extend(last_valid(component, |hash| definition(&key, hash)));
                let message = conditions::invalid_spec_message(&found);
                invalid.insert(key, HoldReason { reason: conditions::INVALID, message });
            }
        }
    }
    sort_by_name(runnable)
}

/// Returns the last valid definition of a component that is invalid now. `definition` returns the ConfigMap that contains
/// the one with a hash.
pub(super) fn last_valid<C: ComponentKind>(
    given: &C,
    definition: impl Fn(&str) -> Option<String>,
) -> Option<RunnableComponent<C>> {
    let hash = given.status().and_then(|status| status.hash.clone())?;
    let config_map = definition(&hash)?;
    Some(RunnableComponent::frozen(defaults::with_defaults(given).ok()?, hash, config_map))
}

/// Returns the ConfigMap that contains the definition of a component with a hash: its snapshot or, if an earlier version
/// of the operator made none, the one that the component had last. `exists` returns whether there is a ConfigMap of a name.
pub(super) fn definition_of(
    component: &ObjectKey,
    hash: &str,
    exists: impl Fn(&str) -> bool,
) -> Option<String> {
    let snapshot = naming::snapshot(component.kind, &component.name, hash);
    let current = naming::definition(component.kind, &component.name);
    [snapshot, current].into_iter().find(|name| exists(name))
}

/// Keeps the template of running pods where the user changed nothing. Returns whether a newer template
/// waits for the next change.
///
/// # Errors
///
/// An object could not be built again.
pub(super) fn keep_running_template(
    app: &KasprApp,
    desired: &mut [OwnedObject],
    live: Option<&DynamicObject>,
) -> Result<bool, BuildError> {
    let set = desired.iter_mut().find(|object| object.kind == OwnedKind::StatefulSet);
    match (set, live) {
        (Some(set), Some(live)) if !resources::is_annotated(app, ROLL) => {
            rollout::keep_running_template(set, live)
        }
        _ => Ok(false),
    }
}

/// Keeps the size of claims that are larger than desired: a claim cannot shrink.
pub(super) fn keep_claim_sizes(
    desired: &mut [OwnedObject],
    live: impl Fn(&OwnedObject) -> Option<DynamicObject>,
) {
    for claim in desired.iter_mut().filter(|object| object.kind == OwnedKind::PersistentVolumeClaim) {
        let live = live(claim);
        let live = live.as_ref().and_then(|live| live.data.pointer(CLAIM_SIZE)).and_then(Value::as_str);
        let desired_size = claim.value.pointer(CLAIM_SIZE).and_then(Value::as_str);
        if let (Some(live), Some(desired_size)) = (live, desired_size)
            && shrinks(live, desired_size)
        {
            let live = Value::String(live.to_owned());
            if let Some(size) = claim.value.pointer_mut(CLAIM_SIZE) {
                *size = live;
            }
        }
    }
}

/// Keeps the size of the claim templates, which are immutable, if `applies` returns true for the live and the desired
/// size.
pub(super) fn keep_template_size(
    desired: &mut [OwnedObject],
    live: Option<&DynamicObject>,
    applies: impl Fn(&str, &str) -> bool,
) {
    let set = desired.iter_mut().find(|object| object.kind == OwnedKind::StatefulSet);
    let (Some(set), Some(live)) = (set, live) else { return };
    let sizes = claim_template_size(&live.data).zip(claim_template_size(&set.value));
    if !sizes.is_some_and(|(live, desired)| applies(live, desired)) {
        return;
    }
    // The hash of the size is an annotation of the template.
    for field in ["/metadata/annotations", CLAIM_SIZE] {
        let path = format!("{CLAIM_TEMPLATES}/0{field}");
        let kept = live.data.pointer(&path).cloned();
        if let (Some(kept), Some(field)) = (kept, set.value.pointer_mut(&path)) {
            *field = kept;
        }
    }
}

/// Returns whether a size is smaller than the one of a live claim, which cannot shrink.
pub(super) fn shrinks(live: &str, desired: &str) -> bool {
    quantity(live) > quantity(desired)
}

/// Returns the definitions of all components but those that became invalid, whose ConfigMaps stay.
///
/// # Errors
///
/// A definition could not be built.
pub(super) fn definitions(components: &AppComponents) -> Result<Vec<OwnedObject>, BuildError> {
    let AppComponents { agents, webviews, tables, tasks, joins } = components;
    let mut objects = Vec::new();
    for agent in agents.iter().filter_map(RunnableComponent::as_valid) {
        objects.push(resources::build_component(agent)?);
    }
    for webview in webviews.iter().filter_map(RunnableComponent::as_valid) {
        objects.push(resources::build_component(webview)?);
    }
    for table in tables.iter().filter_map(RunnableComponent::as_valid) {
        objects.push(resources::build_component(table)?);
    }
    for task in tasks.iter().filter_map(RunnableComponent::as_valid) {
        objects.push(resources::build_component(task)?);
    }
    for join in joins.iter().filter_map(RunnableComponent::as_valid) {
        objects.push(resources::build_component(join)?);
    }
    Ok(objects)
}

/// Returns the objects that an app has only under some specs and that are not desired now.
pub(super) fn orphaned(
    app: &KasprApp,
    components: &AppComponents,
    desired: &[OwnedObject],
) -> Vec<(OwnedKind, String)> {
    let name = app.name_any();
    let optional = [
        (OwnedKind::HorizontalPodAutoscaler, naming::autoscaler(&name)),
        (OwnedKind::PodDisruptionBudget, naming::disruption_budget(&name)),
        (OwnedKind::PersistentVolumeClaim, naming::packages_claim(&name)),
        (OwnedKind::ConfigMap, naming::joins(&name)),
    ];
    let orphaned = optional.into_iter().filter(|(kind, name)| {
        let frozen = *kind == OwnedKind::ConfigMap && !components.joins.is_empty();
        !frozen && desired.iter().all(|object| object.kind != *kind || object.name != *name)
    });
    orphaned.collect()
}
