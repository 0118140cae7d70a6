//! Arguments of `test`.

use std::{collections::BTreeMap, env, ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::worker::Limits;

/// Arguments of `test`.
#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Test files, named *_test.yaml, and directories with test files. Other files are manifests for all tests, in place
    /// of those next to the test files
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Namespace of the resources that do not set one
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    pub(super) namespace: String,
    /// Output format of results
    #[arg(long, value_enum, default_value_t = TestFormat::Human, value_name = "FORMAT")]
    pub(super) format: TestFormat,
    /// Run only tests whose names contain a text
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    pub(super) filter: String,
    /// Run the tests again whenever a file changes
    #[arg(long, conflicts_with = "record")]
    pub(super) watch: bool,
    /// Write what came into tests that have no 'expect', for a person to review
    #[arg(long)]
    pub(super) record: bool,
    /// List the code that no test reached
    #[arg(long)]
    pub(super) coverage: bool,
    /// Install the Python packages of the apps into the user's cache, and let the code import them
    #[arg(long)]
    pub(super) packages: bool,
    /// Python interpreter, 3.9 or newer
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    python: PathBuf,
    /// Time limit of each test, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    timeout: f64,
    /// Memory limit of the code, in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB")]
    memory: u64,
    /// Let the code use the network
    #[arg(long)]
    allow_network: bool,
    /// Environment variable that the code receives, with its value or the one that is set here
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
}

/// Output format of results.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum TestFormat {
    /// Human-readable text with differences
    Human,
    /// One JSON object per line for each test
    Json,
    /// JUnit XML
    Junit,
    /// GitHub workflow commands, which annotate a pull request
    Github,
}

impl TestArgs {
    /// Returns how to run tests.
    pub(super) fn limits(&self) -> Limits {
        let mut variables: BTreeMap<String, OsString> = BTreeMap::new();
        variables.extend(env::var_os("PATH").map(|value| ("PATH".to_owned(), value)));
        for given in &self.env {
            match given.split_once('=') {
                Some((name, value)) => _ = variables.insert(name.to_owned(), value.into()),
                None => variables.extend(env::var_os(given).map(|value| (given.clone(), value))),
            }
        }
        Limits {
            python: self.python.clone(),
            time: Duration::try_from_secs_f64(self.timeout).unwrap_or(Duration::from_secs(10)),
            memory: self.memory.saturating_mul(1 << 20),
            network: self.allow_network,
            variables: variables.into_iter().collect(),
        }
    }
}
