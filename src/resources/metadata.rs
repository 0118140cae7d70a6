use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};

use super::labels::Labels;

/// Returns metadata of an object that is garbage-collected with its owner.
pub(super) fn owned<K: Resource<DynamicType = ()>>(owner: &K, name: String, labels: Labels) -> ObjectMeta {
    let owner_references = owner.controller_owner_ref(&()).map(|mut reference| {
        // Deleting the owner in the foreground waits for the object.
        reference.block_owner_deletion = Some(true);
        vec![reference]
    });
    ObjectMeta { owner_references, ..unowned(owner, name, labels) }
}

/// Returns metadata of an object that outlives the resource it is made for.
pub(super) fn unowned<K: Resource>(made_for: &K, name: String, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: made_for.namespace(),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// Adds an annotation.
pub(super) fn annotate(metadata: &mut ObjectMeta, key: &str, value: String) {
    metadata.annotations.get_or_insert_with(BTreeMap::new).insert(key.to_owned(), value);
}
