//! `test`: runs the pipelines of manifests with messages of test files, without Kafka and without a cluster.
//!
//! A plan of all tests goes to `harness.py`, which runs definitions as the framework does, in a Python process with
//! limits. What it reports is compared with what the tests expect.

mod app;
mod args;
mod command;
mod coverage;
mod error;
mod file;
mod files;
mod human_format;
mod machine_formats;
mod matcher;
mod messages;
mod outcome;
mod packages;
mod places;
mod plan;
mod recording;
mod report;
mod result;
mod run;
mod schema;
mod verdict;
mod watch;
mod worker;

pub(crate) use args::TestArgs;
pub(crate) use command::test;
pub(super) use error::TestError;
pub(super) use schema::{test_file_finding, test_file_schema};
