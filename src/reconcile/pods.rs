//! The members' pods, as far as the operator looks at them.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use kube::{Resource, ResourceExt};

use super::{
    links::{APP, Key},
    watch,
};
use crate::build::{labels::CLUSTER, names};

/// The variable with the hash of the package set that a pod was made for.
const PACKAGES_HASH: &str = "PACKAGES_HASH";

/// A member's pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberPod {
    /// The number at the end of its name.
    pub ordinal: i32,
    /// Its name.
    pub name: String,
    /// Its incarnation: a pod that was replaced has another one.
    pub uid: String,
    /// When it was made.
    pub created: String,
    /// Where its web server answers, once it has an address and is not on its way out.
    pub address: Option<(String, i32)>,
    /// Whether it is on its way out.
    pub ending: bool,
    /// Whether Kubernetes counts it as ready.
    pub ready: bool,
    /// The package set that it was made for.
    pub packages_hash: Option<String>,
    /// How its packages were installed.
    pub install: Install,
}

/// What the status of an install container tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Install {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It runs.
    Running,
    /// It ended well: when it began and ended, in seconds since 1970, and what it left to say.
    Done(i64, i64, String),
    /// It failed, with its last words.
    Failed(String),
}

/// The app that a pod is a member of.
pub fn app_of(pod: &Pod) -> Option<Key> {
    let name = pod.labels().get(CLUSTER)?.clone();
    Some(Key { kind: APP, namespace: pod.namespace().unwrap_or_default(), name })
}

/// Drops what nobody reads: there may be thousands of pods, and their specs are large.
pub fn prune(pod: &mut Pod) {
    watch::prune(pod);
    pod.meta_mut().annotations = None;
    pod.meta_mut().owner_references = None;
    pod.labels_mut().retain(|key, _| key == CLUSTER);
    if let Some(spec) = &mut pod.spec {
        let mut containers = std::mem::take(&mut spec.containers);
        *spec = k8s_openapi::api::core::v1::PodSpec::default();
        containers.retain(|container| container.name == names::CONTAINER);
        for container in containers {
            let mut env = container.env.unwrap_or_default();
            env.retain(|variable| variable.name == PACKAGES_HASH);
            spec.containers.push(k8s_openapi::api::core::v1::Container {
                name: container.name,
                ports: container.ports,
                env: Some(env),
                ..Default::default()
            });
        }
    }
    if let Some(status) = &mut pod.status {
        let PodStatus { pod_ip, phase, conditions, init_container_statuses, .. } = std::mem::take(status);
        let conditions = conditions.map(|all| all.into_iter().filter(|c| c.type_ == "Ready").collect());
        *status = PodStatus { pod_ip, phase, conditions, init_container_statuses, ..PodStatus::default() };
    }
}

/// A member of the app with that StatefulSet; nothing for a pod of another name.
pub fn member(pod: &Pod, set: &str) -> Option<MemberPod> {
    let name = pod.name_any();
    let ordinal = name.strip_prefix(set)?.strip_prefix('-')?.parse().ok()?;
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let port = container.and_then(|c| c.ports.as_ref()?.first()).map(|port| port.container_port);
    let variable = container.and_then(|c| c.env.as_ref()?.iter().find(|v| v.name == PACKAGES_HASH));
    let status = pod.status.as_ref();
    let ip = status.and_then(|status| status.pod_ip.clone()).filter(|ip| !ip.is_empty());
    let ending = pod.metadata.deletion_timestamp.is_some();
    let here = !ending && status.and_then(|status| status.phase.as_deref()) == Some("Running");
    let ready = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
    let install = status
        .and_then(|s| s.init_container_statuses.as_ref())
        .and_then(|all| all.iter().find(|c| c.name == names::INSTALL_CONTAINER));
    Some(MemberPod {
        ordinal,
        name,
        uid: pod.uid().unwrap_or_default(),
        created: pod.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default(),
        address: ip.zip(port).filter(|_| here),
        ending,
        ready: here && ready.into_iter().any(|c| c.type_ == "Ready" && c.status == "True"),
        packages_hash: variable.and_then(|variable| variable.value.clone()),
        install: install.map(install_of).unwrap_or_default(),
    })
}

fn install_of(status: &ContainerStatus) -> Install {
    let now = status.state.as_ref();
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let ended = now.and_then(|state| state.terminated.as_ref());
    // Between two tries it waits: how the last one ended is what is known.
    let waiting = now.is_some_and(|state| state.waiting.is_some());
    match ended.or(last.filter(|_| waiting)) {
        Some(end) if end.exit_code == 0 => {
            let seconds = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
                time.as_ref().map(|time| time.0.as_second()).unwrap_or_default()
            };
            let words = end.message.clone().unwrap_or_default();
            Install::Done(seconds(&end.started_at), seconds(&end.finished_at), words)
        }
        Some(end) => {
            let reason = end.reason.clone().unwrap_or_default();
            let words = end.message.as_deref().map(str::trim).filter(|words| !words.is_empty());
            Install::Failed(words.map_or_else(
                || format!("exit code {} {reason}", end.exit_code).trim().to_owned(),
                str::to_owned,
            ))
        }
        None if now.is_some_and(|state| state.running.is_some()) => Install::Running,
        None => Install::Unknown,
    }
}
