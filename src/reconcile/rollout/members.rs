//! How the members of an app do, for the decision whether a change continues. Pure.

use k8s_openapi::jiff::Timestamp;

use crate::reconcile::{
    cache::pod::MemberPod,
    members::{crashes::ledger::AgentCrash, snapshot::MembersSnapshot},
    problem::{CauseKind, PodProblem},
};

/// Restarts after which a crash is the fault of the revision: one may be a lost connection.
const FAILED_RESTARTS: i32 = 2;

/// How long a container may fail to start, in seconds: a registry or a Secret may be a moment late.
const START_GRACE_SECONDS: i64 = 60;

/// A member, as far as the decision depends on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MemberView {
    /// The ordinal.
    pub ordinal: i64,
    /// The UID of its pod.
    pub uid: String,
    /// The revision of its pod.
    pub revision: String,
    /// Whether it is ready and answers.
    pub answers: bool,
    /// Whether it answers, and is not rebalancing or rebuilding its tables.
    pub works: bool,
    /// Whether it rebuilds its tables, which may take long.
    pub recovers: bool,
    /// Since when its pod is ready, in Unix seconds.
    pub ready_since: Option<i64>,
    /// What keeps it from working.
    pub problem: Option<PodProblem>,
    /// When the problem counts as a failure if it stays, in Unix seconds; `None` if it may end by itself.
    pub fails_at: Option<i64>,
}

impl MemberView {
    /// Returns whether the problem stays until something changes. A container that crashed repeatedly has failed also
    /// while it runs again.
    pub(super) fn has_failed(&self, now: i64) -> bool {
        self.fails_at.is_some_and(|at| at <= now)
    }
}

/// Returns the members whose pods exist and are not terminating. Without a snapshot, members are not polled: being ready
/// is all that is known.
pub(super) fn views(
    pods: &[MemberPod],
    snapshot: Option<&MembersSnapshot>,
    now: Timestamp,
) -> Vec<MemberView> {
    let alive = pods.iter().filter(|pod| !pod.terminating);
    alive.map(|pod| view(pod, snapshot, now)).collect()
}

fn view(pod: &MemberPod, snapshot: Option<&MembersSnapshot>, now: Timestamp) -> MemberView {
    let answers =
        snapshot.is_none_or(|snapshot| snapshot.answering.iter().any(|answering| answering.is(pod)));
    let member = snapshot.and_then(|snapshot| {
        let mut members = snapshot.members.iter().flatten();
        members.find(|member| member.pod_uid.as_deref() == Some(&pod.uid))
    });
    let is = |flag: Option<bool>| flag == Some(true);
    let recovers = member.is_some_and(|member| is(member.recovering));
    let busy = recovers || member.is_some_and(|member| is(member.rebalancing));
    let answers = pod.ready && answers;
    let problem = pod.problem.clone().filter(|_| !answers);
    MemberView {
        ordinal: i64::from(pod.ordinal),
        uid: pod.uid.clone(),
        revision: pod.revision.clone(),
        answers,
        works: answers && !busy,
        recovers,
        ready_since: pod.ready_since.filter(|_| pod.ready),
        fails_at: pod.problem.as_ref().and_then(|problem| fails_at(pod, problem, now)),
        problem,
    }
}

/// Adds agents that crash: the message that an agent raises on is lost, while its member works. A crash that members of
/// another revision have too is not the fault of a revision.
pub(super) fn add_agent_crashes(members: &mut [MemberView], crashes: &[AgentCrash], now: i64) {
    let revision_of = |crash: &AgentCrash| {
        members.iter().find(|member| member.uid == crash.pod_uid).map(|member| member.revision.clone())
    };
    let revisions: Vec<(&AgentCrash, Option<String>)> =
        crashes.iter().map(|crash| (crash, revision_of(crash))).collect();
    let is_shared = |crash: &AgentCrash, revision: &str| {
        revisions
            .iter()
            .any(|(other, of)| other.agent == crash.agent && of.as_deref().is_some_and(|of| of != revision))
    };
    for member in members.iter_mut().filter(|member| !member.has_failed(now)) {
        let crash = crashes.iter().find(|crash| crash.pod_uid == member.uid);
        if let Some(crash) = crash.filter(|crash| !is_shared(crash, &member.revision)) {
            let text = format!("agent {} crashes: {}", crash.agent, crash.exception);
            member.problem = Some(PodProblem::new(CauseKind::Crash, text));
            member.fails_at = Some(now);
        }
    }
}

/// Returns when a problem of a pod counts as a failure, in Unix seconds.
fn fails_at(pod: &MemberPod, problem: &PodProblem, now: Timestamp) -> Option<i64> {
    let created = pod.created.parse::<Timestamp>().unwrap_or(now).as_second();
    match problem.kind {
        CauseKind::Crash | CauseKind::OutOfMemory => (pod.restarts >= FAILED_RESTARTS).then_some(created),
        CauseKind::Install => Some(created),
        CauseKind::ImagePull | CauseKind::ContainerConfig | CauseKind::ContainerStart => {
            Some(created + START_GRACE_SECONDS)
        }
        CauseKind::NotCreated
        | CauseKind::NodeNotResponding
        | CauseKind::Unschedulable
        | CauseKind::PodSetup
        | CauseKind::Probe
        | CauseKind::NoAnswer => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{AppStatus, Member},
        reconcile::members::snapshot::AnsweringPod,
    };

    fn pod(uid: &str) -> MemberPod {
        MemberPod { uid: uid.to_owned(), revision: "new".to_owned(), ready: true, ..MemberPod::default() }
    }

    #[test]
    fn a_member_works_if_it_answers_and_is_not_busy() {
        let answering = vec![AnsweringPod { uid: "a".to_owned(), restarts: 0 }];
        let member = |recovering| Member {
            pod_uid: Some("a".to_owned()),
            recovering: Some(recovering),
            ..Member::default()
        };
        let snapshot = |recovering| MembersSnapshot {
            members: Some(vec![member(recovering)]),
            answering: answering.clone(),
            ..MembersSnapshot::default()
        };
        let view = |pod: &MemberPod, snapshot: Option<&MembersSnapshot>| {
            let member = view(pod, snapshot, Timestamp::UNIX_EPOCH);
            (member.answers, member.works)
        };
        assert_eq!(view(&pod("a"), Some(&snapshot(false))), (true, true));
        assert_eq!(view(&pod("a"), Some(&snapshot(true))), (true, false));
        assert_eq!(view(&pod("b"), Some(&snapshot(false))), (false, false));
        assert_eq!(view(&MemberPod { restarts: 1, ..pod("a") }, Some(&snapshot(false))), (false, false));
        assert_eq!(view(&MemberPod { ready: false, ..pod("a") }, None), (false, false));
        assert_eq!(view(&pod("b"), None), (true, true));
    }

    #[test]
    fn agents_that_crash_count_unless_another_revision_has_the_same_crash() {
        let crash = |uid: &str| AgentCrash {
            agent: "counter".to_owned(),
            member: 0,
            pod_uid: uid.to_owned(),
            exception: "NameError: name 'x' is not defined".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        };
        let failed = |crashes: &[AgentCrash]| -> Vec<bool> {
            let old = MemberPod { revision: "old".to_owned(), ..pod("a") };
            let mut members = views(&[old, pod("b")], None, Timestamp::UNIX_EPOCH);
            add_agent_crashes(&mut members, crashes, 0);
            members.iter().map(|member| member.has_failed(0)).collect()
        };
        assert_eq!(failed(&[crash("b")]), [false, true]);
        assert_eq!(failed(&[crash("a"), crash("b")]), [false, false]);
        assert_eq!(failed(&[crash("gone")]), [false, false]);
    }

    #[test]
    fn members_that_an_earlier_process_knew_answer_before_the_first_poll() {
        let known = [Member { pod_uid: Some("a".to_owned()), ..Member::default() }];
        let pods = [pod("a"), pod("b")];
        let status = AppStatus { members: Some(known.into()), ..AppStatus::default() };
        let snapshot = MembersSnapshot::default().or_known(&status, &pods);
        let views = views(&pods, Some(&snapshot), Timestamp::UNIX_EPOCH);
        assert_eq!([views[0].answers, views[1].answers], [true, false]);
    }
}
