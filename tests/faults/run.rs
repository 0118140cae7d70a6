//! One run of a scenario, undisturbed or with one fault.

use std::time::{Duration, Instant};

use crate::{
    breaker::Breaker,
    cluster::Cluster,
    guard::{self, Guard},
    plan::Fault,
    pods::Pods,
    scenario::{Act, Scenario},
    state::{self, State},
};

/// How long a step may take, faults and all.
const DEADLINE: Duration = Duration::from_secs(90);

/// How long nothing must be written until it counts as the end: longer than the operator's first
/// pause after an error.
const QUIET: Duration = Duration::from_millis(800);

/// How often a condition is looked at that costs requests.
const POLL: Duration = Duration::from_millis(150);

/// What an undisturbed run came to.
pub(crate) struct Reference {
    /// The state after each step.
    pub states: Vec<State>,
    /// How many pods there were in all.
    pub pods: usize,
    /// How many writes of the operator.
    pub writes: usize,
    /// How many events reached the operator.
    pub events: usize,
}

/// What a run that ended well was.
pub(crate) enum Ran {
    /// The fault struck.
    Struck,
    /// There were not as many writes or events this time.
    Missed,
}

/// What breaks pods and watches over them while an app rolls out.
struct Guarded(Option<(Breaker, Guard, u64)>);

impl Guarded {
    fn watch(cluster: &Cluster, namespace: &str, scenario: &Scenario) -> Self {
        Self(scenario.members.map(|members| {
            (Breaker::watch(cluster, namespace), Guard::watch(cluster, namespace, members), members)
        }))
    }

    /// Fails if anything happened, or is left, that must not be.
    async fn check(&self, cluster: &Cluster, namespace: &str) -> Result<(), String> {
        let Some((breaker, guard, members)) = &self.0 else { return Ok(()) };
        let state = state::read(cluster, namespace).await.map_err(|error| error.to_string())?;
        let mut violations = guard.violations();
        violations.extend(guard::end(&state, *members));
        let broken = breaker.names();
        if broken.len() > 1 {
            violations.push(format!("the change that crashes reached {broken:?}"));
        }
        if violations.is_empty() { Ok(()) } else { Err(violations.join("\n")) }
    }
}

/// Runs a scenario undisturbed.
pub(crate) async fn undisturbed(cluster: &Cluster, scenario: &Scenario) -> Result<Reference, String> {
    let namespace = prepared(cluster, scenario).await?;
    cluster.plan.arm(&namespace, None);
    let pods = Pods::watch(cluster, &namespace);
    let guarded = Guarded::watch(cluster, &namespace, scenario);
    let mut states = Vec::new();
    for step in &scenario.steps {
        act(cluster, &namespace, step).await?;
        states.push(settled(cluster, &namespace).await?);
    }
    guarded.check(cluster, &namespace).await?;
    let pods = pods.count();
    let (writes, events) = cluster.plan.disarm(&namespace);
    cluster.clean_up(&namespace).await;
    Ok(Reference { states, pods, writes, events })
}

/// Runs a scenario with a fault at the k-th write or event.
pub(crate) async fn disturbed(
    cluster: &Cluster,
    scenario: &Scenario,
    reference: &Reference,
    fault: Fault,
    k: usize,
) -> Result<Ran, String> {
    let namespace = prepared(cluster, scenario).await?;
    let pods = Pods::watch(cluster, &namespace);
    let guarded = Guarded::watch(cluster, &namespace, scenario);
    cluster.plan.arm(&namespace, Some((fault, k)));
    let same_states = walked(cluster, &namespace, scenario, reference).await;
    // A deadline must not leave the next run with a dead operator.
    let recovered = cluster.attend(&namespace).map_err(|error| error.to_string());
    // An operator that sees the app first and its components later rightly makes its pod again; one
    // that sees the objects go before the app makes them again, and the garbage collector takes them.
    let may_differ = (fault.blinds() && scenario.is_of_life()) || scenario.members.is_some();
    let same_pods = if pods.count() == reference.pods || may_differ {
        Ok(())
    } else {
        Err(format!("{} pods instead of {}:\n{}", pods.count(), reference.pods, pods.list()))
    };
    let struck = cluster.plan.struck(&namespace);
    let at = struck.as_deref().unwrap_or("nothing");
    let held = guarded.check(cluster, &namespace).await;
    let result = same_states.and(held).and(recovered).and(same_pods).map_err(|error| {
        format!("struck at {at}\n{error}\nthe operator's log:\n{}", cluster.log(&namespace))
    });
    cluster.plan.disarm(&namespace);
    cluster.clean_up(&namespace).await;
    result?;
    Ok(if struck.is_some() || fault.lasts() { Ran::Struck } else { Ran::Missed })
}

/// Takes the steps, and waits for the same state after each.
async fn walked(
    cluster: &Cluster,
    namespace: &str,
    scenario: &Scenario,
    reference: &Reference,
) -> Result<(), String> {
    for (step, expected) in scenario.steps.iter().zip(&reference.states) {
        act(cluster, namespace, step).await?;
        same(cluster, namespace, expected).await?;
    }
    Ok(())
}

/// A namespace with what there is before.
async fn prepared(cluster: &Cluster, scenario: &Scenario) -> Result<String, String> {
    let namespace = cluster.namespace(scenario.name).map_err(|error| error.to_string())?;
    cluster.plan.arm(&namespace, None);
    for act in &scenario.before {
        self::act(cluster, &namespace, act).await?;
        settled(cluster, &namespace).await?;
    }
    Ok(namespace)
}

/// Does something, again and again while the cluster can't take it.
pub(crate) async fn act(cluster: &Cluster, namespace: &str, act: &Act) -> Result<(), String> {
    for part in act.parts() {
        let begun = Instant::now();
        while let Err(error) = part.run(cluster, namespace).await {
            if begun.elapsed() > DEADLINE {
                return Err(error);
            }
            cluster.attend(namespace).map_err(|error| error.to_string())?;
            tokio::time::sleep(POLL).await;
        }
    }
    cluster.attend(namespace).map_err(|error| error.to_string())
}

/// Waits until everybody says that he is done. Gives the state.
pub(crate) async fn settled(cluster: &Cluster, namespace: &str) -> Result<State, String> {
    let words =
        |state: &State| format!("it did not settle: {:#}", serde_json::json!(state::unsettled(state)));
    wait(cluster, namespace, state::is_settled, words).await
}

/// Waits for a state.
pub(crate) async fn same(cluster: &Cluster, namespace: &str, expected: &State) -> Result<State, String> {
    let holds = |found: &State| state::normal(found, namespace) == *expected;
    let words = |found: &State| state::difference(expected, &state::normal(found, namespace));
    wait(cluster, namespace, holds, words).await
}

/// Waits until a condition holds of what there is while nothing is written any more.
pub(crate) async fn wait(
    cluster: &Cluster,
    namespace: &str,
    holds: impl Fn(&State) -> bool,
    words: impl Fn(&State) -> String,
) -> Result<State, String> {
    let begun = Instant::now();
    let mut last = State::new();
    while begun.elapsed() < DEADLINE {
        cluster.attend(namespace).map_err(|error| error.to_string())?;
        if cluster.plan.is_quiet(namespace, QUIET) {
            match state::read(cluster, namespace).await {
                // One list comes after the other: a write between two would show as half a state.
                Ok(_) if !cluster.plan.is_quiet(namespace, QUIET) => {}
                Ok(state) if holds(&state) => return Ok(state::normal(&state, namespace)),
                Ok(state) => last = state,
                // An API server that restarts.
                Err(_) => {}
            }
        }
        tokio::time::sleep(POLL).await;
    }
    Err(words(&last))
}
