use kube::ResourceExt;
use serde_json::{Value, json};

use super::processors::processors;
use crate::api::{KasprTask, Schedule};

pub(super) fn definition(task: &KasprTask) -> Value {
    let spec = &task.spec;
    json!({
        "description": spec.description,
        "name": task.name_any(),
        "on_leader": spec.on_leader,
        "processors": processors(Some(&spec.processors)),
        "schedule": spec.schedule.as_ref().map(schedule),
    })
}

fn schedule(schedule: &Schedule) -> Value {
    let mut value = json!({ "cron": schedule.cron, "interval": schedule.interval });
    // The Python operator never wrote the key; without it, definitions keep their hash.
    if let Some(timezone) = &schedule.timezone {
        value["timezone"] = json!(timezone);
    }
    value
}
