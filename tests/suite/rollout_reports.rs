//! Changes of the pods that end: each is counted once, and one event reports a failure.

use serde_json::Value;

use crate::{
    harness::{Namespace, condition, eventually, metrics},
    lifecycle::ready,
    rollout::{app, crash, pods, running},
};

/// How many changes ended with a result.
fn counted(namespace: &Namespace, result: &str) -> String {
    let labels = format!("app_name=\"clicks\",namespace=\"{}\",result=\"{result}\"", namespace.name);
    let series = format!("kasprop_rollouts_total{{{labels}}} ");
    metrics().lines().find_map(|line| line.strip_prefix(&series)).unwrap_or("0").to_owned()
}

fn events(namespace: &Namespace, reason: &str) -> Vec<Value> {
    let events = namespace.list("events");
    events.into_iter().filter(|event| event["reason"] == reason).collect()
}

/// Waits for an event, which has not been published before.
fn reported_once(namespace: &Namespace, reason: &str, text: &str) {
    let found = eventually("an event", || {
        let found = events(namespace, reason);
        if found.is_empty() { Err(reason.to_owned()) } else { Ok(found) }
    });
    let [event] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(event["type"], "Warning");
    assert!(event["message"].as_str().is_some_and(|message| message.contains(text)), "{event}");
    assert!(event["series"].is_null(), "{event}");
}

#[test]
fn each_change_is_counted_once() {
    let namespace = running("counted", 2);
    assert_eq!(counted(&namespace, "succeeded"), "1", "the first revision");
    let before = pods(&namespace);
    let changed = app(2, "  config: {schedulerDebugStatsEnabled: true}\n");
    namespace.apply(&changed.replace("observeSeconds: 6", "observeSeconds: 6, onFailure: hold"));
    crash(&namespace, "clicks-app-1", &before["clicks-app-1"]);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "RolloutHeld"));
    reported_once(&namespace, "RolloutHeld", "the change is held: onFailure is hold");
    // The same change may return.
    namespace.apply(&changed);
    namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "Progressing", "False", "RolledBack") && condition(app, "Ready", "True", "Healthy")
    });
    reported_once(&namespace, "RolledBack", "The members return to the last revision that worked: member 1");
    let results = ["succeeded", "held", "returned"].map(|result| counted(&namespace, result));
    assert_eq!(results, ["1", "1", "1"]);
    namespace.apply(&app(2, "  config: {schedulerCronEnabled: true}\n"));
    namespace.wait_for("kasprapp", "clicks", |app| {
        ready(app) && condition(app, "Progressing", "False", "ReconcileComplete")
    });
    eventually("the success is counted", || {
        let results = ["succeeded", "held", "returned"].map(|result| counted(&namespace, result));
        if results == ["2", "1", "1"] { Ok(()) } else { Err(results.join(", ")) }
    });
    assert_eq!((events(&namespace, "RolloutHeld").len(), events(&namespace, "RolledBack").len()), (1, 1));
}
