use k8s_openapi::{
    api::core::v1::{
        ConfigMap, ConfigMapVolumeSource, Container, ContainerPort, KeyToPath, PodSpec, PodTemplateSpec,
        Volume, VolumeMount,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt;

use super::{
    AppComponents, BuildInputs, RunnableComponent,
    definition::{self, Component, config_map_name, file_name},
    environment,
    image::image,
    install, labels,
    probe::{self, Probes},
    volume,
};
use crate::{api::KasprApp, naming, pod_layout};

/// Returns the pod template of the members.
pub(super) fn template(inputs: BuildInputs<'_>, config_map: &ConfigMap) -> PodTemplateSpec {
    let app = &**inputs.app;
    let template = app.spec.template.as_ref().and_then(|t| t.pod.clone()).unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let named = |name: Option<String>| name.filter(|name| !name.is_empty());
    let account = naming::app(&app.name_any());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            annotations: metadata.annotations,
            labels: Some(labels::merged(metadata.labels.as_ref(), labels::app(&app.name_any()))),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            affinity: template.affinity,
            containers: vec![container(inputs, config_map)],
            enable_service_links: template.enable_service_links,
            host_aliases: template.host_aliases,
            image_pull_secrets: template.image_pull_secrets,
            init_containers: install::containers(inputs),
            node_selector: template.node_selector,
            priority_class_name: named(template.priority_class_name),
            scheduler_name: named(template.scheduler_name),
            security_context: template.security_context,
            service_account_name: Some(account),
            termination_grace_period_seconds: template.termination_grace_period_seconds,
            tolerations: template.tolerations,
            topology_spread_constraints: template.topology_spread_constraints,
            volumes: Some(volumes(inputs, template.volumes)).filter(|volumes| !volumes.is_empty()),
            ..PodSpec::default()
        }),
    }
}

fn container(inputs: BuildInputs<'_>, config_map: &ConfigMap) -> Container {
    let BuildInputs { app, components, settings, .. } = inputs;
    let template = app.spec.template.as_ref().and_then(|t| t.kaspr_container.clone()).unwrap_or_default();
    let Probes { startup, liveness, readiness } = probe::probes(app);
    Container {
        name: naming::CONTAINER.to_owned(),
        env: Some(environment::variables(inputs, config_map)),
        image: Some(image(app, settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        ports: Some(vec![ContainerPort {
            container_port: environment::web_port(app),
            name: Some(naming::WEB_PORT_NAME.to_owned()),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        liveness_probe: liveness,
        readiness_probe: readiness,
        resources: app.spec.resources.clone(),
        security_context: template.security_context,
        startup_probe: startup,
        // The operator cannot read logs of every cluster, but the status of a pod: it reports why a member crashed.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts(app, components, template.volume_mounts)),
        ..Container::default()
    }
}

fn mounts(app: &KasprApp, components: &AppComponents, user: Option<Vec<VolumeMount>>) -> Vec<VolumeMount> {
    let mut mounts: Vec<VolumeMount> = volume::member_mount(pod_layout::tables(app)).into_iter().collect();
    mounts.extend(definitions(app, components).into_iter().map(|definition| definition.mount()));
    mounts.extend(pod_layout::member_secrets(app).into_iter().filter_map(volume::member_mount));
    mounts.extend(user.unwrap_or_default());
    mounts.extend(pod_layout::packages(app).into_iter().filter_map(volume::member_mount));
    mounts
}

fn volumes(inputs: BuildInputs<'_>, user: Option<Vec<Volume>>) -> Vec<Volume> {
    let BuildInputs { app, components, .. } = inputs;
    let mut volumes: Vec<Volume> =
        definitions(app, components).into_iter().map(|definition| definition.volume()).collect();
    if inputs.claim_templates().is_empty() {
        volumes.extend(volume::volume(pod_layout::tables(app)));
    }
    volumes.extend(pod_layout::member_secrets(app).into_iter().filter_map(volume::volume));
    volumes.extend(user.unwrap_or_default());
    volumes.extend(pod_layout::packages(app).into_iter().filter_map(volume::volume));
    volumes
}

/// A file that the framework loads.
struct Definition {
    /// The volume, which keeps its name when the definition changes.
    volume: String,
    /// The immutable ConfigMap: a pod that restarts must read what it read before.
    config_map: String,
    file: String,
}

/// Returns the files that members load, in the Python operator's order. Tables that a join names are
/// in the file of the joins.
fn definitions(app: &KasprApp, components: &AppComponents) -> Vec<Definition> {
    fn for_kind<C: Component>(components: &[RunnableComponent<C>]) -> impl Iterator<Item = Definition> {
        components.iter().map(|component| Definition {
            volume: config_map_name(&**component),
            config_map: component.config_map(),
            file: file_name(&**component),
        })
    }
    let tables: Vec<_> =
        components.tables.iter().filter(|table| !components.is_joined(table)).cloned().collect();
    let mut definitions: Vec<Definition> = for_kind(&components.agents)
        .chain(for_kind(&components.webviews))
        .chain(for_kind(&tables))
        .chain(for_kind(&components.tasks))
        .collect();
    if !components.joins.is_empty() {
        let volume = naming::joins(&app.name_any());
        let file = definition::joins_file(app);
        // If one of them is frozen, the file with the last valid ones stays.
        let config_map = match components.joins_are_valid() {
            true => definition::joins_snapshot_name(app, components),
            false => volume.clone(),
        };
        definitions.push(Definition { volume, config_map, file });
    }
    definitions
}

impl Definition {
    fn mount(&self) -> VolumeMount {
        VolumeMount {
            mount_path: format!("{}/{}", naming::DEFINITIONS_DIR, self.file),
            name: self.volume.clone(),
            read_only: Some(true),
            sub_path: Some(self.file.clone()),
            ..VolumeMount::default()
        }
    }

    fn volume(&self) -> Volume {
        Volume {
            name: self.volume.clone(),
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
