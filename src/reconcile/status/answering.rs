//! Why members do not work, from their pods, their answers and events.

use super::observed::Observed;
use crate::{
    api::AppStatus,
    reconcile::{
        cache::pod::MemberPod,
        cause::{self, Cause},
        members::crashes::blame::{ComponentCode, blame},
        problem::{CauseKind, PodProblem},
    },
    resources::AppComponents,
};

/// Returns why members of an app do not work; `None` if all of them do, or only need time to start.
pub(super) fn cause(
    replicas: i32,
    components: &AppComponents,
    observed: &Observed,
    previous: &AppStatus,
) -> Option<Cause> {
    let pods: Vec<MemberPod> = observed.pods.iter().filter(|pod| pod.ordinal < replicas).cloned().collect();
    let of = |pod: &MemberPod| problem(pod, observed, previous);
    let mut cause = cause::first(&pods, of, observed.pod_events.not_created.as_deref())?;
    if let Some(place) =
        cause.frame.as_ref().and_then(|frame| blame(frame, &ComponentCode::of_all(components), true))
    {
        cause.text = format!("{} ({place})", cause.text);
    }
    Some(cause)
}

fn problem(pod: &MemberPod, observed: &Observed, previous: &AppStatus) -> Option<PodProblem> {
    if pod.terminating {
        return pod.problem.clone().filter(|problem| problem.kind == CauseKind::NodeNotResponding);
    }
    let answers = answers(pod, observed, previous);
    if pod.ready && answers {
        return None;
    }
    if let Some(problem) = &pod.problem {
        return Some(problem.clone());
    }
    if pod.ready {
        return Some(PodProblem::new(CauseKind::NoAnswer, "the member does not answer on its web port"));
    }
    let stuck = observed.pod_events.stuck.as_ref().filter(|(ordinal, _)| *ordinal == pod.ordinal);
    stuck.map(|(_, problem)| problem.clone())
}

/// Returns whether a member answers. Before the first poll of this process, those answer that did according to the
/// status; without polls, every member counts.
fn answers(pod: &MemberPod, observed: &Observed, previous: &AppStatus) -> bool {
    let Some(snapshot) = &observed.members else { return true };
    if snapshot.members.is_some() {
        return snapshot.answering.iter().any(|answering| answering.is(pod));
    }
    previous.members.iter().flatten().any(|member| member.pod_uid.as_deref() == Some(&pod.uid))
}
