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
