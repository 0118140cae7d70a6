use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use kube::ResourceExt;

use super::{labels, metadata, names, published};
use crate::api::{KasprApp, Storage, StorageType};

/// The claim for Python packages that all members share, if the app keeps them in one.
pub fn packages(app: &KasprApp) -> Option<PersistentVolumeClaim> {
    let packages = app.spec.python_packages.as_ref()?;
    if super::cache_mode(packages) != "persistent" {
        return None;
    }
    let cache = packages.cache.as_ref()?;
    let name = app.name_any();
    let mut own = labels::app(&name);
    own.insert(labels::COMPONENT_LABEL.to_owned(), "python-packages".to_owned());
    let merged = labels::merged(Some(app.labels()), own);
    let claim_name = names::packages_claim(&name);
    let size = cache.size.as_deref().unwrap_or("256Mi");
    let class = cache.storage_class.as_deref();
    let mut metadata = match cache.delete_claim {
        Some(false) => metadata::free(app, claim_name, merged),
        _ => metadata::owned(app, claim_name, merged),
    };
    let hash = published::packages_claim(&metadata, size, class);
    metadata::annotate(&mut metadata, labels::HASH_ANNOTATION, hash);
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(spec("ReadWriteMany", Some(size), class)),
        ..PersistentVolumeClaim::default()
    })
}

/// The claim template for the members' tables, if they outlive a pod.
pub fn tables(app: &KasprApp) -> Option<PersistentVolumeClaim> {
    let storage = persistent(app)?;
    let name = names::tables_volume(&app.name_any());
    let (size, class) = (storage.size.as_deref(), storage.class.as_deref());
    let hash = published::claim_template(&name, size, class);
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name),
            annotations: Some(BTreeMap::from([(labels::HASH_ANNOTATION.to_owned(), hash)])),
            ..ObjectMeta::default()
        },
        spec: Some(spec("ReadWriteOnce", size, class)),
        ..PersistentVolumeClaim::default()
    })
}

/// The storage of an app whose tables outlive a pod.
pub fn persistent(app: &KasprApp) -> Option<&Storage> {
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
