//! Mounts of the user's among those that the operator adds.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::VolumeMount;
use kube::ResourceExt;

use super::{Findings, Path, rule, shared};
use crate::api::{CacheType, KasprApp};

/// Where the members find Python packages.
const PACKAGES_DIR: &str = "/opt/kaspr/packages";

/// Where the install container finds the installer.
const INSTALLER_DIR: &str = "/opt/kaspr/installer";

/// Mounts need a volume, and each path can be mounted once. `at` is the template.
pub fn check(app: &KasprApp, at: &Path, found: &mut Findings) {
    let Some(template) = &app.spec.template else { return };
    let volumes = || {
        template.pod.iter().flat_map(|pod| pod.volumes.iter().flatten()).map(|volume| volume.name.as_str())
    };
    let own = Own::of(app);
    for (i, volume) in volumes().enumerate().filter(|(_, volume)| own.volumes.contains(*volume)) {
        let at = at.child("pod").child("volumes").index(i).child("name");
        found.forbidden(
            rule::VOLUME,
            at,
            format!("'{volume}' is the name of a volume that the operator adds"),
        );
    }
    let known: BTreeSet<&str> = volumes().chain(own.volumes.iter().map(String::as_str)).collect();
    let offered = match volumes().next() {
        None => "there is none".to_owned(),
        Some(_) => format!("one of {}", shared::quoted(volumes())),
    };
    let containers = [
        ("kasprContainer", &template.kaspr_container, &own.mounts),
        ("pythonPackagesInitContainer", &template.python_packages_init_container, &own.install_mounts),
    ];
    for (field, container, taken) in containers {
        let mut paths: BTreeMap<&str, bool> = taken.iter().map(|path| (path.as_str(), true)).collect();
        for (i, mount) in
            container.iter().flat_map(|container| container.volume_mounts.iter().flatten()).enumerate()
        {
            let at = at.child(field).child("volumeMounts").index(i);
            if !known.contains(mount.name.as_str()) {
                let detail = format!("must name a volume of spec.template.pod.volumes: {offered}");
                found.invalid(rule::MOUNT, at.child("name"), mount.name.as_str(), detail);
            }
            path(mount, &mut paths, &at, found);
            sub_path(mount, &at, found);
        }
    }
}

/// What the operator itself adds to the pods.
struct Own {
    volumes: BTreeSet<String>,
    mounts: Vec<String>,
    install_mounts: Vec<String>,
}

impl Own {
    fn of(app: &KasprApp) -> Self {
        let name = format!("{}-app", app.name_any());
        let tables =
            app.spec.config.as_ref().and_then(|config| config.0.get("tableDir")).filter(|dir| !dir.is_null());
        let tables = tables.map_or("/var/lib/data/tables".to_owned(), shared::as_text);
        let mut own = Self {
            volumes: [format!("{name}-pv")].into(),
            mounts: vec![tables.trim_end_matches('/').to_owned()],
            install_mounts: Vec::new(),
        };
        let tls = app.spec.tls.as_ref();
        let secrets = [
            ("kafka-ca", tls.is_some_and(|tls| tls.ca_secret.is_some())),
            ("kafka-certificate", tls.is_some_and(|tls| tls.certificate_secret.is_some())),
        ];
        for (volume, _) in secrets.into_iter().filter(|(_, given)| *given) {
            own.volumes.insert(volume.to_owned());
            own.mounts.push(format!("/var/run/secrets/{volume}"));
        }
        let Some(packages) = &app.spec.python_packages else { return own };
        own.volumes.insert(format!("{name}-packages"));
        own.mounts.push(PACKAGES_DIR.to_owned());
        own.install_mounts.push(PACKAGES_DIR.to_owned());
        own.volumes.insert(format!("{name}-installer"));
        own.install_mounts.push(INSTALLER_DIR.to_owned());
        if packages.cache.as_ref().is_some_and(|cache| {
            cache.r#type == Some(CacheType::Gcs)
                && cache.gcs.as_ref().is_some_and(|gcs| gcs.secret_ref.is_some())
        }) {
            own.volumes.insert("gcs-sa-key".to_owned());
            own.install_mounts.push("/var/run/secrets/gcs".to_owned());
        }
        own
    }
}

/// `paths` are those mounted so far, with whether the operator mounts them.
fn path<'a>(mount: &'a VolumeMount, paths: &mut BTreeMap<&'a str, bool>, at: &Path, found: &mut Findings) {
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

fn sub_path(mount: &VolumeMount, at: &Path, found: &mut Findings) {
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
