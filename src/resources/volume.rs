//! Volumes and mounts, from the pod layout.

use k8s_openapi::{
    api::core::v1::{
        EmptyDirVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume,
        VolumeMount,
    },
    apimachinery::pkg::api::resource::Quantity,
};

use crate::{
    naming,
    pod_layout::{PodVolume, PodVolumeSource},
};

/// Returns the volume, unless the StatefulSet's claim template adds it.
pub(super) fn volume(volume: PodVolume) -> Option<Volume> {
    let PodVolume { name, source, .. } = volume;
    let volume = Volume { name, ..Volume::default() };
    Some(match source {
        PodVolumeSource::ClaimTemplate => return None,
        PodVolumeSource::Claim(claim_name) => Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name,
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..volume
        },
        PodVolumeSource::EmptyDir(size) => Volume {
            empty_dir: Some(EmptyDirVolumeSource {
                size_limit: size.map(Quantity),
                ..EmptyDirVolumeSource::default()
            }),
            ..volume
        },
        PodVolumeSource::Secret { name, items } => {
            let item = |(key, file): (String, &str)| KeyToPath {
                key,
                path: file.to_owned(),
                ..KeyToPath::default()
            };
            Volume {
                secret: Some(SecretVolumeSource {
                    items: Some(items.into_iter().map(item).collect()),
                    secret_name: Some(name),
                    ..SecretVolumeSource::default()
                }),
                ..volume
            }
        }
    })
}

/// Returns the mount in the member's container, if there is one.
pub(super) fn member_mount(volume: PodVolume) -> Option<VolumeMount> {
    let mount_path = volume.member_mount?;
    // Each member sees the package set that the installer linked for it. The set is immutable, and the
    // kubelet resolves the link when the container starts.
    let set = (mount_path == naming::PACKAGES_DIR).then(|| format!("{}/$(POD_NAME)", naming::MEMBER_LINKS));
    let read_only = set.is_some() || matches!(volume.source, PodVolumeSource::Secret { .. });
    Some(VolumeMount {
        mount_path,
        name: volume.name,
        read_only: read_only.then_some(true),
        sub_path_expr: set,
        ..VolumeMount::default()
    })
}

/// Returns the mount in the install container, if there is one.
pub(super) fn install_mount(volume: PodVolume) -> Option<VolumeMount> {
    let read_only = matches!(volume.source, PodVolumeSource::Secret { .. });
    Some(VolumeMount {
        mount_path: volume.install_mount?,
        name: volume.name,
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    })
}
