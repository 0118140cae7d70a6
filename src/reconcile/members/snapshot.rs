//! The members of an app, as the status shows them. Pure.

use k8s_openapi::jiff::Timestamp;

use super::client::Answer;
use crate::{
    api::{AppStatus, Member},
    reconcile::cache::pod::MemberPod,
};

/// What is known of the members of an app.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MembersSnapshot {
    /// The members that answered, by ordinal; `None` if members are not polled.
    pub members: Option<Vec<Member>>,
    /// The members that answer now.
    pub answering: Vec<AnsweringPod>,
    /// Topics that no member is assigned.
    pub unassigned: Vec<String>,
    /// Those of them that exist as far as members knew at some time.
    pub existing: Vec<String>,
    /// When a rebalance that may assign them is requested next.
    pub next_rebalance: Option<Timestamp>,
    /// Ordinals of members stuck in a rebalance.
    pub hung: Vec<i32>,
}

impl MembersSnapshot {
    /// Returns the snapshot or, before the first poll of this process, what an earlier process wrote into the status: since
    /// when a member hangs must survive a restart, and the members whose pods are the same answer.
    pub(crate) fn or_known(self, status: &AppStatus, pods: &[MemberPod]) -> Self {
        if self.members.is_some() {
            return self;
        }
        let is_known = |pod: &&MemberPod| {
            status.members.iter().flatten().any(|member| member.pod_uid.as_deref() == Some(&pod.uid))
        };
        let answering = pods.iter().filter(is_known);
        Self {
            members: status.members.clone(),
            answering: answering
                .map(|pod| AnsweringPod { uid: pod.uid.clone(), restarts: pod.restarts })
                .collect(),
            unassigned: status.unassigned_topics.clone().unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A process that answers: a pod, and how often its containers were restarted until then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AnsweringPod {
    /// The UID of the pod.
    pub uid: String,
    /// The restarts.
    pub restarts: i32,
}

impl AnsweringPod {
    /// Returns whether this is the process that runs in a pod.
    pub(crate) fn is(&self, pod: &MemberPod) -> bool {
        self.uid == pod.uid && self.restarts == pod.restarts
    }
}

/// A member that was polled.
#[derive(Clone, Debug)]
pub(crate) struct PolledMember {
    /// The pod.
    pub pod: MemberPod,
    /// The answer, if there was one.
    pub answer: Option<Answer>,
}

/// A state transition of a member: its ordinal, and the states before and after.
pub(crate) type Transition = (i32, &'static str, &'static str);

/// Returns the current members and their state transitions.
///
/// The transition time stays while the state does: `before` may come from a status that another process
/// wrote. A member that does not answer stays as it was while its pod is the same.
pub(crate) fn update(
    before: &[Member],
    polled: &[PolledMember],
    now: Timestamp,
) -> (Vec<Member>, Vec<Transition>) {
    let mut members = Vec::new();
    let mut transitions = Vec::new();
    for PolledMember { pod, answer } in polled {
        let known = before.iter().find(|member| member.id == pod.ordinal);
        let same_pod = known.filter(|member| member.pod_uid.as_deref() == Some(&pod.uid));
        let Some(answer) = answer else {
            members.extend(same_pod.cloned());
            continue;
        };
        let mut member = Member {
            id: pod.ordinal,
            leader: Some(answer.leader),
            rebalancing: Some(answer.rebalancing),
            recovering: Some(answer.recovering),
            last_transition_time: None,
            pod_uid: Some(pod.uid.clone()),
            pod_creation_time: Some(pod.created.clone()),
        };
        let was = same_pod.map_or("UNKNOWN", state);
        let is = state(&member);
        let since = same_pod.filter(|_| was == is).and_then(|member| member.last_transition_time.clone());
        if since.is_none() {
            transitions.push((pod.ordinal, was, is));
        }
        member.last_transition_time = Some(since.unwrap_or_else(|| now.to_string()));
        members.push(member);
    }
    members.sort_by_key(|member| member.id);
    (members, transitions)
}

/// Returns the value of the metric labels `from_state` and `to_state`.
fn state(member: &Member) -> &'static str {
    match (member.rebalancing == Some(true), member.recovering == Some(true)) {
        (true, _) => "REBALANCING",
        (false, true) => "RECOVERING",
        (false, false) => "RUNNING",
    }
}

/// Returns the seconds since the last transition of a member.
pub(crate) fn seconds_in_state(member: &Member, now: Timestamp) -> i64 {
    let since = member.last_transition_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    since.map_or(0, |since| now.as_second() - since.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polled(uid: &str, rebalancing: Option<bool>) -> PolledMember {
        let pod = MemberPod { ordinal: 0, uid: uid.to_owned(), ..MemberPod::default() };
        PolledMember {
            pod,
            answer: rebalancing.map(|rebalancing| Answer { rebalancing, ..Answer::default() }),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn the_transition_time_is_kept_for_the_same_state_and_pod() {
        let (first, changed) = update(&[], &[polled("a", Some(true))], at(100));
        assert_eq!(changed, [(0, "UNKNOWN", "REBALANCING")]);
        assert_eq!(seconds_in_state(&first[0], at(160)), 60);
        // The same state, and a member that does not answer.
        for next in [polled("a", Some(true)), polled("a", None)] {
            let (same, changed) = update(&first, &[next], at(130));
            assert_eq!((same, changed), (first.clone(), Vec::new()));
        }
        let (running, changed) = update(&first, &[polled("a", Some(false))], at(140));
        assert_eq!(changed, [(0, "REBALANCING", "RUNNING")]);
        assert_eq!(seconds_in_state(&running[0], at(140)), 0);
        // A new pod starts over, and is not listed until it answers.
        let (anew, _) = update(&first, &[polled("b", Some(true))], at(150));
        assert_eq!(seconds_in_state(&anew[0], at(150)), 0);
        assert_eq!(update(&first, &[polled("b", None)], at(150)).0, []);
    }
}
