use kube::ResourceExt;
use serde_json::{Value, json};

use super::code::code;
use crate::api::{KasprTable, Window, texts};

pub(super) fn definition(table: &KasprTable) -> Value {
    let spec = &table.spec;
    json!({
        "default_selector": code(spec.default_selector.as_ref()),
        "description": spec.description,
        "extra_topic_configs": spec.extra_topic_configs.as_ref().map(texts).unwrap_or_default(),
        "global": spec.global.unwrap_or(false),
        "key_serializer": spec.key_serializer,
        "name": table.name_any(),
        "options": spec.options.as_ref().map(texts).unwrap_or_default(),
        "partitions": spec.partitions,
        "value_serializer": spec.value_serializer,
        "window": spec.window.as_ref().map(window),
    })
}

fn window(window: &Window) -> Value {
    let tumbling =
        window.tumbling.as_ref().map(|w| json!({ "expires": w.expires, "size": seconds(w.size.as_ref()) }));
    let hopping = window
        .hopping
        .as_ref()
        .map(|w| json!({ "expires": w.expires, "size": seconds(w.size.as_ref()), "step": seconds(w.step.as_ref()) }));
    json!({
        "hopping": hopping,
        "relative_to": window.relative_to,
        "relative_to_selector": code(window.relative_to_selector.as_ref()),
        "tumbling": tumbling,
    })
}

/// The API has sizes as strings, the framework as numbers.
fn seconds(text: Option<&String>) -> Option<u32> {
    text.and_then(|text| text.parse().ok())
}
