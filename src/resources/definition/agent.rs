use kube::ResourceExt;
use serde_json::{Value, json};

use super::processors::{processors, topic_out};
use crate::api::{AgentInput, AgentOutput, InputTopic, KasprAgent, texts};

pub(super) fn definition(agent: &KasprAgent) -> Value {
    let spec = &agent.spec;
    let mut definition = json!({
        "description": spec.description,
        "input": input(&spec.input),
        "isolated_partitions": spec.isolated_partitions,
        "name": agent.name_any(),
        // The framework does not accept null here.
        "processors": processors(Some(&spec.processors.clone().unwrap_or_default())),
    });
    if let Some(given) = &spec.output {
        definition["output"] = output(given);
    }
    definition
}

fn input(input: &AgentInput) -> Value {
    json!({
        "channel": input.channel.as_ref().map(|channel| json!({ "name": channel.name })),
        "declare": input.declare,
        "take": input.take.as_ref().map(|take| json!({ "max": take.max, "within": take.within })),
        "topic": input.topic.as_ref().map(topic),
    })
}

fn topic(topic: &InputTopic) -> Value {
    json!({
        "compacting": topic.compacting,
        "config": topic.config.as_ref().map(texts),
        "deleting": topic.deleting,
        "key_serializer": topic.key_serializer,
        "name": topic.name,
        "partitions": topic.partitions,
        "pattern": topic.pattern,
        "replicas": topic.replicas,
        "retention": topic.retention,
        "value_serializer": topic.value_serializer,
    })
}

fn output(output: &AgentOutput) -> Value {
    let topics = output.topics.as_ref().map(|topics| topics.iter().map(topic_out).collect::<Vec<Value>>());
    json!({ "topics": topics })
}
