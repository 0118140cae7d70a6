//! The condition Healthy of agents.

use std::collections::BTreeSet;

use super::{
    cache::index::ObjectKey,
    conditions::{self, NewCondition, unknown},
    context::Context,
    fetch,
    members::crashes::ledger::{AgentCrash, Health},
};
use crate::api::{Condition, ConditionStatus, Kind};

/// Returns the condition Healthy of an agent. An agent that was always healthy, as far as is known, has none. `previous`
/// are its conditions: they stay while nothing else is known, as after a restart of the operator.
pub(super) fn condition(
    ctx: &Context,
    component: &ObjectKey,
    app: &ObjectKey,
    previous: &[Condition],
) -> Option<NewCondition> {
    if component.kind != Kind::Agent {
        return None;
    }
    match ctx.members.agent_health(app, &component.name) {
        Some(Health::Crashing) => {
            let mut crashes = ctx.members.agent_crashes(app);
            crashes.retain(|crash| crash.agent == component.name);
            let message = crash_message(&crashes, fetch::member_pods(ctx, app).len());
            Some(healthy(ConditionStatus::False, message))
        }
        Some(Health::Waiting(topic)) => Some(healthy(ConditionStatus::Unknown, waiting_message(&topic))),
        Some(Health::Recovered) => Some(healthy(ConditionStatus::True, RECOVERED_MESSAGE.to_owned())),
        None => {
            let known = previous.iter().find(|condition| condition.r#type == conditions::AGENT_HEALTHY)?;
            Some(healthy(known.status, known.message.clone()))
        }
    }
}

const RECOVERED_MESSAGE: &str =
    "No crash of the current definition was found in the logs of the members recently";

/// Creates the condition. Each status has one reason.
fn healthy(status: ConditionStatus, message: String) -> NewCondition {
    let r#type = conditions::AGENT_HEALTHY;
    match status {
        ConditionStatus::True => conditions::condition(r#type, true, conditions::NO_CRASHES, message),
        ConditionStatus::False => conditions::condition(r#type, false, conditions::AGENT_CRASHED, message),
        ConditionStatus::Unknown => unknown(r#type, conditions::MESSAGES_WAITING, message),
    }
}

/// Describes the crashes of an agent of an app with this many members. Only the exception that was seen first is named:
/// another choice could change with each message.
fn crash_message(crashes: &[AgentCrash], members: usize) -> String {
    let crashed: BTreeSet<i32> = crashes.iter().map(|crash| crash.member).collect();
    let exceptions: BTreeSet<&str> = crashes.iter().map(|crash| crash.exception.as_str()).collect();
    let first = crashes.first().map(|crash| crash.exception.as_str()).unwrap_or_default();
    let others = match exceptions.len().saturating_sub(1) {
        0 => String::new(),
        1 => " and another exception".to_owned(),
        more => format!(" and {more} other exceptions"),
    };
    let members = members.max(crashed.len());
    format!(
        "Crashed on {} of {members} members: {first}{others}; each crash loses the message",
        crashed.len()
    )
}

fn waiting_message(topic: &str) -> String {
    format!(
        "Messages of topic '{topic}' wait, and members receive at most one in five seconds, as when an agent crashes; \
         the operator may not read the members' logs"
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn crash(member: i32, exception: &str) -> AgentCrash {
        AgentCrash {
            agent: "enrich".to_owned(),
            member,
            pod_uid: String::new(),
            exception: exception.to_owned(),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_message_names_the_first_exception_and_counts_members() {
        let first = "NameError: name 'x' is not defined (operation 'enrich', line 3)";
        for (crashes, members, expected) in [
            (
                vec![crash(0, first)],
                3,
                format!("Crashed on 1 of 3 members: {first}; each crash loses the message"),
            ),
            (
                vec![crash(0, first), crash(2, "KeyError: …"), crash(2, first)],
                3,
                format!(
                    "Crashed on 2 of 3 members: {first} and another exception; each crash loses the message"
                ),
            ),
            // The pod of the member is gone.
            (
                vec![crash(0, first)],
                0,
                format!("Crashed on 1 of 1 members: {first}; each crash loses the message"),
            ),
        ] {
            assert_eq!(crash_message(&crashes, members), expected);
        }
    }
}
