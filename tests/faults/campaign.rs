//! Every fault at every write and event of every scenario, or a sample of them.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, stream};

use crate::{
    cluster::Cluster,
    plan::Fault,
    report::Report,
    run::{self, Ran, Reference},
    scenario::Scenario,
};

/// How many runs are concurrent where they do not disturb each other.
const LANES: usize = 4;

/// A sample takes one of so many.
const SAMPLE: usize = 3;

/// A restart of a server takes seconds, so there are only so many in a scenario.
const RESTARTS: usize = 3;

/// What strikes.
const FAULTS: [Fault; 14] = [
    Fault::Answer(409),
    Fault::Answer(429),
    Fault::Answer(500),
    Fault::Cut,
    Fault::Lose,
    Fault::Gone,
    Fault::KillBefore,
    Fault::KillAfter,
    Fault::Late(300),
    Fault::Late(2000),
    Fault::Behind(1),
    Fault::Behind(4),
    Fault::ApiServer,
    Fault::Etcd,
];

/// Runs a scenario undisturbed, twice, and then with each fault.
pub(crate) async fn run(cluster: &Cluster, scenario: &Scenario, quick: bool, report: &Mutex<Report>) {
    let report = || report.lock().unwrap_or_else(PoisonError::into_inner);
    let (reference, again) =
        match (run::undisturbed(cluster, scenario).await, run::undisturbed(cluster, scenario).await) {
            (Ok(reference), Ok(again)) => (reference, again),
            (Err(error), _) | (_, Err(error)) => {
                return report().failed(scenario.name, &"none", "all", &error);
            }
        };
    println!(
        "{}: {} writes, {} events, {} pods",
        scenario.name, reference.writes, reference.events, reference.pods
    );
    if let Some((one, other)) = reference.states.iter().zip(&again.states).find(|(one, other)| one != other) {
        // Nothing could be compared with it.
        return report().failed(scenario.name, &"none", "all", &crate::state::difference(one, other));
    }
    let (alone, together): (Vec<_>, Vec<_>) =
        runs(&reference, quick).into_iter().partition(|(fault, _)| fault.is_alone());
    // When one watch ends, all do: that is not to happen to a run that says nothing of it.
    let (blind, seeing): (Vec<_>, Vec<_>) = together.into_iter().partition(|(fault, _)| fault.blinds());
    for (lanes, runs) in [(LANES, seeing), (LANES, blind), (1, alone)] {
        let reference = &reference;
        let runs = stream::iter(runs).map(|(fault, k)| async move {
            (fault, k, run::disturbed(cluster, scenario, reference, fault, k).await)
        });
        let done = runs.buffer_unordered(lanes).for_each(|(fault, k, result)| {
            match result {
                Ok(Ran::Struck) => report().ran(scenario.name, &fault),
                Ok(Ran::Missed) => report().missed(scenario.name, &fault),
                Err(error) => report().failed(scenario.name, &fault, &k.to_string(), &error),
            }
            std::future::ready(())
        });
        done.await;
    }
}

/// The faults and where they strike.
fn runs(reference: &Reference, quick: bool) -> Vec<(Fault, usize)> {
    let mut runs = Vec::new();
    for (turn, fault) in FAULTS.into_iter().enumerate() {
        let last = if fault.at_event() { reference.events } else { reference.writes };
        let step = match fault {
            Fault::Late(_) | Fault::Behind(_) => last.max(1),
            Fault::ApiServer | Fault::Etcd if quick => last.max(1),
            Fault::ApiServer | Fault::Etcd => last.div_ceil(RESTARTS),
            _ if quick => SAMPLE,
            _ => 1,
        };
        // Not all faults of a sample begin at the same place.
        let first = if quick { 1 + turn % SAMPLE } else { 1 };
        runs.extend((first.min(last.max(1))..=last.max(1)).step_by(step.max(1)).map(|k| (fault, k)));
    }
    runs
}

/// How many rollouts are concurrent: they mostly wait, and a kill that strikes one disturbs them all.
const ROLLOUT_LANES: usize = 8;

/// A sample of rollouts takes one of so many writes.
const ROLLOUT_SAMPLE: usize = 8;

/// What strikes rollouts.
const ROLLOUT_FAULTS: [Fault; 7] = [
    Fault::KillAfter,
    Fault::KillBefore,
    Fault::Answer(500),
    Fault::Lose,
    Fault::Webhooks,
    Fault::Late(2000),
    Fault::Behind(1),
];

/// Runs rollouts undisturbed, and then with each fault.
pub(crate) async fn run_rollouts(
    cluster: &Cluster,
    scenarios: &[&Scenario],
    quick: bool,
    report: &Mutex<Report>,
) {
    let lock = || report.lock().unwrap_or_else(PoisonError::into_inner);
    let runs = stream::iter(scenarios)
        .map(|scenario| async { (*scenario, run::undisturbed(cluster, scenario).await) });
    let mut references = Vec::new();
    for (scenario, result) in runs.buffer_unordered(ROLLOUT_LANES).collect::<Vec<_>>().await {
        match result {
            Ok(reference) => {
                let Reference { writes, events, .. } = reference;
                println!("{}: {writes} writes, {events} events", scenario.name);
                lock().ran(scenario.name, &"none");
                references.push((scenario, reference));
            }
            Err(error) => lock().failed(scenario.name, &"none", "all", &error),
        }
    }
    let planned = references.iter().enumerate().flat_map(|(turn, (scenario, reference))| {
        rollout_runs(reference, quick, turn)
            .into_iter()
            .map(move |(fault, k)| (*scenario, reference, fault, k))
    });
    let (lasting, other): (Vec<_>, Vec<_>) = planned.partition(|(_, _, fault, _)| fault.lasts());
    for (lanes, runs) in [(ROLLOUT_LANES, other), (1, lasting)] {
        let runs = stream::iter(runs).map(|(scenario, reference, fault, k)| async move {
            (scenario, fault, k, run::disturbed(cluster, scenario, reference, fault, k).await)
        });
        let done = runs.buffer_unordered(lanes).for_each(|(scenario, fault, k, result)| {
            match result {
                Ok(Ran::Struck) => lock().ran(scenario.name, &fault),
                Ok(Ran::Missed) => lock().missed(scenario.name, &fault),
                Err(error) => lock().failed(scenario.name, &fault, &k.to_string(), &error),
            }
            std::future::ready(())
        });
        done.await;
    }
}

/// The faults and where they strike a rollout. A sample takes kills only, elsewhere in each scenario.
fn rollout_runs(reference: &Reference, quick: bool, turn: usize) -> Vec<(Fault, usize)> {
    let mut runs = Vec::new();
    for fault in ROLLOUT_FAULTS {
        let last = if fault.at_event() { reference.events } else { reference.writes };
        let (first, step) = match fault {
            Fault::KillAfter if quick => (1 + turn % SAMPLE, ROLLOUT_SAMPLE),
            _ if quick => continue,
            Fault::Late(_) | Fault::Behind(_) => (1, last),
            Fault::Webhooks => (1, last.div_ceil(RESTARTS)),
            Fault::Lose => (1, SAMPLE),
            _ => (1, 1),
        };
        runs.extend((first.min(last)..=last).step_by(step.max(1)).map(|k| (fault, k)));
    }
    runs
}
