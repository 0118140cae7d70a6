//! Why members do not work, from their pods, their answers and events.

use super::observed::Observed;
use crate::{
    reconcile::{
        cache::pod::MemberPod,
        cause::{self, Cause},
        members::{
            crashes::blame::{ComponentCode, blame},
            snapshot::MembersSnapshot,
        },
        problem::{CauseKind, PodProblem},
    },
    resources::AppComponents,
};

/// Returns why members of an app do not work; `None` if all of them do, or only need time to start. `members` is what they
/// answered, unless they are not asked.
pub(super) fn cause(
    replicas: i32,
    components: &AppComponents,
    observed: &Observed,
    members: Option<&MembersSnapshot>,
) -> Option<Cause> {
    let pods: Vec<MemberPod> = observed.pods.iter().filter(|pod| pod.ordinal < replicas).cloned().collect();
    let of = |pod: &MemberPod| problem(pod, observed, members);
    let mut cause = cause::first(&pods, of, observed.pod_events.not_created.as_deref())?;
    if let Some(place) =
        cause.frame.as_ref().and_then(|frame| blame(frame, &ComponentCode::of_all(components), true))
    {
        cause.text = format!("{} ({place})", cause.text);
    }
    Some(cause)
}

fn problem(pod: &MemberPod, observed: &Observed, members: Option<&MembersSnapshot>) -> Option<PodProblem> {
    if pod.terminating {
        return pod.problem.clone().filter(|problem| problem.kind == CauseKind::NodeNotResponding);
    }
    // Without polls, every member counts.
    let answers = members.is_none_or(|snapshot| snapshot.answering.iter().any(|answering| answering.is(pod)));
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
