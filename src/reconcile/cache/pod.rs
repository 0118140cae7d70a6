//! The pods of members, reduced to what the operator reads.

use std::{borrow::Cow, collections::BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::{Resource, ResourceExt, runtime::reflector};

use super::{
    index::ObjectKey,
    install_state::{self, Install},
    pod_problem,
};
use crate::{api::Kind, install_contract, naming, reconcile::problem::PodProblem};

/// The pod of a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MemberPod {
    /// The ordinal at the end of its name.
    pub ordinal: i32,
    /// The name of the pod.
    pub name: String,
    /// The UID; a replacement pod has another one.
    pub uid: String,
    /// Creation time, RFC 3339.
    pub created: String,
    /// IP address and web port, while the pod runs and is not terminating.
    pub address: Option<(String, i32)>,
    /// Whether the pod is terminating.
    pub terminating: bool,
    /// Whether the pod is Ready.
    pub ready: bool,
    /// The hash of the package set that the pod was created for.
    pub packages_hash: Option<String>,
    /// The state of its package install.
    pub install: Install,
    /// The revision of the StatefulSet that it was created from.
    pub revision: String,
    /// Since when it is Ready, or is not, in Unix seconds.
    pub ready_since: Option<i64>,
    /// The ConfigMaps that it mounts or that its variables refer to.
    pub config_maps: Box<[String]>,
    /// How often its containers were restarted.
    pub restarts: i32,
    /// What keeps it from working, or did before its last restart.
    pub problem: Option<PodProblem>,
}

/// A pod as it is cached: there may be thousands, and pods are large.
#[derive(Clone, Debug)]
pub(crate) struct CachedPod {
    namespace: String,
    /// The name of the pod.
    pub name: String,
    /// The app that its labels name.
    pub app: Option<ObjectKey>,
    /// The member; `None` for a pod whose name is not that of a member.
    pub member: Option<MemberPod>,
}

impl From<Pod> for CachedPod {
    fn from(pod: Pod) -> Self {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let app = pod.labels().get(naming::CLUSTER_LABEL).cloned();
        let member = app.as_ref().and_then(|app| member(&pod, &naming::app(app)));
        let app = app.map(|name| ObjectKey { kind: Kind::App, namespace: namespace.clone(), name });
        Self { namespace, name, app, member }
    }
}

impl reflector::Lookup for CachedPod {
    type DynamicType = ();

    fn kind((): &()) -> Cow<'_, str> {
        <Pod as Resource>::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        <Pod as Resource>::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        <Pod as Resource>::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        <Pod as Resource>::plural(&())
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(self.name.as_str().into())
    }

    fn namespace(&self) -> Option<Cow<'_, str>> {
        Some(self.namespace.as_str().into())
    }

    // The store would keep both with each key, where they are never read.
    fn resource_version(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// Returns the member that a pod of the StatefulSet `set` runs; `None` for a pod of another name.
fn member(pod: &Pod, set: &str) -> Option<MemberPod> {
    let name = pod.name_any();
    let ordinal = name.strip_prefix(set)?.strip_prefix('-')?.parse().ok()?;
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let container = containers.into_iter().find(|container| container.name == naming::CONTAINER);
    let port = container.and_then(|c| c.ports.as_ref()?.first()).map(|port| port.container_port);
    let variable =
        container.and_then(|c| c.env.as_ref()?.iter().find(|v| v.name == install_contract::PACKAGES_HASH));
    let status = pod.status.as_ref();
    let ip = status.and_then(|status| status.pod_ip.clone()).filter(|ip| !ip.is_empty());
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let running = !terminating && status.and_then(|status| status.phase.as_deref()) == Some("Running");
    let mut conditions = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let mounted = volumes.filter_map(|volume| Some(volume.config_map.as_ref()?.name.clone()));
    let variables = container.iter().flat_map(|container| container.env.iter().flatten());
    let read = variables
        .filter_map(|variable| Some(variable.value_from.as_ref()?.config_map_key_ref.as_ref()?.name.clone()));
    let config_maps: BTreeSet<String> = mounted.chain(read).collect();
    let install = status
        .and_then(|s| s.init_container_statuses.as_ref())
        .and_then(|all| all.iter().find(|c| c.name == naming::INSTALL_CONTAINER));
    let install = install.map(install_state::install_state).unwrap_or_default();
    let restarts = status.and_then(|s| s.container_statuses.as_ref()).into_iter().flatten();
    Some(MemberPod {
        ordinal,
        name,
        uid: pod.uid().unwrap_or_default(),
        created: pod.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default(),
        address: ip.zip(port).filter(|_| running),
        terminating,
        ready: running && ready.is_some_and(|condition| condition.status == "True"),
        ready_since: ready.and_then(|c| Some(c.last_transition_time.as_ref()?.0.as_second())),
        revision: pod.labels().get(naming::REVISION_LABEL).cloned().unwrap_or_default(),
        config_maps: config_maps.into_iter().collect(),
        packages_hash: variable.and_then(|variable| variable.value.clone()),
        restarts: restarts.map(|status| status.restart_count).sum(),
        problem: pod_problem::problem(pod, &install),
        install,
    })
}
