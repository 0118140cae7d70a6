//! The conditions Progressing and Ready of an app.

use super::observed::Observed;
use crate::{
    api::{KasprApp, annotations::ROLL},
    reconcile::{
        apply,
        cause::Cause,
        conditions::{self, NewCondition, condition},
        members::snapshot::MembersSnapshot,
        rollout::engine::RolloutPhase,
    },
    resources,
};

/// Returns the condition Progressing.
pub(super) fn progressing(app: &KasprApp, observed: &Observed) -> NewCondition {
    let Observed { rollout, blocked_autoscaler, newer_template_waits, keeps_claims, accepted_errors, .. } =
        observed;
    let replicas = i64::from(resources::replicas(app));
    let observed_generation = app.status.as_ref().and_then(|status| status.observed_generation);
    let scaling = rollout.replicas < replicas;
    let (is_true, reason, message) = if !observed.refused.is_empty() {
        (false, conditions::ERROR, apply::messages(&observed.refused))
    } else if let RolloutPhase::Held(why) = &observed.phase {
        (false, conditions::ROLLOUT_HELD, why.clone())
    } else if let RolloutPhase::Returned(held) = &observed.phase {
        match rollout.is_complete() {
            true => (false, conditions::ROLLED_BACK, held.sentence("returned")),
            false => (true, conditions::RECONCILING, held.sentence("return")),
        }
    } else if !rollout.is_complete() && observed.phase == RolloutPhase::OneFirst {
        let last = rollout.replicas - 1;
        let message = format!("Changing member {last} first; the other members follow once it works");
        (true, conditions::RECONCILING, message)
    } else if !rollout.is_complete() {
        if observed_generation == app.metadata.generation {
            (true, conditions::RECONCILING, "Waiting for resources to become ready".to_owned())
        } else {
            (true, conditions::NEW_SPEC, "Reconciling desired state".to_owned())
        }
    } else if scaling && blocked_autoscaler.is_none() {
        let message = format!("Adding members step by step: {} of {replicas}", rollout.replicas);
        (true, conditions::RECONCILING, message)
    } else {
        let note = if *keeps_claims {
            format!(
                "; tables stay in the claims of the Python operator, although spec.storage.type is ephemeral: the annotation {ROLL}: \"true\" moves them to the pods"
            )
        } else if *newer_template_waits {
            format!(
                "; a newer pod template will be applied with the next change, or with the annotation {ROLL}: \"true\""
            )
        } else if let Some(blocker) = blocked_autoscaler.as_ref().filter(|_| scaling) {
            format!("; the autoscaler adds no members ({blocker})")
        } else {
            String::new()
        };
        let unreadable: String =
            resources::unreadable_annotations(app).iter().map(|problem| format!("; {problem}")).collect();
        (
            false,
            conditions::RECONCILE_COMPLETE,
            format!("All resources are in desired state{note}{unreadable}{}", accepted_note(accepted_errors)),
        )
    };
    condition(conditions::PROGRESSING, is_true, reason, message)
}

/// Lists errors that are accepted, because the app ran with them before a rule existed.
fn accepted_note(errors: &[String]) -> String {
    if errors.is_empty() {
        return String::new();
    }
    format!("; fix these errors, which the Python operator did not report: {}", errors.join("; "))
}

/// Returns the condition Ready. `cause` is why members do not work.
pub(super) fn ready(
    replicas: i32,
    observed: &Observed,
    members: &MembersSnapshot,
    cause: Option<&Cause>,
) -> NewCondition {
    let Observed { rollout, blocked_autoscaler, .. } = observed;
    let scaling = rollout.replicas < i64::from(replicas);
    let available = format!("{} of {replicas} members are available", rollout.available);
    let (is_true, reason, message) = if !rollout.is_complete() && !observed.refused.is_empty() {
        (false, conditions::ERROR, format!("{available}: {}", apply::messages(&observed.refused)))
    } else if !rollout.is_complete() || (scaling && blocked_autoscaler.is_none()) {
        let why = match cause {
            Some(cause) => format!(": {}", cause.sentence()),
            None if rollout.rolling && rollout.available >= i64::from(replicas) => {
                ", and pods are being replaced".to_owned()
            }
            None => String::new(),
        };
        (false, conditions::NOT_READY, available + &why)
    } else if let Some(cause) = cause {
        (false, conditions::NOT_READY, cause.sentence())
    } else if !members.hung.is_empty() {
        let ids = members.hung.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (false, conditions::HUNG_MEMBERS, format!("Members stuck in a rebalance: {ids}"))
    } else if !members.unassigned.is_empty() {
        (false, conditions::NOT_READY, unassigned(members))
    } else if scaling {
        // The app works, with fewer members than it may have. Progressing has the words of the autoscaler.
        let message = format!(
            "{available}: replicas stay at the minimum of {}, because the autoscaler cannot read the memory \
             usage of the members. Is the metrics API (metrics-server) installed?",
            rollout.replicas
        );
        (true, conditions::HEALTHY, message)
    } else if replicas == 0 {
        (true, conditions::HEALTHY, "App is stopped: spec.replicas is 0".to_owned())
    } else {
        (true, conditions::HEALTHY, "App is ready".to_owned())
    };
    condition(conditions::READY, is_true, reason, message)
}

/// Describes the topics that no member is assigned, and what happens next.
fn unassigned(members: &MembersSnapshot) -> String {
    let (existing, missing): (Vec<&String>, Vec<&String>) =
        members.unassigned.iter().partition(|topic| members.existing.contains(topic));
    let list =
        |topics: Vec<&String>| topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("{} (as far as the members know, not on the brokers)", list(missing)));
    }
    if !existing.is_empty() {
        parts.push(format!("{} (on the brokers)", list(existing)));
    }
    let next = match members.next_rebalance {
        Some(next) => format!("The next rebalance is requested at {next}"),
        None => "A rebalance assigns topics that exist".to_owned(),
    };
    format!("No member is assigned these topics: {}. {next}", parts.join("; "))
}
