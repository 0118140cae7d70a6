use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use super::{environment, labels, legacy_hash, metadata};
use crate::{
    api::{KasprApp, Kind},
    naming,
};

/// Returns the ConfigMap with the framework's settings, which the members read key by key.
pub(super) fn config_map(app: &KasprApp) -> ConfigMap {
    let name = app.name_any();
    let labels = labels::merged(Some(app.labels()), labels::app(&name));
    let mut map = ConfigMap {
        metadata: metadata::owned(app, naming::config_map(&name), labels),
        data: Some(environment::settings(app).into_iter().collect()),
        ..ConfigMap::default()
    };
    legacy_hash::stamp_config_map(&mut map, Kind::App);
    map
}
