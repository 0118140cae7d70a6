//! Writes edited managed fields.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Number of attempts: another client may change the object between reading and writing it.
const ATTEMPTS: usize = 5;

/// Reads an object and edits its managed fields; `edit` returns nothing if they stay. Returns whether any changed.
///
/// # Errors
///
/// The API server refused a request or could not be reached.
pub(super) async fn take_over<K>(
    api: &Api<K>,
    name: &str,
    edit: impl Fn(&[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>>,
) -> kube::Result<bool>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    for attempt in 1..=ATTEMPTS {
        let Some(live) = api.get_metadata_opt(name).await? else { return Ok(false) };
        let Some(fields) = edit(live.managed_fields()) else { return Ok(false) };
        let patch = json!({
            "metadata": { "managedFields": fields, "resourceVersion": live.resource_version() },
        });
        match api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Err(kube::Error::Api(status)) if status.is_conflict() && attempt < ATTEMPTS => {}
            patched => return patched.map(|_| true),
        }
    }
    Ok(false)
}
