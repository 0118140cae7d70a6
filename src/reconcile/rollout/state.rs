//! What is known of the revisions of an app's pods: an annotation of the StatefulSet, written together with the template,
//! so that a restart of the operator at any point loses nothing.

use kube::{ResourceExt, core::DynamicObject};
use serde::{Deserialize, Serialize};

use crate::{
    api::{Kind, annotations::ROLLOUT_STATE},
    reconcile::cache::index::ObjectKey,
};

/// What is known of the revisions of an app's pods.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutState {
    /// The last revision with which all members worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
    /// When the current change, or its current stage, began, in Unix seconds; `None` if nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Whether only the last member is changed, and the others after it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub one_first: bool,
    /// Whether all members worked when the change began.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub worked_before: bool,
    /// The change that is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldChange>,
}

/// A change that is withheld after the pods returned to an earlier revision.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeldChange {
    /// The revision of the pods that the change made.
    pub revision: String,
    /// The revision that the pods returned to.
    pub returned_to: String,
    /// The hash of the inputs that are withheld. While the inputs are these, the template stays.
    pub inputs: String,
    /// Why, for the user.
    pub cause: String,
    /// The components whose definitions are withheld.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<HeldComponent>,
    /// Whether a person requested the return.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
}

/// A component whose definition is withheld until it changes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldComponent {
    /// The kind.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// The hash of the definition that is withheld.
    pub failed: String,
    /// The hash of the definition that the members run instead; `None` if they ran none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
}

impl RolloutState {
    /// Reads the state from a StatefulSet. One without a readable state has none: nothing is returned to then.
    #[must_use]
    pub fn of(set: Option<&DynamicObject>) -> Self {
        let text = set.and_then(|set| set.annotations().get(ROLLOUT_STATE));
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

impl HeldComponent {
    /// Returns whether this is the component with the key.
    pub(in crate::reconcile) fn is(&self, key: &ObjectKey) -> bool {
        self.kind == key.kind && self.name == key.name
    }
}
