//! Volumes and mounts of the user, next to those that the operator adds.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::VolumeMount;

use super::{findings::Findings, path::Path, rule, shared};
use crate::{
    api::KasprApp,
    pod_layout::{self, PodVolume},
};

/// Checks that each mount has a volume, and that each path is mounted once. `at` is the path of the template.
pub(super) fn check(app: &KasprApp, at: &Path, found: &mut Findings) {
    let Some(template) = &app.spec.template else { return };
    let volumes = || {
        template.pod.iter().flat_map(|pod| pod.volumes.iter().flatten()).map(|volume| volume.name.as_str())
    };
    let own = pod_layout::volumes(app);
    let is_own = |volume: &str| own.iter().any(|own| own.name == volume);
    for (i, volume) in volumes().enumerate().filter(|(_, volume)| is_own(volume)) {
        let at = at.child("pod").child("volumes").index(i).child("name");
        found.forbidden(
            rule::VOLUME,
            at,
            format!("'{volume}' is the name of a volume that the operator adds"),
        );
    }
    let known: BTreeSet<&str> = volumes().chain(own.iter().map(|volume| volume.name.as_str())).collect();
    let offered = shared::one_of(volumes());
    let paths = |mount: fn(&PodVolume) -> Option<&String>| -> Vec<&str> {
        own.iter().filter_map(mount).map(|path| path.trim_end_matches('/')).collect()
    };
    let member_paths = paths(|volume| volume.member_mount.as_ref());
    let install_paths = paths(|volume| volume.install_mount.as_ref());
    let containers = [
        ("kasprContainer", &template.kaspr_container, &member_paths),
        ("pythonPackagesInitContainer", &template.python_packages_init_container, &install_paths),
    ];
    for (field, container, taken) in containers {
        let mut paths: BTreeMap<&str, bool> = taken.iter().map(|path| (*path, true)).collect();
        for (i, mount) in
            container.iter().flat_map(|container| container.volume_mounts.iter().flatten()).enumerate()
        {
            let at = at.child(field).child("volumeMounts").index(i);
            if !known.contains(mount.name.as_str()) {
                let detail = format!("must name a volume of spec.template.pod.volumes: {offered}");
                found.invalid(rule::MOUNT, at.child("name"), mount.name.as_str(), detail);
            }
            check_path(mount, &mut paths, &at, found);
            check_sub_path(mount, &at, found);
        }
    }
}

/// Checks the path of a mount; `paths` are the paths that are mounted already, with whether the operator
/// mounts them.
fn check_path<'a>(
    mount: &'a VolumeMount,
    paths: &mut BTreeMap<&'a str, bool>,
    at: &Path,
    found: &mut Findings,
) {
    let path = mount.mount_path.as_str();
    if path.is_empty() || path.contains(':') {
        found.invalid(rule::MOUNT, at.child("mountPath"), path, "must be a path without ':'");
        return;
    }
    match paths.insert(path.trim_end_matches('/'), false) {
        Some(true) => found.forbidden(
            rule::MOUNT,
            at.child("mountPath"),
            format!("'{path}' is mounted by the operator"),
        ),
        Some(false) => found.duplicate(rule::MOUNT, at.child("mountPath"), path),
        None => {}
    }
}

fn check_sub_path(mount: &VolumeMount, at: &Path, found: &mut Findings) {
    if mount.sub_path.is_some() && mount.sub_path_expr.is_some() {
        found.forbidden(rule::EXCLUSIVE, at.child("subPathExpr"), "must not be given together with subPath");
    }
    for (field, path) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
        if let Some(path) = path
            && (path.starts_with('/') || path.split('/').any(|part| part == ".."))
        {
            found.invalid(
                rule::MOUNT,
                at.child(field),
                path.as_str(),
                "must be a relative path without '..'",
            );
        }
    }
}
