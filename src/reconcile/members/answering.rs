//! Which members answer. Pure.

use std::collections::BTreeMap;

use super::snapshot::{AnsweringPod, PolledMember};
use crate::api::Member;

/// Consecutive polls without an answer after which a member counts as not answering: a busy one may miss a poll.
const SILENT_POLLS: u32 = 3;

/// What is remembered of the members between two polls.
#[derive(Default)]
pub(crate) struct Answering {
    /// Restarts and consecutive silent polls, by the UID of the pod.
    members: BTreeMap<String, (i32, u32)>,
    polled: bool,
}

impl Answering {
    /// Records a poll. Returns the members that answer. `known` are the members that an earlier process of the operator
    /// knew. Without `evidence`, the poll follows another one too soon to count a member as silent.
    pub(crate) fn observe(
        &mut self,
        polled: &[PolledMember],
        known: &[Member],
        evidence: bool,
    ) -> Vec<AnsweringPod> {
        let mut next = BTreeMap::new();
        for PolledMember { pod, answer } in polled {
            if answer.is_some() {
                next.insert(pod.uid.clone(), (pod.restarts, 0));
                continue;
            }
            let was_known = || known.iter().any(|member| member.pod_uid.as_deref() == Some(&pod.uid));
            let before = match self.members.get(&pod.uid) {
                Some(before) => Some(*before),
                None => (!self.polled && was_known()).then_some((pod.restarts, 0)),
            };
            let silent = before.filter(|(restarts, _)| *restarts == pod.restarts);
            let silent = silent.map(|(_, silent)| silent + u32::from(evidence));
            if let Some(silent) = silent.filter(|silent| *silent < SILENT_POLLS) {
                next.insert(pod.uid.clone(), (pod.restarts, silent));
            }
        }
        self.polled = true;
        self.members = next;
        let pods = self.members.iter();
        pods.map(|(uid, (restarts, _))| AnsweringPod { uid: uid.clone(), restarts: *restarts }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{cache::pod::MemberPod, members::client::Answer};

    fn polled(restarts: i32, answers: bool) -> [PolledMember; 1] {
        let pod = MemberPod { uid: "u".to_owned(), restarts, ..MemberPod::default() };
        [PolledMember { pod, answer: answers.then(Answer::default) }]
    }

    #[test]
    fn a_member_answers_until_three_polls_fail_or_it_restarts() {
        let mut answering = Answering::default();
        let mut count = |restarts: i32, answers: bool, evidence: bool| {
            answering.observe(&polled(restarts, answers), &[], evidence).len()
        };
        assert_eq!([count(0, false, true), count(0, true, true)], [0, 1]);
        assert_eq!([count(0, false, true), count(0, false, false), count(0, false, true)], [1, 1, 1]);
        assert_eq!([count(0, false, true), count(0, false, true)], [0, 0]);
        assert_eq!([count(0, true, true), count(1, false, true), count(1, true, true)], [1, 0, 1]);
    }

    #[test]
    fn a_member_that_an_earlier_process_knew_answers_at_first() {
        let known = Member { pod_uid: Some("u".to_owned()), ..Member::default() };
        let mut answering = Answering::default();
        let mut count = || answering.observe(&polled(0, false), std::slice::from_ref(&known), true).len();
        assert_eq!([count(), count(), count(), count()], [1, 1, 0, 0]);
    }
}
