//! Topics that an agent sends to.

use super::path::Path;
use crate::api::{KasprAgent, Operation, TopicOut};

/// Returns the topics that an agent sends every value to, with their paths: those whose name is known, without a
/// predicate, and with no filter before them.
pub(super) fn sends(agent: &KasprAgent) -> Vec<(&str, Path)> {
    let spec = Path::root().child("spec");
    let mut sends = Vec::new();
    let mut passes = true;
    if let Some(processors) = &agent.spec.processors {
        let operations: Vec<&Operation> = processors.operations.iter().flatten().collect();
        for step in processors.pipeline.iter().flatten() {
            let Some(i) = operations.iter().position(|operation| operation.name.as_ref() == Some(step))
            else {
                continue;
            };
            let at = spec.child("processors").child("operations").index(i).child("topicSend");
            if operations[i].filter.is_some() {
                passes = false;
            }
            if let Some(send) = operations[i].topic_send.as_ref() {
                sends.extend(passes.then(|| unconditional(send)).flatten().map(|name| (name, at)));
                // Without one of these, the value ends here.
                passes &= send.pass_through == Some(true) || send.ack == Some(true);
            }
        }
    }
    let topics = agent.spec.output.iter().flat_map(|output| output.topics.iter().flatten());
    for (i, topic) in topics.enumerate().filter(|_| passes) {
        let at = spec.child("output").child("topics").index(i);
        sends.extend(unconditional(topic).map(|name| (name, at)));
    }
    sends
}

fn unconditional(topic: &TopicOut) -> Option<&str> {
    topic.name.as_deref().filter(|name| !name.is_empty() && topic.predicate.is_none())
}
