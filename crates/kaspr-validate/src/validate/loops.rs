//! Topics that lead from an agent back to itself.

use std::collections::{BTreeMap, VecDeque};

use super::{app_context::AppContext, findings::Findings, rule, sends::sends};
use crate::api::KasprAgent;

/// Warns about topics whose values come back to the agent.
pub(super) fn check(agent: &KasprAgent, name: &str, context: &AppContext, found: &mut Findings) {
    let input = agent.spec.input.topic.as_ref();
    let own: Vec<&str> = input.into_iter().flat_map(|topic| topic.names()).collect();
    for (topic, at) in sends(agent) {
        let Some(through) = way_back(topic, &own, name, context) else { continue };
        let text = match through {
            None => format!("'{topic}' is an input of the agent: it feeds itself"),
            Some(other) => format!("'{topic}' leads back to the agent through agent '{other}'"),
        };
        found.warn_shortened(rule::TOPIC_LOOP, at.child("name"), &text);
    }
}

/// Returns how a topic leads to one of `own`: directly, or through another agent of the app, the first on the way.
/// Returns `None` if it does not.
fn way_back<'a>(topic: &str, own: &[&str], name: &str, context: &'a AppContext) -> Option<Option<&'a str>> {
    if own.contains(&topic) {
        return Some(None);
    }
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue: VecDeque<(&str, Option<&'a str>)> = VecDeque::from([(topic, None)]);
    while let Some((topic, through)) = queue.pop_front() {
        for agent in context.readers(topic).filter(|agent| agent.name != name) {
            let through = through.unwrap_or(&agent.name);
            if first.insert(&agent.name, through).is_some() {
                continue;
            }
            if agent.sends.iter().any(|sent| own.contains(&sent.as_str())) {
                return Some(Some(through));
            }
            queue.extend(agent.sends.iter().map(|sent| (sent.as_str(), Some(through))));
        }
    }
    None
}
