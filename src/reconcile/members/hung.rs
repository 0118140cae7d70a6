//! Members that hang in a rebalance. Pure.

use std::collections::HashMap;

use k8s_openapi::jiff::Timestamp;

use super::picture::seconds_in_state;
use crate::api::Member;

/// Checks in a row in which a member must be seen to hang.
pub const STRIKES: u32 = 3;

/// The most pods that are ended in a round.
const BUDGET: usize = 5;

/// The strikes of each pod, by UID: a new pod starts with none.
#[derive(Debug, Default)]
pub struct Strikes(HashMap<String, u32>);

/// A member that hangs.
#[derive(Clone, Debug, PartialEq)]
pub struct Hung {
    /// Its number.
    pub id: i32,
    /// The UID of its pod.
    pub uid: String,
    /// Checks in a row.
    pub strikes: u32,
    /// How long it has been in its rebalance.
    pub seconds: i64,
}

impl Strikes {
    /// A check. `answered` tells which members answered just now: an old answer is no evidence.
    pub fn check(
        &mut self,
        members: &[Member],
        answered: impl Fn(i32) -> bool,
        threshold: i64,
        now: Timestamp,
    ) -> Vec<Hung> {
        let mut next = HashMap::new();
        let mut hung = Vec::new();
        for member in members {
            let Some(uid) = member.pod_uid.clone() else { continue };
            let seconds = seconds_in_state(member, now);
            let stuck = member.rebalancing == Some(true) && member.recovering != Some(true);
            if stuck && seconds > threshold && answered(member.id) {
                let strikes = self.0.get(&uid).copied().unwrap_or_default().saturating_add(1);
                next.insert(uid.clone(), strikes);
                hung.push(Hung { id: member.id, uid, strikes, seconds });
            }
        }
        self.0 = next;
        hung
    }

    /// Nothing is checked while pods come and go.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Those to end now: the longest first, and never more than a few.
pub fn to_end(hung: &[Hung]) -> Vec<Hung> {
    let mut ripe: Vec<Hung> = hung.iter().filter(|hung| hung.strikes >= STRIKES).cloned().collect();
    ripe.sort_by_key(|hung| std::cmp::Reverse(hung.seconds));
    ripe.truncate(BUDGET);
    ripe
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
    fn three_checks_in_a_row_and_five_pods_at_most() {
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
        assert_eq!(to_end(&hung), []);
        check(&|id| id != 6);
        let third = check(&|_| true);
        assert_eq!(to_end(&third).iter().map(|hung| hung.id).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
        assert_eq!(third.iter().find(|hung| hung.id == 6).map(|hung| hung.strikes), Some(1));
    }
}
