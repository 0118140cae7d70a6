//! The operator's binary as a process, for tests, demo and benches.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Error},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long the operator may take to become ready on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// Ends the operator when the pipe to its input closes, which happens when this process ends in
/// whatever way. Says the operator's process id first.
const KEEPER: &str =
    r#""$@" < /dev/null > /dev/null & pid=$!; echo $pid; read -r _; kill -TERM $pid; wait $pid"#;

/// A running operator. Dropping it ends it with SIGTERM.
pub struct Operator {
    keeper: Child,
    pipe: Option<ChildStdin>,
    pid: u32,
    log: PathBuf,
}

impl Operator {
    /// Starts `kaspr-operator run` with the arguments, and writes its log to a file.
    ///
    /// # Errors
    /// The binary does not start, or the log file cannot be created.
    pub fn start(binary: &Path, kubeconfig: &Path, log: &Path, args: &[&str]) -> io::Result<Self> {
        Self::start_with(binary, kubeconfig, log, args, &[])
    }

    /// Does the same with additional environment variables, as in a pod.
    ///
    /// # Errors
    /// Those of [`Operator::start`].
    pub fn start_with(
        binary: &Path,
        kubeconfig: &Path,
        log: &Path,
        args: &[&str],
        variables: &[(String, String)],
    ) -> io::Result<Self> {
        let mut keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(binary)
            .args(["run", "--log-format", "json"])
            .args(args)
            .env("KUBECONFIG", kubeconfig)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .process_group(0)
            .spawn()?;
        let pipe = keeper.stdin.take();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().ok_or_else(|| Error::other("no output"))?)
            .read_line(&mut line)?;
        let pid = line.trim().parse().map_err(Error::other)?;
        Ok(Self { keeper, pipe, pid, log: log.to_owned() })
    }

    /// Waits until the operator is ready, and returns the URL of its webhooks.
    ///
    /// # Errors
    /// The operator ended, or was not ready before the deadline; the error contains its log.
    pub fn ready(&mut self) -> io::Result<String> {
        let line = self.wait_for(|line| line["message"] == "ready")?;
        Ok(line["webhooks"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits for a line of the log, and returns it.
    ///
    /// # Errors
    /// The operator ended, or the line was not logged before the deadline; the error contains the log.
    pub fn wait_for(&mut self, wanted: impl Fn(&serde_json::Value) -> bool) -> io::Result<serde_json::Value> {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.lines().into_iter().find(|line| wanted(line)) {
                return Ok(line);
            }
            let ended = self.keeper.try_wait()?;
            if ended.is_some() || begun.elapsed() > DEADLINE {
                return Err(Error::other(format!(
                    "the operator did not log the expected line; its log:\n{}",
                    self.log()
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The lines of the log so far.
    #[must_use]
    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The operator's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the operator with SIGTERM, and returns its exit status.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn stop(mut self) -> io::Result<ExitStatus> {
        self.pipe = None;
        self.keeper.wait()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.keeper.wait();
    }
}
