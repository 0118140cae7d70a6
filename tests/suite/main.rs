//! What a user sees, on a real API server and through the real binary.

mod admission;
mod bad_input;
mod certificates;
mod chart;
mod command_line;
mod crds;
mod cron;
mod cross_resource;
mod docs;
mod editors;
mod examples;
mod false_alarms;
mod foreign;
mod gitops;
mod glossary;
mod golden;
mod harness;
#[path = "../support/https.rs"]
mod https;
mod invariants;
mod leader;
mod lifecycle;
mod members;
mod metrics;
mod module_boundaries;
mod pipelines;
mod plugin;
mod probe;
mod quarantine;
mod release;
mod resilience;
mod storage;
mod takeover;
mod validate;
mod without_webhook;
mod zero_downtime;
