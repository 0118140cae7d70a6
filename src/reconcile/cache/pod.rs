//! The pods of members, reduced to what the operator reads.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::{Resource, ResourceExt, runtime::reflector};

use super::index::ObjectKey;
use crate::{
    api::{InstallReport, Kind},
    install_contract, naming,
};

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
}

/// The state of an install container.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Install {
    /// Not known yet.
    #[default]
    Unknown,
    /// Running.
    Running,
    /// Ended successfully.
    Succeeded {
        /// Start, in Unix seconds.
        started: i64,
        /// End, in Unix seconds.
        finished: i64,
        /// Its report.
        report: InstallReport,
    },
    /// Failed; also where the policy lets the member start without its packages.
    Failed(InstallReport),
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
    let ready = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
    let install = status
        .and_then(|s| s.init_container_statuses.as_ref())
        .and_then(|all| all.iter().find(|c| c.name == naming::INSTALL_CONTAINER));
    Some(MemberPod {
        ordinal,
        name,
        uid: pod.uid().unwrap_or_default(),
        created: pod.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default(),
        address: ip.zip(port).filter(|_| running),
        terminating,
        ready: running && ready.into_iter().any(|c| c.type_ == "Ready" && c.status == "True"),
        packages_hash: variable.and_then(|variable| variable.value.clone()),
        install: install.map(install_state).unwrap_or_default(),
    })
}

fn install_state(status: &ContainerStatus) -> Install {
    let now = status.state.as_ref();
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let ended = now.and_then(|state| state.terminated.as_ref());
    // A container that waits for its next attempt, or makes it, has the result of the last one. It fails until it
    // succeeds.
    let waiting = now.is_some_and(|state| state.waiting.is_some());
    match ended.or(last.filter(|last| waiting || last.exit_code != 0)) {
        Some(end) if end.exit_code == 0 => {
            let seconds = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
                time.as_ref().map(|time| time.0.as_second()).unwrap_or_default()
            };
            let report = InstallReport::from_termination_message(end.message.as_deref().unwrap_or_default());
            if report.error_type.is_some() {
                return Install::Failed(report);
            }
            Install::Succeeded {
                started: seconds(&end.started_at),
                finished: seconds(&end.finished_at),
                report,
            }
        }
        Some(end) => {
            let message = end.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
            let reason = end.reason.as_deref().unwrap_or_default();
            let exit = || format!("exit code {} {reason}", end.exit_code).trim().to_owned();
            let message = message.map_or_else(exit, str::to_owned);
            Install::Failed(InstallReport::from_termination_message(&message))
        }
        None if now.is_some_and(|state| state.running.is_some()) => Install::Running,
        None => Install::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_install_is_failed_even_if_the_member_starts() {
        let ended = |code: i32, message: &str| -> Install {
            let status = serde_json::json!({
                "name": "install-packages", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": { "terminated": { "exitCode": code, "message": message } },
            });
            install_state(&serde_json::from_value(status).expect("a status"))
        };
        let failed = r#"{"errorType": "network", "message": "down"}"#;
        let report = |message: &str| InstallReport::from_termination_message(message);
        assert_eq!(ended(0, failed), Install::Failed(report(failed)));
        assert_eq!(ended(1, failed), Install::Failed(report(failed)));
        assert_eq!(ended(0, "{}"), Install::Succeeded { started: 0, finished: 0, report: report("{}") });
        assert_eq!(ended(137, ""), Install::Failed(report("exit code 137")));
    }

    #[test]
    fn a_container_that_is_restarted_after_a_failure_still_fails() {
        let restarted = |code: i32| -> Install {
            let status = serde_json::json!({
                "name": "install-packages", "image": "", "imageID": "", "ready": false, "restartCount": 1,
                "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
                "lastState": { "terminated": { "exitCode": code, "message": "down" } },
            });
            install_state(&serde_json::from_value(status).expect("a status"))
        };
        assert_eq!(restarted(1), Install::Failed(InstallReport::from_termination_message("down")));
        assert_eq!(restarted(0), Install::Running);
    }
}
