//! What users do to the pods of an app with several members: changes that work, that crash, and that are undone.

use serde_json::{Value, json};

use crate::{
    breaker::BROKEN,
    scenario::{AGENT, Act, Scenario, parsed},
};

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  replicas: 3
  bootstrapServers: kafka:9092
  rollout: {observeSeconds: 1}
";

/// How long a member is observed that is to crash: longer than it takes until it does.
const LONG: u64 = 15;

/// How many members the app has, unless a scenario says another number.
const MEMBERS: u64 = 3;

/// All members of an app run.
fn running(members: u64) -> Vec<Act> {
    let replicas = json!({"spec": {"replicas": members}});
    let mut app = parsed(&[AGENT, APP]);
    app[1]["spec"]["replicas"] = json!(members);
    vec![Act::Apply(app), Act::Patch("StatefulSet", "clicks-app", replicas)]
}

fn agent(result: &str) -> Value {
    let python = format!("def double(value): return {result}");
    json!({"spec": {"processors": {"operations": [{"name": "double", "map": {"python": python}}]}}})
}

fn redefine(result: &str) -> Act {
    Act::Patch("KasprAgent", "reader", agent(result))
}

fn app(spec: Value) -> Act {
    Act::Patch("KasprApp", "clicks", json!({ "spec": spec }))
}

fn observe(seconds: u64) -> Act {
    app(json!({"rollout": {"observeSeconds": seconds}}))
}

/// All scenarios.
pub(crate) fn all() -> Vec<Scenario> {
    let of = |members: u64, name, more: &[Act], steps: Vec<Act>| {
        let before = running(members).into_iter().chain(more.iter().cloned()).collect();
        Scenario { name, before, steps, members: Some(members) }
    };
    let rollout = |name, more: &[Act], steps: Vec<Act>| of(MEMBERS, name, more, steps);
    let cpu = |cpu: &str| app(json!({"resources": {"requests": {"cpu": cpu}}}));
    let broken_value = || redefine(&format!("[value, '{BROKEN}']"));
    let broken_image = |tag: u8| app(json!({"image": format!("example.com/{BROKEN}:{tag}")}));
    let history = app(json!({"rollout": {"observeSeconds": 0, "history": 1}}));
    let changed = || redefine("value + 1");
    vec![
        rollout("roll-good", &[], vec![changed()]),
        rollout("roll-bad", &[observe(LONG)], vec![broken_value()]),
        rollout("roll-image", &[observe(LONG)], vec![broken_image(1)]),
        of(1, "roll-single", &[observe(LONG)], vec![broken_image(1)]),
        of(
            1,
            "roll-worse",
            &[observe(LONG)],
            vec![Act::All(vec![broken_image(1), Act::UntilReturning, broken_image(2)])],
        ),
        rollout("roll-undo", &[changed()], vec![Act::Undo]),
        rollout("roll-history", &[history], ["value + 1", "value + 2", "value + 3"].map(redefine).into()),
        rollout("roll-twice", &[], vec![Act::All(vec![changed(), cpu("0.25")])]),
        rollout("roll-again", &[], vec![Act::All(vec![changed(), Act::UntilRolling, redefine("value + 2")])]),
        rollout(
            "roll-fix",
            &[observe(LONG)],
            vec![Act::All(vec![broken_value(), Act::UntilReturning, observe(1), changed()])],
        ),
    ]
}
