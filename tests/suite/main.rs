//! What a user sees, on a real API server and through the real binary.

mod across;
mod admission;
mod bad_input;
mod certificates;
mod chart;
mod command_line;
mod crds;
mod disturbed;
mod docs;
mod examples;
mod harness;
#[path = "../support/https.rs"]
mod https;
mod laws;
mod leader;
mod lifecycle;
mod members;
mod metrics;
mod no_lost_calls;
mod people;
mod probe;
mod quarantine;
mod recorded;
mod release;
mod rooms;
mod takeover;
mod validate;
mod without_webhook;
