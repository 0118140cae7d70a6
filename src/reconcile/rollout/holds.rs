//! Components whose definitions are withheld after a change failed: the members run the definitions of the revision that
//! they returned to, until a component changes. Pure.

use kube::ResourceExt;

use super::state::{HeldChange, HeldComponent};
use crate::{
    reconcile::{
        cache::index::ObjectKey,
        component_kind::ComponentKind,
        conditions,
        quarantine::{HoldReason, Quarantine},
    },
    resources::RunnableComponent,
};

/// Replaces the definitions that are withheld by those that worked. A component that changed since then is free.
/// `definition` returns the ConfigMap with the definition of a component that has a hash.
pub(in crate::reconcile) fn apply(
    held: &HeldChange,
    quarantine: &mut Quarantine,
    definition: impl Fn(&ObjectKey, &str) -> Option<String>,
) {
    let mut holds = Holds { held, definition: &definition, found: Vec::new() };
    let components = &mut quarantine.components;
    holds.apply(&mut components.agents);
    holds.apply(&mut components.webviews);
    holds.apply(&mut components.tables);
    holds.apply(&mut components.tasks);
    holds.apply(&mut components.joins);
    for (key, component) in holds.found {
        let what = match &component.good {
            Some(hash) => format!("the members run its earlier definition {hash}"),
            None => "the members run without it".to_owned(),
        };
        let message = format!("withheld, because the members did not work with it ({}): {what}", held.cause);
        quarantine.withheld.insert(key, HoldReason { reason: conditions::ROLLED_BACK, message });
        quarantine.held.push(component);
    }
}

struct Holds<'a> {
    held: &'a HeldChange,
    definition: &'a dyn Fn(&ObjectKey, &str) -> Option<String>,
    found: Vec<(ObjectKey, HeldComponent)>,
}

impl Holds<'_> {
    fn apply<C: ComponentKind>(&mut self, components: &mut Vec<RunnableComponent<C>>) {
        let mut kept = Vec::new();
        for component in std::mem::take(components) {
            let key = ObjectKey::of(&*component);
            let hold =
                self.held.components.iter().find(|hold| hold.is(&key) && hold.failed == component.hash);
            let Some(hold) = hold.filter(|_| component.as_valid().is_some()) else {
                kept.push(component);
                continue;
            };
            let earlier = hold.good.as_ref().and_then(|hash| {
                let config_map = (self.definition)(&key, hash)?;
                Some(RunnableComponent::frozen((*component).clone(), hash.clone(), config_map))
            });
            kept.extend(earlier);
            self.found.push((key, hold.clone()));
        }
        kept.sort_by_cached_key(|component| component.name_any());
        *components = kept;
    }
}
