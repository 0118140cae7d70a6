//! Disturbs the operator at every write and watch event, and compares what comes of it with what
//! comes of it undisturbed.
//!
//! `make faults` takes all of them, `make faults FAULTS=quick` a sample; names of scenarios limit it
//! to those: `FAULTS=quick,grow`.

mod breaker;
mod campaign;
mod cluster;
mod draw;
mod guard;
mod plan;
mod pods;
mod proxy;
mod report;
mod rollouts;
mod run;
mod scenario;
mod state;
mod walk;
mod watches;

use std::{
    env, io,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use cluster::Cluster;
use report::Report;

/// What runs in addition to the scenarios.
const WALKS: &str = "walks";

/// The word for a sample.
const QUICK: &str = "quick";

#[tokio::main]
async fn main() -> ExitCode {
    match disturb().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            eprintln!("\n{failures} runs did not end as they should");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn disturb() -> io::Result<usize> {
    let words = env::var("FAULTS").unwrap_or_default();
    let (quick, wanted): (Vec<&str>, Vec<&str>) =
        words.split(',').filter(|word| !word.is_empty()).partition(|word| *word == QUICK);
    let quick = !quick.is_empty();
    let scenarios = scenario::all();
    let rollouts = rollouts::all();
    let known =
        |word: &str| word == WALKS || scenarios.iter().chain(&rollouts).any(|scenario| scenario.name == word);
    if let Some(unknown) = wanted.iter().find(|word| !known(word)) {
        return Err(io::Error::other(format!("there is no scenario {unknown}")));
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(&name);
    // Two of the libraries bring one, so one has to be named.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| io::Error::other("a TLS provider"))?;
    let cluster = Cluster::start().await?;
    let report = Mutex::new(Report::default());
    let begun = Instant::now();
    for scenario in scenarios.iter().filter(|scenario| is_wanted(scenario.name)) {
        campaign::run(&cluster, scenario, quick, &report).await;
        println!("{} ended after {:.0} s", scenario.name, begun.elapsed().as_secs_f64());
    }
    let rollouts: Vec<_> = rollouts.iter().filter(|scenario| is_wanted(scenario.name)).collect();
    if !rollouts.is_empty() {
        campaign::run_rollouts(&cluster, &rollouts, quick, &report).await;
        println!("rollouts ended after {:.0} s", begun.elapsed().as_secs_f64());
    }
    if is_wanted(WALKS) {
        walk::run(&cluster, quick, &report).await;
    }
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    for panic in cluster.panics() {
        report.failed("all", &"none", "some time", &panic);
    }
    let failures = report.print();
    println!("{:.0} s", begun.elapsed().as_secs_f64());
    Ok(failures)
}
