//! Whether the operator may write an object that exists. Pure.

use kube::{ResourceExt, core::DynamicObject};

use super::ReconcileError;
use crate::{
    api::annotations::{APPLIED_HASH, RESOURCE_HASH},
    naming::{MANAGED_BY_LABEL, MANAGER},
    resources::OwnedObject,
};

/// Checks that an object that exists is the operator's, or the Python operator's: its controller is that of the
/// desired object, or it has no controller and carries a mark of one of the operators.
///
/// # Errors
///
/// [`ReconcileError::Foreign`], which says whose the object is.
pub(super) fn check(live: &DynamicObject, desired: &OwnedObject) -> Result<(), ReconcileError> {
    let wanted = &desired.value["metadata"]["ownerReferences"][0];
    match other_owner(live, wanted["kind"].as_str().zip(wanted["name"].as_str())) {
        None => Ok(()),
        Some(why) => Err(ReconcileError::Foreign { what: format!("{} {}", desired.kind, desired.name), why }),
    }
}

/// Returns whose an object is, unless it is the operator's. `controller` is the kind and the name of the resource that
/// should control it; `None` for a claim that outlives its app.
pub(super) fn other_owner(live: &DynamicObject, controller: Option<(&str, &str)>) -> Option<String> {
    let references = live.owner_references();
    let is_own = match references.iter().find(|reference| reference.controller == Some(true)) {
        Some(owner) => {
            let is_wanted = controller.is_none_or(|wanted| wanted == (&owner.kind, &owner.name));
            return (!is_wanted).then(|| format!("is controlled by {} {}", owner.kind, owner.name));
        }
        None => {
            let labelled = live.labels().get(MANAGED_BY_LABEL).is_some_and(|manager| manager == MANAGER);
            labelled
                || [APPLIED_HASH, RESOURCE_HASH].iter().any(|mark| live.annotations().contains_key(*mark))
        }
    };
    (!is_own).then(|| "was not made by the operator".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resources::OwnedKind;

    fn verdict(metadata: Value) -> String {
        let live: DynamicObject = serde_json::from_value(json!({ "metadata": metadata })).expect("an object");
        let value = json!({ "metadata": { "ownerReferences": [{ "kind": "KasprAgent", "name": "mine" }] } });
        let desired = OwnedObject { kind: OwnedKind::ConfigMap, name: "mine-agent".to_owned(), value };
        check(&live, &desired).map_or_else(|error| error.to_string(), |()| "ours".to_owned())
    }

    #[test]
    fn only_marked_objects_and_those_of_the_resource_are_ours() {
        const FOREIGN: &str = "the operator changes only objects that it made. Rename the resource, or rename or delete the object";
        let owner = |kind: &str, name: &str| {
            json!({ "ownerReferences": [{
                "apiVersion": "x/v1", "kind": kind, "name": name, "uid": "u", "controller": true,
            }]})
        };
        let cases = [
            (json!({}), format!("ConfigMap mine-agent exists and was not made by the operator: {FOREIGN}")),
            (
                json!({ "labels": { MANAGED_BY_LABEL: "Helm" } }),
                format!("ConfigMap mine-agent exists and was not made by the operator: {FOREIGN}"),
            ),
            (
                owner("Deployment", "web"),
                format!("ConfigMap mine-agent exists and is controlled by Deployment web: {FOREIGN}"),
            ),
            (
                owner("KasprAgent", "other"),
                format!("ConfigMap mine-agent exists and is controlled by KasprAgent other: {FOREIGN}"),
            ),
            (owner("KasprAgent", "mine"), "ours".to_owned()),
            (json!({ "labels": { MANAGED_BY_LABEL: MANAGER } }), "ours".to_owned()),
            (json!({ "annotations": { RESOURCE_HASH: "0" } }), "ours".to_owned()),
        ];
        for (metadata, expected) in cases {
            assert_eq!(verdict(metadata.clone()), expected, "{metadata}");
        }
    }
}
