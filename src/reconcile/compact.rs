//! Objects in the caches, as text: parsed, they take several times the memory, and there are thousands
//! of objects that are looked at once in a while.

use std::{borrow::Cow, sync::Arc};

use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, TypeMeta},
    runtime::reflector,
};

use super::links::Key;
use crate::build::OwnedKind;

/// An object that the operator made, as the watch brought it.
#[derive(Clone, Debug)]
pub struct Compact {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Tells it from another object of that name.
    pub uid: Box<str>,
    /// Its resource version.
    pub version: Box<str>,
    /// The resource that controls it.
    pub owner: Option<Key>,
    /// All of it but its type, as JSON.
    text: Arc<str>,
}

impl From<DynamicObject> for Compact {
    fn from(object: DynamicObject) -> Self {
        let object = DynamicObject { types: None, ..object };
        Self {
            namespace: object.namespace().unwrap_or_default().into(),
            name: object.name_any().into(),
            uid: object.uid().unwrap_or_default().into(),
            version: object.resource_version().unwrap_or_default().into(),
            owner: Key::controller(&object.metadata),
            // What was read from JSON can be written as JSON.
            text: serde_json::to_string(&object).unwrap_or_default().into(),
        }
    }
}

impl Compact {
    /// The object, to look at. Lists bring objects without their type, so it comes from the caller.
    pub fn object(&self, kind: OwnedKind) -> Option<DynamicObject> {
        let object: DynamicObject = serde_json::from_str(&self.text).ok()?;
        let ApiResource { api_version, kind, .. } = kind.resource();
        Some(DynamicObject { types: Some(TypeMeta { api_version, kind }), ..object })
    }
}

impl reflector::Lookup for Compact {
    type DynamicType = OwnedKind;

    fn kind(kind: &OwnedKind) -> Cow<'_, str> {
        kind.resource().kind.into()
    }

    fn group(kind: &OwnedKind) -> Cow<'_, str> {
        kind.resource().group.into()
    }

    fn version(kind: &OwnedKind) -> Cow<'_, str> {
        kind.resource().version.into()
    }

    fn plural(kind: &OwnedKind) -> Cow<'_, str> {
        kind.resource().plural.into()
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some((&*self.name).into())
    }

    fn namespace(&self) -> Option<Cow<'_, str>> {
        Some((&*self.namespace).into())
    }

    // The store keeps both with each key, and nobody reads them there.
    fn resource_version(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        None
    }
}
