use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use kube::ResourceExt;

use super::{labels, legacy_hash, metadata};
use crate::{
    api::{KasprApp, Storage, StorageType, annotations::RESOURCE_HASH, defaults},
    naming, pod_layout,
};

/// Returns the claim for Python packages that all members share, if they are cached in one.
pub(super) fn packages(app: &KasprApp) -> Option<PersistentVolumeClaim> {
    let packages = app.spec.python_packages.as_ref()?;
    if !pod_layout::uses_claim(packages) {
        return None;
    }
    let cache = packages.cache.as_ref()?;
    let name = app.name_any();
    let mut own = labels::app(&name);
    own.insert(naming::COMPONENT_LABEL.to_owned(), naming::PACKAGES_COMPONENT.to_owned());
    let merged = labels::merged(Some(app.labels()), own);
    let claim_name = naming::packages_claim(&name);
    let size = cache.size.as_deref().unwrap_or(defaults::CACHE_SIZE);
    let class = cache.storage_class.as_deref();
    let mut metadata = match cache.delete_claim {
        Some(false) => metadata::unowned(app, claim_name, merged),
        _ => metadata::owned(app, claim_name, merged),
    };
    let hash = legacy_hash::packages_claim(&metadata, size, class);
    metadata::annotate(&mut metadata, RESOURCE_HASH, hash);
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(spec(defaults::CACHE_ACCESS_MODE, Some(size), class)),
        ..PersistentVolumeClaim::default()
    })
}

/// Returns the claim template for the members' tables, if the storage is persistent.
pub(super) fn tables(app: &KasprApp) -> Option<PersistentVolumeClaim> {
    let storage = persistent(app)?;
    let name = naming::tables_volume(&app.name_any());
    let (size, class) = (storage.size.as_deref(), storage.class.as_deref());
    let hash = legacy_hash::claim_template(&name, size, class);
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name),
            annotations: Some(BTreeMap::from([(RESOURCE_HASH.to_owned(), hash)])),
            ..ObjectMeta::default()
        },
        spec: Some(spec("ReadWriteOnce", size, class)),
        ..PersistentVolumeClaim::default()
    })
}

/// Returns the storage of an app, if it is persistent.
pub(super) fn persistent(app: &KasprApp) -> Option<&Storage> {
    app.spec.storage.as_ref().filter(|storage| storage.r#type == StorageType::PersistentClaim)
}

fn spec(mode: &str, size: Option<&str>, class: Option<&str>) -> PersistentVolumeClaimSpec {
    let requests = size.map(|size| BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))]));
    PersistentVolumeClaimSpec {
        access_modes: Some(vec![mode.to_owned()]),
        resources: Some(VolumeResourceRequirements { requests, ..VolumeResourceRequirements::default() }),
        storage_class_name: class.map(str::to_owned),
        ..PersistentVolumeClaimSpec::default()
    }
}
