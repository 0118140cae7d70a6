//! Manifests in the documents of an input.

use serde::Deserialize;
use serde_json::Value;

use super::{documents::Document, finding::ResourceId, schema};
use crate::{
    admission::{self, AdmittedObject, KindHandler},
    api::Kind,
    validate::Segment,
};

/// A manifest: a document, or an item of a list in a document.
#[derive(Clone)]
pub(super) struct Manifest {
    /// Index of the document.
    pub document: usize,
    /// Path of the manifest in the document.
    pub at: Vec<Segment>,
    /// Content of the manifest.
    pub value: Value,
    /// Identity of the resource, with the default namespace if the manifest has none.
    pub resource: ResourceId,
}

/// Namespace and name of an app.
pub(in crate::cli) type AppKey = (String, String);

impl Manifest {
    /// Returns the kind, if it is one of the kinds of kaspr.io.
    #[must_use]
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::from_name(&self.resource.kind)
    }

    /// Returns the API group; empty for the core group.
    #[must_use]
    pub(super) fn group(&self) -> &str {
        as_text(&self.value["apiVersion"]).split_once('/').map_or("", |(group, _)| group)
    }

    /// Returns namespace and name of the resource.
    #[must_use]
    pub(super) fn key(&self) -> AppKey {
        (self.resource.namespace.clone(), self.resource.name.clone())
    }

    /// Returns the app that a resource is, or belongs to. `object` is the parsed manifest.
    #[must_use]
    pub(super) fn app_key(&self, object: &AdmittedObject) -> Option<AppKey> {
        let app = admission::app_of(self.kind()?, &object.metadata)?;
        Some((self.resource.namespace.clone(), app.clone()))
    }

    /// Parses a resource of a known kind as in an admission review. Returns `None` if the kind is unknown or
    /// the metadata cannot be parsed.
    #[must_use]
    pub(super) fn parse(&self) -> Option<(&'static KindHandler, AdmittedObject)> {
        let handler = admission::handler_for(self.kind()?);
        let mut object = AdmittedObject::deserialize(&self.value).ok()?;
        object.metadata.namespace = Some(self.resource.namespace.clone());
        Some((handler, object))
    }
}

/// Takes the manifests out of all documents, including the items of lists.
#[must_use]
pub(super) fn take_manifests(documents: &mut [Document], namespace: &str) -> Vec<Manifest> {
    let mut found = Vec::new();
    for (document, value) in
        documents.iter_mut().enumerate().filter_map(|(i, d)| Some((i, d.value.as_mut().ok()?.take())))
    {
        let mut add = |at: Vec<Segment>, mut value: Value| {
            let resource = resource_id(&value, namespace);
            // Only the operator writes the status, and what another operator wrote there has another schema.
            value.as_object_mut().and_then(|fields| fields.remove("status"));
            if let Some(kind) = Kind::from_name(&resource.kind) {
                schema::remove_nulls(kind, &mut value);
            }
            found.push(Manifest { document, at, value, resource });
        };
        match value {
            Value::Object(mut list)
                if list.get("kind").is_some_and(|kind| as_text(kind).ends_with("List")) =>
            {
                match list.remove("items") {
                    Some(Value::Array(items)) => {
                        for (i, item) in items.into_iter().enumerate() {
                            add(vec![Segment::Field("items".into()), Segment::Index(i)], item);
                        }
                    }
                    // Not a list: a kind whose name ends like one.
                    items => {
                        list.extend(items.map(|items| ("items".to_owned(), items)));
                        add(Vec::new(), Value::Object(list));
                    }
                }
            }
            value => add(Vec::new(), value),
        }
    }
    found
}

fn resource_id(value: &Value, default_namespace: &str) -> ResourceId {
    let metadata = &value["metadata"];
    let names = [&metadata["name"], &metadata["generateName"]].map(as_text);
    let namespace = as_text(&metadata["namespace"]);
    ResourceId {
        kind: as_text(&value["kind"]).to_owned(),
        namespace: if namespace.is_empty() { default_namespace } else { namespace }.to_owned(),
        name: names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned(),
    }
}

/// Returns a string value, or the empty string.
#[must_use]
pub(super) fn as_text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
