//! Which components the members of an app run. A component that conflicts with another one, or names
//! something that does not exist, would take its whole app down: it is withheld until it can run.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::{
    cache::index::ObjectKey, component_kind::ComponentKind, conditions, rollout::state::HeldComponent,
};
use crate::{
    api::KasprApp,
    resources::{AppComponents, RunnableComponent, sort_by_name},
    validate::{AppContext, Findings, rule::Level},
};

/// Why a component is withheld from the members.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HoldReason {
    /// The reason of its Ready condition.
    pub reason: &'static str,
    /// What must change, with the field path; never the value of a Secret.
    pub message: String,
}

/// The withheld components of an app.
pub(super) type Withheld = BTreeMap<ObjectKey, HoldReason>;

/// The components of an app, sorted by whether its members can run them.
#[derive(Default)]
pub(super) struct Quarantine {
    /// The components that the members run.
    pub components: AppComponents,
    /// The components that are withheld, or that run an older definition.
    pub withheld: Withheld,
    /// The components that are withheld after a change failed.
    pub held: Vec<HeldComponent>,
}

/// Sorts the components of an app.
///
/// Components that others can name come first, and older ones before newer ones: of two that
/// conflict, the one that was created first stays. `definition` returns the ConfigMap with the definition of a
/// component that has a hash: members keep running that one while the component is withheld.
pub(super) fn sort(
    app: &KasprApp,
    all: AppComponents,
    definition: impl Fn(&ObjectKey, &str) -> Option<String>,
) -> Quarantine {
    let AppComponents { agents, webviews, tables, tasks, joins } = all;
    let mut context = AppContext::default();
    context.set_app(app);
    let mut withheld = Withheld::new();
    let tables = admit(tables, &mut context, &mut withheld, &definition);
    let joins = admit(joins, &mut context, &mut withheld, &definition);
    let agents = admit(agents, &mut context, &mut withheld, &definition);
    let webviews = admit(webviews, &mut context, &mut withheld, &definition);
    let tasks = admit(tasks, &mut context, &mut withheld, &definition);
    let components = AppComponents { agents, webviews, tables, tasks, joins };
    Quarantine { components, withheld, held: Vec::new() }
}

fn admit<C: ComponentKind>(
    mut components: Vec<RunnableComponent<C>>,
    context: &mut AppContext,
    withheld: &mut Withheld,
    definition: &impl Fn(&ObjectKey, &str) -> Option<String>,
) -> Vec<RunnableComponent<C>> {
    components.sort_by_cached_key(|c| (c.creation_timestamp().map(|time| time.0), c.name_any()));
    let mut admitted = Vec::new();
    for component in components {
        let mut found = Findings::default();
        component.validate_in_app(context, &mut found);
        let Some(hold) = hold_reason(&found) else {
            component.register(context);
            admitted.push(component);
            continue;
        };
        let key = ObjectKey::of(&*component);
        let running = component.status().and_then(|status| status.hash.clone());
        let frozen = running.filter(|hash| *hash != component.hash).and_then(|hash| {
            let config_map = definition(&key, &hash)?;
            Some(RunnableComponent::frozen((*component).clone(), hash, config_map))
        });
        admitted.extend(frozen);
        withheld.insert(key, hold);
    }
    sort_by_name(admitted)
}

fn hold_reason(found: &Findings) -> Option<HoldReason> {
    let first = found.errors.first()?;
    let only_missing = found.errors.iter().all(|error| error.rule.level == Level::MissingReference);
    let reason = match (only_missing, first.rule.id) {
        (true, "table-missing") => conditions::TABLE_NOT_FOUND,
        (true, _) => conditions::WAITING,
        (false, _) => conditions::CONFLICT,
    };
    let problems: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    Some(HoldReason { reason, message: problems.join("; ") })
}
