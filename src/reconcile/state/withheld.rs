//! The components that the last reconcile of each app withheld.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use kube::core::DynamicObject;

use crate::{
    reconcile::{
        cache::index::ObjectKey,
        quarantine::Withheld,
        rollout::state::{HeldComponent, RolloutState},
    },
    sync::lock,
};

/// The withheld components, by app.
#[derive(Default)]
pub(crate) struct WithheldComponents(Mutex<HashMap<ObjectKey, Record>>);

#[derive(Default, PartialEq)]
struct Record {
    withheld: Withheld,
    /// Those that the StatefulSet names, which components read too.
    held: Vec<HeldComponent>,
}

impl WithheldComponents {
    /// Remembers the withheld components of an app. Returns those whose verdict changed, or that were reconciled with
    /// another StatefulSet than `live`.
    pub(crate) fn update(
        &self,
        app: &ObjectKey,
        withheld: &Withheld,
        live: Option<&DynamicObject>,
    ) -> Vec<ObjectKey> {
        let held = RolloutState::of(live).held.map(|held| held.components).unwrap_or_default();
        let next = Record { withheld: withheld.clone(), held };
        let mut all = lock(&self.0);
        let before = all.remove(app).unwrap_or_default();
        let mut changed: BTreeSet<ObjectKey> = BTreeSet::new();
        let keys = before.withheld.keys().chain(withheld.keys());
        changed.extend(keys.filter(|key| before.withheld.get(*key) != withheld.get(*key)).cloned());
        let differs = |held: &&HeldComponent| before.held.contains(held) != next.held.contains(held);
        changed.extend(
            before.held.iter().chain(&next.held).filter(differs).map(|held| held.key(&app.namespace)),
        );
        if next != Record::default() {
            all.insert(app.clone(), next);
        }
        changed.into_iter().collect()
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        api::Kind,
        reconcile::{conditions, quarantine::HoldReason},
        resources::OwnedKind,
    };

    fn key(kind: Kind, name: &str) -> ObjectKey {
        ObjectKey { kind, namespace: "ns".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_component_is_reconciled_again_when_the_statefulset_withholds_or_releases_it() {
        let mut set = DynamicObject::new("clicks-app", &OwnedKind::StatefulSet.api_resource());
        let component = json!({ "kind": "KasprAgent", "name": "counter", "failed": "b", "good": "a" });
        let state = json!({ "held": { "components": [component] } }).to_string();
        set.metadata.annotations = Some([(crate::api::annotations::ROLLOUT_STATE.to_owned(), state)].into());
        let (app, agent) = (key(Kind::App, "clicks"), key(Kind::Agent, "counter"));
        let hold = HoldReason { reason: conditions::ROLLED_BACK, message: "crash".to_owned() };
        let withheld = Withheld::from([(agent.clone(), hold)]);
        let all = WithheldComponents::default();
        let only_agent = vec![agent];
        assert_eq!(all.update(&app, &Withheld::new(), None), []);
        assert_eq!(all.update(&app, &withheld, Some(&set)), only_agent);
        assert_eq!(all.update(&app, &withheld, Some(&set)), []);
        // The release was decided before the StatefulSet shows it.
        assert_eq!(all.update(&app, &Withheld::new(), Some(&set)), only_agent);
        assert_eq!(all.update(&app, &Withheld::new(), None), only_agent);
        assert_eq!(all.update(&app, &Withheld::new(), None), []);
    }
}
