//! Why members of an app do not work: one sentence for the user. Pure.

use super::{
    cache::pod::MemberPod,
    members::crashes::log::CodeFrame,
    problem::{CauseKind, PodProblem},
};

/// How many members a sentence lists by ordinal.
const LISTED_MEMBERS: usize = 5;

/// Why members of an app do not work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Cause {
    /// What it is.
    pub kind: CauseKind,
    /// The ordinals of the members that share it; empty if it concerns pods that do not exist.
    pub members: Vec<i32>,
    /// What happened to the first of them.
    pub text: String,
    /// The most restarts of a member that shares it.
    pub restarts: i32,
    /// The last frame in a definition, if the first of them left a traceback.
    pub frame: Option<CodeFrame>,
}

/// A container that crashes once may have lost a connection. One that crashes again will do so until something changes.
const STALLED_RESTARTS: i32 = 2;

impl Cause {
    /// Returns whether a person has to change something.
    pub(super) fn needs_change(&self) -> bool {
        let crashed = matches!(self.kind, CauseKind::Crash | CauseKind::OutOfMemory);
        self.kind.needs_change() && (!crashed || self.restarts >= STALLED_RESTARTS)
    }

    /// Formats the sentence: `members 0, 2: exit code 1 (3 restarts): NameError: name 'x' is not defined`.
    pub(super) fn sentence(&self) -> String {
        let Self { members, text, .. } = self;
        let listed: Vec<String> = members.iter().take(LISTED_MEMBERS).map(ToString::to_string).collect();
        let listed = listed.join(", ");
        match members.len() {
            0 => text.clone(),
            1 => format!("member {listed}: {text}"),
            count if count <= LISTED_MEMBERS => format!("members {listed}: {text}"),
            count => format!("members {listed} and {} more: {text}", count - LISTED_MEMBERS),
        }
    }
}

/// Returns the first cause by the order of [`CauseKind`], and the members that share it. `problem` returns what keeps a
/// pod from working; `not_created` is why pods are not created.
pub(super) fn first(
    pods: &[MemberPod],
    problem: impl Fn(&MemberPod) -> Option<PodProblem>,
    not_created: Option<&str>,
) -> Option<Cause> {
    if let Some(reason) = not_created {
        let text = reason.to_owned();
        return Some(Cause {
            kind: CauseKind::NotCreated,
            members: Vec::new(),
            text,
            restarts: 0,
            frame: None,
        });
    }
    let problems: Vec<(&MemberPod, PodProblem)> =
        pods.iter().filter_map(|pod| Some((pod, problem(pod)?))).collect();
    let PodProblem { kind, text, frame } =
        problems.iter().map(|(_, problem)| problem).min_by_key(|p| p.kind)?.clone();
    let sharing: Vec<&MemberPod> =
        problems.iter().filter(|(_, problem)| problem.kind == kind).map(|(pod, _)| *pod).collect();
    Some(Cause {
        kind,
        members: sharing.iter().map(|pod| pod.ordinal).collect(),
        text,
        restarts: sharing.iter().map(|pod| pod.restarts).max().unwrap_or_default(),
        frame,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(count: i32) -> Vec<MemberPod> {
        (0..count).map(|ordinal| MemberPod { ordinal, ..MemberPod::default() }).collect()
    }

    #[test]
    fn the_first_cause_is_named_with_the_members_that_share_it() {
        let problem = |kind| PodProblem::new(kind, format!("{kind:?}"));
        let of = |pod: &MemberPod| match pod.ordinal {
            0 => Some(problem(CauseKind::Crash)),
            1 => None,
            _ => Some(problem(CauseKind::ImagePull)),
        };
        let sentence = |count: i32| first(&pods(count), of, None).map(|cause| cause.sentence());
        assert_eq!(sentence(1).as_deref(), Some("member 0: Crash"));
        assert_eq!(sentence(3).as_deref(), Some("member 2: ImagePull"));
        assert_eq!(sentence(4).as_deref(), Some("members 2, 3: ImagePull"));
        assert_eq!(sentence(10).as_deref(), Some("members 2, 3, 4, 5, 6 and 3 more: ImagePull"));
        assert_eq!(first(&pods(2), |_| None, None), None);
        let quota = first(&pods(4), of, Some("exceeded quota")).map(|cause| cause.sentence());
        assert_eq!(quota.as_deref(), Some("exceeded quota"));
    }
}
