//! Whether a change of the pods continues, has succeeded or has failed. Pure.

use std::time::Duration;

use super::{members::MemberView, state::RolloutState};
use crate::reconcile::{members::crashes::log::CodeFrame, problem::CauseKind};

/// Timing of changes, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// Without progress for this long, a change has failed.
    pub progress_deadline: i64,
    /// How long a changed member must work.
    pub observe: i64,
}

/// What is known of the pods of an app.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    /// Replicas of the StatefulSet.
    pub replicas: i64,
    /// The revision that the StatefulSet controller updates pods to.
    pub update_revision: &'a str,
    /// The members.
    pub members: &'a [MemberView],
    /// The current time, in Unix seconds.
    pub now: i64,
    /// Timing of changes.
    pub timing: Timing,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// Nothing changes, and the current revision is known to work.
    Settled,
    /// The change continues as it is. Look again after the duration, if there is one.
    Wait(Option<Duration>),
    /// The first member works: change the others too.
    Continue,
    /// All members work with the current revision: it is the one to return to.
    Succeeded,
    /// The change has failed.
    Failed(FailedChange),
}

/// Why a change has failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FailedChange {
    /// What the members report, if anything.
    pub kind: Option<CauseKind>,
    /// A sentence.
    pub cause: String,
    /// The last frame in a definition, if a member left a traceback.
    pub frame: Option<CodeFrame>,
    /// Whether members of the last good revision do not work either: the cause is not the change.
    pub is_general: bool,
}

/// Decides how a change continues.
pub(super) fn decide(state: &RolloutState, view: &View<'_>) -> Decision {
    let is_good = state.good.as_deref() == Some(view.update_revision);
    if view.update_revision.is_empty() || view.replicas == 0 || (is_good && state.since.is_none()) {
        return Decision::Settled;
    }
    if !is_good && let Some(failure) = failure(state, view) {
        return Decision::Failed(failure);
    }
    let first = if state.one_first { view.replicas - 1 } else { 0 };
    let expected = first..view.replicas;
    let updated: Vec<&MemberView> = view
        .members
        .iter()
        .filter(|member| member.revision == view.update_revision && expected.contains(&member.ordinal))
        .collect();
    let complete = i64::try_from(updated.len()).is_ok_and(|count| count == view.replicas - first)
        && updated.iter().all(|member| member.works);
    if !complete {
        return Decision::Wait(deadline(state, view).filter(|_| !is_good));
    }
    let since = updated.iter().filter_map(|member| member.ready_since).max().unwrap_or(view.now);
    let remaining = since + view.timing.observe - view.now;
    // A revision that worked before needs no second proof.
    if remaining > 0 && !is_good {
        return Decision::Wait(seconds(remaining));
    }
    if state.one_first { Decision::Continue } else { Decision::Succeeded }
}

fn seconds(count: i64) -> Option<Duration> {
    u64::try_from(count).ok().filter(|count| *count > 0).map(Duration::from_secs)
}

/// Returns how long until the change has made no progress for too long, or a problem of a changed member counts as
/// failure.
fn deadline(state: &RolloutState, view: &View<'_>) -> Option<Duration> {
    let overdue = last_progress(state, view)? + view.timing.progress_deadline;
    let updated = view.members.iter().filter(|member| member.revision == view.update_revision);
    let fails = updated.filter_map(|member| member.fails_at).filter(|at| *at > view.now).min();
    seconds(fails.map_or(overdue, |fails| fails.min(overdue)) - view.now)
}

/// Returns when the change made progress: when it began, or when the last changed member became ready.
fn last_progress(state: &RolloutState, view: &View<'_>) -> Option<i64> {
    let updated =
        view.members.iter().filter(|member| member.revision == view.update_revision && member.works);
    state.since.max(updated.filter_map(|member| member.ready_since).max())
}

fn failure(state: &RolloutState, view: &View<'_>) -> Option<FailedChange> {
    let good = state.good.as_deref()?;
    state.since?;
    let is_general = view.members.iter().any(|member| member.revision == good && !member.answers);
    let updated = || view.members.iter().filter(|member| member.revision == view.update_revision);
    let report = |member: &MemberView| {
        let problem = member.problem.as_ref();
        let text = problem.map_or("the member does not work", |problem| problem.text.as_str());
        let cause = format!("member {}: {text}", member.ordinal);
        let frame = problem.and_then(|problem| problem.frame.clone());
        FailedChange { kind: problem.map(|problem| problem.kind), cause, frame, is_general }
    };
    if let Some(failed) = updated().find(|member| member.has_failed(view.now)) {
        return Some(report(failed));
    }
    let overdue = last_progress(state, view)? + view.timing.progress_deadline <= view.now;
    if !overdue || view.members.iter().any(|member| member.recovers) {
        return None;
    }
    match updated().find(|member| !member.works) {
        Some(member) => Some(report(member)),
        // The pod of the next member does not exist.
        None => {
            let kind = Some(CauseKind::NotCreated);
            let cause = "a pod of the new revision was not created".to_owned();
            Some(FailedChange { kind, cause, frame: None, is_general })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::problem::PodProblem;

    const TIMING: Timing = Timing { progress_deadline: 600, observe: 60 };

    fn member(ordinal: i64, revision: &str, works: bool, ready_since: Option<i64>) -> MemberView {
        MemberView {
            ordinal,
            revision: revision.to_owned(),
            answers: works,
            works,
            ready_since,
            ..MemberView::default()
        }
    }

    fn decision(state: &RolloutState, members: &[MemberView], now: i64) -> Decision {
        let replicas = 3;
        decide(state, &View { replicas, update_revision: "new", members, now, timing: TIMING })
    }

    fn change(one_first: bool) -> RolloutState {
        RolloutState { good: Some("old".to_owned()), since: Some(1000), one_first, ..RolloutState::default() }
    }

    #[test]
    fn one_member_is_observed_before_the_others_follow() {
        let with = |ready_since| {
            [
                member(0, "old", true, Some(1)),
                member(1, "old", true, Some(1)),
                member(2, "new", true, ready_since),
            ]
        };
        assert_eq!(decision(&change(true), &with(Some(1020)), 1030), Decision::Wait(seconds(50)));
        assert_eq!(decision(&change(true), &with(Some(1020)), 1080), Decision::Continue);
        // The second stage waits for the others.
        assert_eq!(decision(&change(false), &with(Some(1020)), 1080), Decision::Wait(seconds(540)));
        let all: Vec<_> = (0..3).map(|ordinal| member(ordinal, "new", true, Some(1100))).collect();
        assert_eq!(decision(&change(false), &all, 1160), Decision::Succeeded);
        let good = RolloutState { good: Some("new".to_owned()), ..RolloutState::default() };
        assert_eq!(decision(&good, &all, 1100), Decision::Settled);
    }

    #[test]
    fn a_change_fails_at_once_or_at_its_deadline() {
        let problem = Some(PodProblem::new(CauseKind::Crash, "exit code 1"));
        let failed = MemberView { fails_at: Some(1000), problem, ..member(2, "new", false, None) };
        let others = [member(0, "old", true, Some(1)), member(1, "old", true, Some(1))];
        let with = |member: MemberView| [others.to_vec(), vec![member]].concat();
        let expected = |kind, cause: &str| {
            Decision::Failed(FailedChange { kind, cause: cause.to_owned(), frame: None, is_general: false })
        };
        let crashed = expected(Some(CauseKind::Crash), "member 2: exit code 1");
        assert_eq!(decision(&change(true), &with(failed.clone()), 1010), crashed);
        let silent = with(member(2, "new", false, None));
        assert_eq!(decision(&change(true), &silent, 1599), Decision::Wait(seconds(1)));
        assert_eq!(
            decision(&change(true), &silent, 1600),
            expected(None, "member 2: the member does not work")
        );
        let missing = expected(Some(CauseKind::NotCreated), "a pod of the new revision was not created");
        assert_eq!(decision(&change(true), &others, 1600), missing);
        // A problem with a grace is looked at again when that ends.
        let pulling = MemberView { fails_at: Some(1060), ..member(2, "new", false, None) };
        assert_eq!(decision(&change(true), &with(pulling), 1010), Decision::Wait(seconds(50)));
        // Tables may take long.
        let recovering = MemberView { recovers: true, ..member(2, "new", false, None) };
        assert_eq!(decision(&change(true), &with(recovering), 9000), Decision::Wait(None));
        // Without a revision to return to, nothing can fail.
        let first = RolloutState { good: None, ..change(true) };
        assert_eq!(decision(&first, &with(failed.clone()), 1010), Decision::Wait(seconds(590)));
        // If the others do not work either, the change is not the cause.
        let general = [member(0, "old", false, None), failed];
        assert!(matches!(
            decision(&change(true), &general, 1010),
            Decision::Failed(FailedChange { is_general: true, .. })
        ));
    }
}
