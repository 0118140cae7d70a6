//! The immutable copy of an app's settings.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use super::{hash, labels, metadata};
use crate::{api::KasprApp, naming};

/// Returns the hash of an app's settings.
pub(super) fn hash_of(settings: &ConfigMap) -> String {
    hash::of_json(&serde_json::to_value(&settings.data).unwrap_or_default())
}

/// Returns the name of the immutable copy of an app's settings.
pub(super) fn snapshot_name(app: &KasprApp, settings: &ConfigMap) -> String {
    naming::config_map_snapshot(&app.name_any(), &hash_of(settings))
}

/// Returns the immutable copy of an app's settings that pods read: one that restarts reads what it read before.
pub(super) fn snapshot(app: &KasprApp, settings: &ConfigMap) -> ConfigMap {
    let name = app.name_any();
    let mut labels = labels::app(&name);
    labels.insert(naming::SNAPSHOT_LABEL.to_owned(), naming::config_map(&name));
    ConfigMap {
        metadata: metadata::owned(app, snapshot_name(app, settings), labels),
        data: settings.data.clone(),
        immutable: Some(true),
        ..ConfigMap::default()
    }
}
