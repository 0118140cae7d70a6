//! What the members of an app answered, as the status shows it. Pure.

use k8s_openapi::jiff::Timestamp;

use super::client::Answer;
use crate::{api::Member, reconcile::pods::MemberPod};

/// What is known of the members of an app.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Those that answered, by number; none where nobody is asked.
    pub members: Option<Vec<Member>>,
    /// Topics that no member holds.
    pub unassigned: Vec<String>,
    /// Members that hang in a rebalance.
    pub hung: Vec<i32>,
}

/// A member that was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its pod.
    pub pod: MemberPod,
    /// What it answered, if it did.
    pub answer: Option<Answer>,
}

/// A change of a member's state: its number, and the states before and after.
pub type Transition = (i32, &'static str, &'static str);

/// The members as they are now, and what changed.
///
/// The time of a transition stays with the state: `before` may come from the status that another
/// process wrote. A member that does not answer stays as it was while its pod is the same.
pub fn follow(before: &[Member], asked: &[Asked], now: Timestamp) -> (Vec<Member>, Vec<Transition>) {
    let mut members = Vec::new();
    let mut transitions = Vec::new();
    for Asked { pod, answer } in asked {
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

/// A member's state in one word, for metrics.
fn state(member: &Member) -> &'static str {
    match (member.rebalancing == Some(true), member.recovering == Some(true)) {
        (true, _) => "REBALANCING",
        (false, true) => "RECOVERING",
        (false, false) => "RUNNING",
    }
}

/// Since how many seconds a member is in its state.
pub fn seconds_in_state(member: &Member, now: Timestamp) -> i64 {
    let since = member.last_transition_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    since.map_or(0, |since| now.as_second() - since.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uid: &str, rebalancing: Option<bool>) -> Asked {
        let pod = MemberPod { ordinal: 0, uid: uid.to_owned(), ..MemberPod::default() };
        Asked { pod, answer: rebalancing.map(|rebalancing| Answer { rebalancing, ..Answer::default() }) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn the_time_of_a_transition_stays_with_state_and_pod() {
        let (first, changed) = follow(&[], &[asked("a", Some(true))], at(100));
        assert_eq!(changed, [(0, "UNKNOWN", "REBALANCING")]);
        assert_eq!(seconds_in_state(&first[0], at(160)), 60);
        // The same state, and a member that does not answer.
        for next in [asked("a", Some(true)), asked("a", None)] {
            let (same, changed) = follow(&first, &[next], at(130));
            assert_eq!((same, changed), (first.clone(), Vec::new()));
        }
        let (running, changed) = follow(&first, &[asked("a", Some(false))], at(140));
        assert_eq!(changed, [(0, "REBALANCING", "RUNNING")]);
        assert_eq!(seconds_in_state(&running[0], at(140)), 0);
        // Another pod starts anew, and is nobody until it answers.
        let (anew, _) = follow(&first, &[asked("b", Some(true))], at(150));
        assert_eq!(seconds_in_state(&anew[0], at(150)), 0);
        assert_eq!(follow(&first, &[asked("b", None)], at(150)).0, []);
    }
}
