use serde_json::{Value, json};

use super::code::{code, code_after};
use crate::api::{Code, Operation, Processors, TopicOut, texts};

pub(super) fn processors(processors: Option<&Processors>) -> Value {
    let Some(processors) = processors else { return Value::Null };
    let operations: Vec<Value> = processors
        .operations
        .iter()
        .flatten()
        .map(|operation| operation_definition(operation, processors.init.as_ref()))
        .collect();
    json!({
        "init": code(processors.init.as_ref()),
        "operations": operations,
        "pipeline": processors.pipeline.clone().unwrap_or_default(),
    })
}

fn operation_definition(operation: &Operation, init: Option<&Code>) -> Value {
    let tables: Vec<Value> = operation
        .tables
        .iter()
        .flatten()
        .map(|table| json!({ "name": table.name, "param_name": table.param_name }))
        .collect();
    json!({
        "filter": code_after(init, operation.filter.as_ref()),
        "map": code_after(init, operation.map.as_ref()),
        "name": operation.name,
        "tables": tables,
        "topic_send": operation.topic_send.as_ref().map(topic_out),
    })
}

pub(super) fn topic_out(topic: &TopicOut) -> Value {
    json!({
        "ack": topic.ack,
        "compacting": topic.compacting,
        "config": topic.config.as_ref().map(texts),
        "declare": topic.declare.unwrap_or(false),
        "deleting": topic.deleting,
        "headers_selector": code(topic.headers_selector.as_ref()),
        "key_selector": code(topic.key_selector.as_ref()),
        "key_serializer": topic.key_serializer,
        "name": topic.name,
        "name_selector": code(topic.name_selector.as_ref()),
        "partition_selector": code(topic.partition_selector.as_ref()),
        "partitions": topic.partitions,
        "pass_through": topic.pass_through.unwrap_or(false),
        "predicate": code(topic.predicate.as_ref()),
        "replicas": topic.replicas,
        "retention": topic.retention,
        "value_selector": code(topic.value_selector.as_ref()),
        "value_serializer": topic.value_serializer,
    })
}
