//! Objects in the caches, as text: a tree of JSON values takes several times the memory, and there
//! are thousands of objects that are looked at once in a while.

use std::{borrow::Cow, sync::Arc};

use kube::{
    Resource,
    core::{ApiResource, DynamicObject, DynamicResourceScope, ObjectMeta, TypeMeta},
};
use serde::Deserialize;

use crate::build::OwnedKind;

/// An object that the operator made, as the watch brought it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "DynamicObject")]
pub struct Compact {
    metadata: ObjectMeta,
    /// Everything else, as JSON.
    text: Arc<str>,
}

impl From<DynamicObject> for Compact {
    fn from(object: DynamicObject) -> Self {
        let DynamicObject { metadata, data, .. } = object;
        Self { metadata, text: data.to_string().into() }
    }
}

impl Compact {
    /// The object, to look at. Lists bring objects without their type, so it comes from the caller.
    pub fn object(&self, kind: OwnedKind) -> DynamicObject {
        let ApiResource { api_version, kind, .. } = kind.resource();
        DynamicObject {
            types: Some(TypeMeta { api_version, kind }),
            metadata: self.metadata.clone(),
            // It was written as JSON here.
            data: serde_json::from_str(&self.text).unwrap_or_default(),
        }
    }
}

impl Resource for Compact {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(kind)
    }

    fn version(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(kind)
    }

    fn kind(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(kind)
    }

    fn plural(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
