//! There and back again: an app that was changed and changed back is as one that never was; and
//! what is invalid changes nothing.

use std::{
    env,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    draw::{self, Dice},
    pods::Pods,
    report::Report,
    run,
    scenario::{self, Act},
    state::{self, State},
};

/// How many walks there are, in a sample and in all.
const WALKS: (u64, u64) = (6, 40);

/// How many walks are concurrent.
const LANES: usize = 3;

const WALK: &str = "walk";
const INVALID: &str = "invalid";

/// Values that the CRDs allow and the webhooks do not.
fn invalid() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("KasprTable", "counts", json!({"defaultSelector": {"python": "def f(:"}})),
        (
            "KasprAgent",
            "reader",
            json!({"processors": {"operations": [{"name": "double", "map": {"python": "def f(:"}}]}}),
        ),
        ("KasprAgent", "reader", json!({"processors": {"pipeline": ["nothing"]}})),
        ("KasprApp", "clicks", json!({"version": "0.0.1"})),
        ("KasprApp", "clicks", json!({"config": {"webPrt": 1}})),
        ("KasprApp", "clicks", json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}})),
        ("KasprApp", "clicks", json!({"pythonPackages": {"packages": ["requests; rm -rf /"]}})),
    ]
}

/// Walks and invalid values.
pub(crate) async fn run(cluster: &Cluster, quick: bool, report: &Mutex<Report>) {
    let report = || report.lock().unwrap_or_else(PoisonError::into_inner);
    let given = env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seed: u64 = given.unwrap_or_else(now);
    println!("walks: SEED={seed}");
    let walks = stream::iter(0..if quick { WALKS.0 } else { WALKS.1 })
        .map(|number| async move { (number, walk(cluster, seed.wrapping_add(number)).await) });
    let walked = walks.buffer_unordered(LANES).for_each(|(number, result)| {
        match result {
            Ok(()) => report().ran(WALK, &"none"),
            Err(error) => {
                let seed = seed.wrapping_add(number);
                report().failed(WALK, &"none", &format!("SEED={seed}"), &error);
            }
        }
        std::future::ready(())
    });
    walked.await;
    for (kind, name, spec) in invalid() {
        match forced(cluster, kind, name, &spec).await {
            Ok(()) => report().ran(INVALID, &"none"),
            Err(error) => report().failed(INVALID, &"none", &format!("{kind} {spec}"), &error),
        }
        // It registers the webhooks again.
        if let Err(error) = cluster.kill_operator().and_then(|()| cluster.start_operator()) {
            report().failed(INVALID, &"none", "a restart", &error.to_string());
        }
    }
}

/// From one spec to another and back.
async fn walk(cluster: &Cluster, seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    // A stopped app keeps the data of the members that it had, and one that never ran has none.
    let (one, other) = (draw::manifests(&mut dice, false), draw::manifests(&mut dice, true));
    let explain = |error: String| format!("{}\nthen {}\n{error}", json!(one), json!(other));
    let (fresh, walked) = (namespace(cluster)?, namespace(cluster)?);
    let result = async {
        let there = Act::Apply(one.clone());
        run::act(cluster, &fresh, &there).await?;
        let expected = run::settled(cluster, &fresh).await?;
        for act in [&there, &Act::Apply(other.clone())] {
            run::act(cluster, &walked, act).await?;
            run::settled(cluster, &walked).await?;
        }
        run::act(cluster, &walked, &there).await?;
        run::same(cluster, &walked, &expected).await.map(drop)
    };
    let result = result.await.map_err(explain);
    for namespace in [fresh, walked] {
        cluster.plan.disarm(&namespace);
        cluster.clean_up(&namespace).await;
    }
    result
}

/// An invalid value that is forced past admission.
async fn forced(
    cluster: &Cluster,
    kind: &'static str,
    name: &'static str,
    spec: &Value,
) -> Result<(), String> {
    let words = |error: kube::Error| error.to_string();
    let namespace = namespace(cluster)?;
    run::act(cluster, &namespace, &Act::Apply(scenario::manifests())).await?;
    let before = run::settled(cluster, &namespace).await?;
    let pods = Pods::watch(cluster, &namespace);
    cluster.without_webhooks().await.map_err(words)?;
    // The API server hears of it a moment later.
    run::act(cluster, &namespace, &Act::Patch(kind, name, json!({ "spec": spec }))).await?;
    let place = format!("{kind}/{name}");
    let reported = |state: &State| {
        let object = state.get(&place).unwrap_or(&Value::Null);
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && state::conditions(&object["status"]).any(|c| c["type"] == "Ready" && c["reason"] == "Invalid")
    };
    let unreported = |state: &State| {
        format!("no condition or event reports it: {:#}", state.get(&place).unwrap_or(&Value::Null))
    };
    let mut after = run::wait(cluster, &namespace, reported, unreported).await?;
    let mut before = before;
    // What else is said of an invalid resource is not what runs.
    for state in [&mut before, &mut after] {
        state.retain(|place, _| !place.starts_with("Kaspr"));
    }
    cluster.plan.disarm(&namespace);
    cluster.clean_up(&namespace).await;
    if before != after {
        return Err(state::difference(&before, &after));
    }
    if pods.count() > 1 { Err("a pod was made anew".to_owned()) } else { Ok(()) }
}

fn namespace(cluster: &Cluster) -> Result<String, String> {
    let namespace = cluster.namespace(WALK).map_err(|error| error.to_string())?;
    cluster.plan.arm(&namespace, None);
    Ok(namespace)
}
