use k8s_openapi::{
    api::core::v1::{
        ConfigMap, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, KeyToPath,
        PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, Volume, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use kube::ResourceExt;

use super::{
    Link, Linked, cache_mode, claim,
    definition::{Component, config_map_name, file_name},
    environment, image, install, labels, names, probe, tls,
};
use crate::{api::KasprApp, settings::BuildSettings};

/// The members' pods.
pub fn template(
    app: &KasprApp,
    linked: &Linked,
    config_map: &ConfigMap,
    settings: &BuildSettings,
) -> PodTemplateSpec {
    let template = app.spec.template.as_ref().and_then(|t| t.pod.clone()).unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let named = |name: Option<String>| name.filter(|name| !name.is_empty());
    let account = names::app(&app.name_any());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            annotations: metadata.annotations,
            labels: Some(labels::merged(metadata.labels.as_ref(), labels::app(&app.name_any()))),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            affinity: template.affinity,
            containers: vec![container(app, linked, config_map, settings)],
            enable_service_links: template.enable_service_links,
            host_aliases: template.host_aliases,
            image_pull_secrets: template.image_pull_secrets,
            init_containers: install::containers(app, settings),
            node_selector: template.node_selector,
            priority_class_name: named(template.priority_class_name),
            scheduler_name: named(template.scheduler_name),
            security_context: template.security_context,
            service_account_name: Some(account),
            termination_grace_period_seconds: template.termination_grace_period_seconds,
            tolerations: template.tolerations,
            topology_spread_constraints: template.topology_spread_constraints,
            volumes: Some(volumes(app, linked, template.volumes)),
            ..PodSpec::default()
        }),
    }
}

fn container(app: &KasprApp, linked: &Linked, config_map: &ConfigMap, settings: &BuildSettings) -> Container {
    let template = app.spec.template.as_ref().and_then(|t| t.kaspr_container.clone()).unwrap_or_default();
    Container {
        name: names::CONTAINER.to_owned(),
        env: Some(environment::variables(app, linked, config_map)),
        image: Some(image(app, settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        ports: Some(vec![ContainerPort {
            container_port: environment::web_port(app),
            name: Some(names::WEB_PORT_NAME.to_owned()),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        liveness_probe: app.spec.liveness_probe.as_ref().map(|timing| probe::probe(app, timing)),
        readiness_probe: app.spec.readiness_probe.as_ref().map(|timing| probe::probe(app, timing)),
        resources: app.spec.resources.clone(),
        security_context: template.security_context,
        volume_mounts: Some(mounts(app, linked, template.volume_mounts)),
        ..Container::default()
    }
}

fn mounts(app: &KasprApp, linked: &Linked, users: Option<Vec<VolumeMount>>) -> Vec<VolumeMount> {
    let name = app.name_any();
    let mut mounts = vec![VolumeMount {
        mount_path: environment::table_dir(app),
        name: names::tables_volume(&name),
        ..VolumeMount::default()
    }];
    mounts.extend(definitions(app, linked).into_iter().map(|definition| definition.mount()));
    mounts.extend(tls::mounts(app));
    mounts.extend(users.unwrap_or_default());
    if app.spec.python_packages.is_some() {
        mounts.push(VolumeMount {
            mount_path: names::PACKAGES_DIR.to_owned(),
            name: names::packages_volume(&name),
            read_only: Some(true),
            // The installer links each member to its own set, which never changes; the kubelet
            // follows the link when the container starts.
            sub_path_expr: Some(format!("{}/$(POD_NAME)", names::MEMBER_LINKS)),
            ..VolumeMount::default()
        });
    }
    mounts
}

fn volumes(app: &KasprApp, linked: &Linked, users: Option<Vec<Volume>>) -> Vec<Volume> {
    let name = app.name_any();
    let mut volumes: Vec<Volume> =
        definitions(app, linked).into_iter().map(|definition| definition.volume()).collect();
    if claim::persistent(app).is_none() {
        let size = app.spec.storage.as_ref().and_then(|storage| storage.size.clone());
        volumes.push(empty_dir(names::tables_volume(&name), size));
    }
    volumes.extend(tls::volumes(app));
    volumes.extend(users.unwrap_or_default());
    if let Some(packages) = &app.spec.python_packages {
        let volume = names::packages_volume(&name);
        volumes.push(if cache_mode(packages) == "persistent" {
            Volume {
                name: volume,
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                    claim_name: names::packages_claim(&name),
                    ..PersistentVolumeClaimVolumeSource::default()
                }),
                ..Volume::default()
            }
        } else {
            empty_dir(volume, None)
        });
        volumes.push(empty_dir(names::installer_volume(&name), None));
        volumes.extend(install::key_volume(packages));
    }
    volumes
}

fn empty_dir(name: String, size: Option<String>) -> Volume {
    Volume {
        name,
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: size.map(Quantity),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A ConfigMap with a file that the framework loads.
struct Definition {
    config_map: String,
    file: String,
}

/// The files that members load, in the published operator's order. Tables that a join names stand
/// in the joins' file.
fn definitions(app: &KasprApp, linked: &Linked) -> Vec<Definition> {
    fn of<C: Component>(components: &[Link<C>]) -> impl Iterator<Item = Definition> {
        components.iter().map(|component| Definition {
            config_map: config_map_name(&**component),
            file: file_name(&**component),
        })
    }
    let tables: Vec<_> = linked.tables.iter().filter(|table| !linked.is_joined(table)).cloned().collect();
    let mut definitions: Vec<Definition> =
        of(&linked.agents).chain(of(&linked.webviews)).chain(of(&tables)).chain(of(&linked.tasks)).collect();
    if !linked.joins.is_empty() {
        let config_map = names::joins(&app.name_any());
        definitions.push(Definition { file: format!("{config_map}.yml"), config_map });
    }
    definitions
}

impl Definition {
    fn mount(&self) -> VolumeMount {
        VolumeMount {
            mount_path: format!("{}/{}", names::DEFINITIONS_DIR, self.file),
            name: self.config_map.clone(),
            read_only: Some(true),
            sub_path: Some(self.file.clone()),
            ..VolumeMount::default()
        }
    }

    fn volume(&self) -> Volume {
        Volume {
            name: self.config_map.clone(),
            config_map: Some(ConfigMapVolumeSource {
                items: Some(vec![KeyToPath {
                    key: self.file.clone(),
                    path: self.file.clone(),
                    ..KeyToPath::default()
                }]),
                name: self.config_map.clone(),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        }
    }
}
