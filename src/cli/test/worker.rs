//! The Python process that runs tests.
//!
//! One process runs all tests, because starting Python takes longer than most tests. A test that does not end, or
//! that ends the process, loses only itself: a new process runs the rest.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    error::TestError,
    outcome::{End, Outcome},
    plan::TestPlan,
};

/// Runs definitions as the framework does.
const HARNESS: &str = include_str!("harness.py");

/// Time for Python to start, on a loaded machine.
const START: Duration = Duration::from_secs(60);

/// Bytes of standard error that are kept.
const KEPT_OUTPUT: usize = 4096;

/// How to run tests.
#[derive(Debug)]
pub(super) struct Limits {
    /// The Python interpreter.
    pub python: PathBuf,
    /// Time limit of each test.
    pub time: Duration,
    /// Memory limit of the process, in bytes.
    pub memory: u64,
    /// Whether code may use the network.
    pub network: bool,
    /// Environment variables of the code.
    pub variables: Vec<(String, OsString)>,
}

/// Runs all tests of a plan, and reports how each one ended, in order.
///
/// # Errors
///
/// Python cannot be started, or does not run the harness.
pub(super) fn run_tests(
    plan: &TestPlan,
    limits: &Limits,
    mut report: impl FnMut(usize, End),
) -> Result<(), TestError> {
    let folder = tempfile::tempdir().map_err(TestError::Folder)?;
    let mut next = 0;
    while next < plan.tests.len() {
        let mut worker = Worker::start(plan, next, limits, &folder)?;
        let first = next;
        while next < plan.tests.len() {
            let Some(end) = worker.next(next, limits.time) else {
                let how = worker.exit_description();
                if next == first && !worker.started {
                    return Err(TestError::Harness { python: limits.python.clone(), why: how });
                }
                report(next, End::Died(how));
                next += 1;
                break;
            };
            let completed = matches!(end, End::Completed(_));
            report(next, end);
            next += 1;
            if !completed {
                break;
            }
        }
    }
    Ok(())
}

/// A line that the harness writes.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Start {
        test: usize,
    },
    Result {
        test: usize,
        #[serde(flatten)]
        outcome: Box<Outcome>,
    },
}

/// A running process.
struct Worker {
    child: Child,
    events: Receiver<Event>,
    errors: Receiver<String>,
    /// Whether a test began.
    started: bool,
}

impl Worker {
    /// Starts Python with the tests from an index on.
    fn start(plan: &TestPlan, first: usize, limits: &Limits, folder: &TempDir) -> Result<Self, TestError> {
        let script = folder.path().join("harness.py");
        let input = folder.path().join("plan.json");
        let content = plan.to_json(first, limits.memory, limits.network);
        std::fs::write(&script, HARNESS).map_err(TestError::Folder)?;
        std::fs::write(&input, content.to_string()).map_err(TestError::Folder)?;
        let mut command = Command::new(&limits.python);
        command.args(["-I", "-B"]).arg(&script).arg(&input);
        command.env_clear().env("LANG", "C.UTF-8").env("HOME", folder.path()).env("TMPDIR", folder.path());
        command.envs(limits.variables.iter().cloned());
        command.current_dir(folder.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = |source| TestError::Python { python: limits.python.clone(), source };
        let mut child = command.spawn().map_err(start)?;
        let events = child.stdout.take().map(read_events);
        let errors = child.stderr.take().map(read_end);
        let (Some(events), Some(errors)) = (events, errors) else {
            return Err(start(io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self { child, events, errors, started: false })
    }

    /// Waits for the end of a test. Returns `None` if the process ended.
    fn next(&mut self, test: usize, limit: Duration) -> Option<End> {
        loop {
            let wait = if self.started { limit } else { START.max(limit) };
            match self.events.recv_timeout(wait) {
                Ok(Event::Start { test: begun }) if begun == test => self.started = true,
                Ok(Event::Result { test: ended, outcome }) if ended == test => {
                    return Some(End::Completed(outcome));
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Some(End::TimedOut(limit)),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Returns how the process ended, with its last messages.
    fn exit_description(&mut self) -> String {
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        // A child of the code can keep the pipe open.
        self.kill();
        let output = self.errors.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
        if output.trim().is_empty() { status } else { format!("{status}: {}", output.trim()) }
    }

    /// Ends the process with all children of the code.
    fn kill(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // The group no longer exists if all of its processes ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// Reads events until the process closes its output.
fn read_events(output: ChildStdout) -> Receiver<Event> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Other lines are not from the harness.
            if let Ok(event) = serde_json::from_str(&line)
                && sender.send(event).is_err()
            {
                break;
            }
        }
    });
    receiver
}

/// Reads standard error to its end, and sends its last part.
fn read_end(mut output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = output.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..read]);
            if kept.len() > 2 * KEPT_OUTPUT {
                kept.drain(..kept.len() - KEPT_OUTPUT);
            }
        }
        let _ = sender.send(String::from_utf8_lossy(&kept).into_owned());
    });
    receiver
}

impl TestPlan {
    /// Returns the input of the harness: all apps, and the tests from an index on.
    fn to_json(&self, first: usize, memory: u64, network: bool) -> Value {
        json!({
            "allowNetwork": network,
            "memoryBytes": memory,
            "path": self.packages.iter().collect::<Vec<_>>(),
            "apps": self.apps,
            "tests": self.tests[first..].iter().map(|test| &test.steps).collect::<Vec<_>>(),
        })
    }
}
