//! One server process.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, Error};
use crate::guardian::Guardian;

/// How long a server may take to become ready. Generous: a loaded machine is slow, not broken.
const DEADLINE: Duration = Duration::from_secs(90);
/// How often a condition is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(50);
/// How much of a log goes into an error.
const LOG_LINES: usize = 20;

/// How a server is started.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// The name for errors, log file and process list.
    pub name: &'static str,
    /// What is run.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// A server that was started.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts what `recipe` says, with all it writes kept inside the guardian's folder.
    pub(crate) fn start(recipe: &Recipe, guardian: &mut Guardian) -> Result<Self, Error> {
        let folder = guardian.folder().to_owned();
        let name = recipe.name;
        let log = log_dir(&folder).join(format!("{name}.log"));
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .context(|| format!("create {}", log.display()))?;
        let errors = output.try_clone().context(|| "share a log file")?;
        let set_up = |command: &mut Command| {
            command
                .args(&recipe.args)
                .env("HOME", &folder)
                .env_remove("KUBECONFIG")
                .current_dir(&folder)
                .stdout(output)
                .stderr(errors);
        };
        let child = guardian.spawn(&recipe.program, set_up);
        let child = child.context(|| format!("start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until `ready` holds.
    ///
    /// # Errors
    /// If the server ends first or the deadline passes; both carry the end of the log.
    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            self.check()?;
            if ready() {
                return Ok(());
            }
            if begun.elapsed() > DEADLINE {
                return Err(Error::NotReady { server: self.name, waited: DEADLINE, log: self.log_end() });
            }
            thread::sleep(POLL);
        }
    }

    /// Fails, with the end of the log, if the server has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        let ended = self.child.try_wait();
        match ended.context(|| format!("check {}", self.name))? {
            None => Ok(()),
            Some(status) => Err(Error::Died { server: self.name, status, log: self.log_end() }),
        }
    }

    /// Kills the server and waits until it has ended.
    ///
    /// SIGKILL because nothing it holds is kept, and because an API server that is asked politely
    /// first waits for its watches to end.
    pub(crate) fn stop(&mut self, guardian: &mut Guardian) {
        // These fail only if the server has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        guardian.forget(self.pid());
    }

    /// The name in its recipe.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

/// Where the servers of the plane in `folder` log to.
pub(crate) fn log_dir(folder: &Path) -> PathBuf {
    folder.join("logs")
}
