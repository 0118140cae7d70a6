//! What keeps a member from working, as the status of its pod reports it.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use super::{install_state::Install, last_words::last_exception};
use crate::{
    naming,
    reconcile::{
        members::crashes::log::last_frame,
        problem::{CauseKind, PodProblem},
    },
};

/// Reasons of a waiting container whose image is missing. Source: the kubelet's image errors.
const IMAGE_REASONS: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "SignatureValidationFailed",
];

/// Exit code of a process that SIGKILL ended.
const KILLED: i32 = 137;

/// Returns what keeps a pod from working. A container that runs again after a crash has the problem of its last end:
/// the caller decides whether it works now.
pub(crate) fn problem(pod: &Pod, install: &Install) -> Option<PodProblem> {
    node_problem(pod)
        .or_else(|| scheduling_problem(pod))
        .or_else(|| waiting_problem(pod))
        .or_else(|| install_problem(pod, install))
        .or_else(|| ended_problem(pod))
}

/// A node that does not respond: the node lifecycle controller sets the condition Ready of its pods to False, while their
/// containers remain ready as the kubelet reported them last.
fn node_problem(pod: &Pod) -> Option<PodProblem> {
    let status = pod.status.as_ref()?;
    let condition = |name: &str| status.conditions.iter().flatten().find(|c| c.type_ == name);
    let gates = pod.spec.as_ref().is_some_and(|spec| spec.readiness_gates.is_some());
    let contradicts = condition("Ready").is_some_and(|ready| ready.status != "True")
        && condition("ContainersReady").is_some_and(|ready| ready.status == "True")
        && status.phase.as_deref() == Some("Running")
        && !gates;
    let evicted = condition("DisruptionTarget")
        .is_some_and(|c| c.status == "True" && c.reason.as_deref() == Some("DeletionByTaintManager"));
    if !contradicts && !evicted && status.reason.as_deref() != Some("NodeLost") {
        return None;
    }
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
    Some(PodProblem::new(CauseKind::NodeNotResponding, format!("node {node} does not respond")))
}

fn scheduling_problem(pod: &Pod) -> Option<PodProblem> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let scheduled = conditions.into_iter().find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    let message = scheduled.message.as_deref().or(scheduled.reason.as_deref())?;
    Some(PodProblem::new(CauseKind::Unschedulable, format!("the pod cannot be scheduled: {message}")))
}

/// Returns the statuses of the containers, in the order in which the kubelet starts them.
fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let main = status.and_then(|status| status.container_statuses.as_ref());
    init.into_iter().chain(main).flatten()
}

fn waiting_problem(pod: &Pod) -> Option<PodProblem> {
    statuses(pod).find_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        let message = waiting.message.as_deref().filter(|message| !message.is_empty()).unwrap_or(reason);
        let (name, image) = (&status.name, &status.image);
        Some(match reason {
            _ if IMAGE_REASONS.contains(&reason) => {
                let text = format!("image '{image}' cannot be pulled: {message}");
                PodProblem::new(CauseKind::ImagePull, text)
            }
            "CreateContainerConfigError" => {
                let text = format!("container {name} cannot be created: {message}");
                PodProblem::new(CauseKind::ContainerConfig, text)
            }
            "CreateContainerError" | "RunContainerError" | "StartError" | "PostStartHookError" => {
                let text = format!("container {name} cannot be started: {message}");
                PodProblem::new(CauseKind::ContainerStart, text)
            }
            _ => return None,
        })
    })
}

/// A failed install is a problem only if the member waits for it.
fn install_problem(pod: &Pod, install: &Install) -> Option<PodProblem> {
    let Install::Failed(report) = install else { return None };
    let status = statuses(pod).find(|status| status.name == naming::INSTALL_CONTAINER)?;
    let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    if ended.is_some_and(|end| end.exit_code == 0) {
        return None;
    }
    let why = report.message.as_deref().unwrap_or("the installer reported no reason");
    Some(PodProblem::new(CauseKind::Install, format!("the packages cannot be installed: {why}")))
}

/// Returns the problem of the first container that ended last time or ends again and again.
fn ended_problem(pod: &Pod) -> Option<PodProblem> {
    let init = pod.status.as_ref().and_then(|status| status.init_container_statuses.as_ref());
    let init = init.into_iter().flatten().filter(|status| status.name != naming::INSTALL_CONTAINER);
    let failed_init = init.filter(|status| {
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        ended.is_none_or(|end| end.exit_code != 0)
    });
    let main = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    failed_init.chain(main.into_iter().flatten()).find_map(|status| {
        let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        Some(end_problem(pod, status, now.or(last)?))
    })
}

fn end_problem(pod: &Pod, status: &ContainerStatus, end: &ContainerStateTerminated) -> PodProblem {
    let restarts = match status.restart_count {
        0 => String::new(),
        1 => " (1 restart)".to_owned(),
        count => format!(" ({count} restarts)"),
    };
    let container = match status.name.as_str() {
        naming::CONTAINER => String::new(),
        other => format!("container {other}: "),
    };
    if end.reason.as_deref() == Some("OOMKilled") {
        let limit = memory_limit(pod, &status.name).map(|limit| format!(" of {limit}")).unwrap_or_default();
        let text = format!("{container}killed, because it exceeded its memory limit{limit}{restarts}");
        return PodProblem::new(CauseKind::OutOfMemory, text);
    }
    let code = match end.exit_code {
        KILLED => "killed (exit code 137)".to_owned(),
        code => format!("exit code {code}"),
    };
    let exception = end.message.as_deref().and_then(last_exception);
    let exception = exception.map(|exception| format!(": {exception}")).unwrap_or_default();
    let frame = end.message.as_deref().and_then(last_frame);
    PodProblem {
        frame,
        ..PodProblem::new(CauseKind::Crash, format!("{container}{code}{restarts}{exception}"))
    }
}

fn memory_limit(pod: &Pod, container: &str) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let limits = all.into_iter().find(|c| c.name == container)?.resources.as_ref()?.limits.as_ref()?;
    limits.get("memory").map(|limit| limit.0.clone())
}
