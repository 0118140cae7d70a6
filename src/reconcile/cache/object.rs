//! Cached objects as JSON text: parsed, they take several times the memory, and each of thousands is
//! read only now and then.

use std::{borrow::Cow, sync::Arc};

use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, TypeMeta},
    runtime::reflector,
};

use super::index::ObjectKey;
use crate::{api::annotations::ROLLOUT_STATE, resources::OwnedKind};

/// An object that the operator made, as the watch delivered it.
#[derive(Clone, Debug)]
pub(crate) struct SerializedObject {
    /// The namespace.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
    /// The UID.
    pub uid: Box<str>,
    /// The resource version.
    pub version: Box<str>,
    /// The resource that controls it.
    pub owner: Option<ObjectKey>,
    /// The state of the rollout of a StatefulSet, which each reconcile of a component reads.
    pub rollout_state: Option<Box<str>>,
    /// The object without apiVersion and kind, as JSON.
    text: Arc<str>,
}

impl From<DynamicObject> for SerializedObject {
    fn from(object: DynamicObject) -> Self {
        let object = DynamicObject { types: None, ..object };
        Self {
            namespace: object.namespace().unwrap_or_default().into(),
            name: object.name_any().into(),
            uid: object.uid().unwrap_or_default().into(),
            version: object.resource_version().unwrap_or_default().into(),
            owner: ObjectKey::controller(&object.metadata),
            rollout_state: object.annotations().get(ROLLOUT_STATE).map(|state| state.as_str().into()),
            // An object that was read from JSON can be written as JSON.
            text: serde_json::to_string(&object).unwrap_or_default().into(),
        }
    }
}

impl SerializedObject {
    /// Parses the object. Lists deliver objects without their type, so the caller passes the kind.
    pub(crate) fn parse(&self, kind: OwnedKind) -> Option<DynamicObject> {
        let object: DynamicObject = serde_json::from_str(&self.text).ok()?;
        let ApiResource { api_version, kind, .. } = kind.api_resource();
        Some(DynamicObject { types: Some(TypeMeta { api_version, kind }), ..object })
    }
}

impl reflector::Lookup for SerializedObject {
    type DynamicType = OwnedKind;

    fn kind(kind: &OwnedKind) -> Cow<'_, str> {
        kind.api_resource().kind.into()
    }

    fn group(kind: &OwnedKind) -> Cow<'_, str> {
        kind.api_resource().group.into()
    }

    fn version(kind: &OwnedKind) -> Cow<'_, str> {
        kind.api_resource().version.into()
    }

    fn plural(kind: &OwnedKind) -> Cow<'_, str> {
        kind.api_resource().plural.into()
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some((&*self.name).into())
    }

    fn namespace(&self) -> Option<Cow<'_, str>> {
        Some((&*self.namespace).into())
    }

    // The store would keep both with each key, where they are never read.
    fn resource_version(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        None
    }
}
