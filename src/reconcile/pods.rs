//! The members' pods, as far as the operator looks at them.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::{Resource, ResourceExt, runtime::reflector};

use super::links::{APP, Key};
use crate::{
    api::InstallReport,
    build::{labels::CLUSTER, names},
};

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

/// A pod as it is cached: there may be thousands, and they are large.
#[derive(Clone, Debug)]
pub struct CachedPod {
    namespace: String,
    /// Its name.
    pub name: String,
    /// The app whose label it has.
    pub app: Option<Key>,
    /// The member that it is; none for a pod of another name.
    pub member: Option<MemberPod>,
}

impl From<Pod> for CachedPod {
    fn from(pod: Pod) -> Self {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let app = pod.labels().get(CLUSTER).cloned();
        let member = app.as_ref().and_then(|app| member(&pod, &names::app(app)));
        let app = app.map(|name| Key { kind: APP, namespace: namespace.clone(), name });
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

    // The store keeps both with each key, and nobody reads them there.
    fn resource_version(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// A member of the app with that StatefulSet; nothing for a pod of another name.
fn member(pod: &Pod, set: &str) -> Option<MemberPod> {
    let name = pod.name_any();
    let ordinal = name.strip_prefix(set)?.strip_prefix('-')?.parse().ok()?;
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let container = containers.into_iter().find(|container| container.name == names::CONTAINER);
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
            // A member that may start without its packages is none that has them.
            if serde_json::from_str(&words).is_ok_and(|report: InstallReport| report.error_type.is_some()) {
                return Install::Failed(words);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_install_that_failed_has_failed_also_where_the_member_starts() {
        let ended = |code: i32, message: &str| -> Install {
            let status = serde_json::json!({
                "name": "install-packages", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": { "terminated": { "exitCode": code, "message": message } },
            });
            install_of(&serde_json::from_value(status).expect("a status"))
        };
        let failed = r#"{"errorType": "network", "message": "down"}"#;
        assert_eq!(ended(0, failed), Install::Failed(failed.to_owned()));
        assert_eq!(ended(1, failed), Install::Failed(failed.to_owned()));
        assert_eq!(ended(0, "{}"), Install::Done(0, 0, "{}".to_owned()));
        assert_eq!(ended(137, ""), Install::Failed("exit code 137".to_owned()));
    }
}
