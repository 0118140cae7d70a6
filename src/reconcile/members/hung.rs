//! Detection of members that are stuck in a rebalance. Pure.

use std::collections::HashMap;

use k8s_openapi::jiff::Timestamp;

use super::snapshot::seconds_in_state;
use crate::api::Member;

/// Consecutive checks in which a member must hang.
pub(crate) const STRIKES: u32 = 3;

/// The maximum number of pods to delete after one poll.
const MAX_TERMINATIONS: usize = 5;

/// The consecutive detections of each pod, by UID: a new pod starts with none.
#[derive(Debug, Default)]
pub(crate) struct Strikes(HashMap<String, u32>);

/// A member that hangs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HungMember {
    /// Its ordinal.
    pub id: i32,
    /// The UID of its pod.
    pub uid: String,
    /// Consecutive detections.
    pub strikes: u32,
    /// Seconds since its rebalance began.
    pub seconds: i64,
}

impl Strikes {
    /// Checks the members. `answered` returns whether a member answered this poll: an older answer is
    /// not evidence. `threshold` is in seconds.
    pub(crate) fn check(
        &mut self,
        members: &[Member],
        answered: impl Fn(i32) -> bool,
        threshold: i64,
        now: Timestamp,
    ) -> Vec<HungMember> {
        let mut next = HashMap::new();
        let mut hung = Vec::new();
        for member in members {
            let Some(uid) = member.pod_uid.clone() else { continue };
            let seconds = seconds_in_state(member, now);
            let stuck = member.rebalancing == Some(true) && member.recovering != Some(true);
            if stuck && seconds > threshold && answered(member.id) {
                let strikes = self.0.get(&uid).copied().unwrap_or_default().saturating_add(1);
                next.insert(uid.clone(), strikes);
                hung.push(HungMember { id: member.id, uid, strikes, seconds });
            }
        }
        self.0 = next;
        hung
    }

    /// Forgets all detections: pods are being replaced.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Returns the members to terminate now: those that hang longest first, limited in number.
pub(crate) fn members_to_terminate(hung: &[HungMember]) -> Vec<HungMember> {
    let mut due: Vec<HungMember> = hung.iter().filter(|hung| hung.strikes >= STRIKES).cloned().collect();
    due.sort_by_key(|hung| std::cmp::Reverse(hung.seconds));
    due.truncate(MAX_TERMINATIONS);
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: i32, rebalancing: bool, recovering: bool, since: i64) -> Member {
        Member {
            id,
            rebalancing: Some(rebalancing),
            recovering: Some(recovering),
            last_transition_time: Some(Timestamp::from_second(since).expect("a time").to_string()),
            pod_uid: Some(format!("uid-{id}")),
            ..Member::default()
        }
    }

    #[test]
    fn three_consecutive_checks_and_at_most_five_pods() {
        let now = Timestamp::from_second(1000).expect("a time");
        let mut members: Vec<Member> =
            (0..7).map(|id| member(id, true, false, 600 - i64::from(id))).collect();
        members.push(member(7, true, true, 0));
        members.push(member(8, false, false, 0));
        members.push(member(9, true, false, 900));
        let mut strikes = Strikes::default();
        let mut check = |answered: &dyn Fn(i32) -> bool| strikes.check(&members, answered, 300, now);
        let hung = check(&|_| true);
        assert_eq!(hung.iter().map(|hung| hung.id).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(members_to_terminate(&hung), []);
        check(&|id| id != 6);
        let third = check(&|_| true);
        assert_eq!(
            members_to_terminate(&third).iter().map(|hung| hung.id).collect::<Vec<_>>(),
            [5, 4, 3, 2, 1]
        );
        assert_eq!(third.iter().find(|hung| hung.id == 6).map(|hung| hung.strikes), Some(1));
    }
}
