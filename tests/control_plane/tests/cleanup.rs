//! Nothing is left of a control plane, however it ends.

#![allow(clippy::unwrap_used)]

mod common;

use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{eventually, run};
use control_plane::ControlPlane;

/// Set in a process of this test program that is to be killed.
const VICTIM: &str = "CONTROL_PLANE_VICTIM";
/// What a victim says before what there is to clean up.
const MARK: &str = "victim: ";

/// A process that has started a control plane.
struct Victim {
    process: Child,
    pids: Vec<u32>,
    folder: PathBuf,
}

impl Victim {
    fn start(end: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "be_a_victim", "--nocapture"])
            .env(VICTIM, end)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // As a shell does, so that signals can be sent to the whole group.
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said =
            lines.map_while(Result::ok).find_map(|line| Some(line.split_once(MARK)?.1.to_owned())).unwrap();
        let mut words = said.split(' ');
        let folder = PathBuf::from(words.next().unwrap());
        let pids: Vec<u32> = words.map(|pid| pid.parse().unwrap()).collect();
        assert_eq!(pids.len(), 5);
        Self { process, pids, folder }
    }

    /// Sends `signal` to all that a terminal would send it to.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        run(Command::new("kill").args(["-s", signal, "--", &group])).unwrap();
    }

    fn await_cleanup(mut self) {
        self.process.wait().unwrap();
        eventually("the servers have ended", || !self.pids.iter().any(|pid| is_alive(*pid)));
        eventually("the folder is gone", || !self.folder.exists());
    }
}

/// Whether a process runs; a zombie does not.
fn is_alive(pid: u32) -> bool {
    let state = run(Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]));
    state.is_ok_and(|state| !state.starts_with('Z'))
}

/// The folder of a control plane.
fn folder(plane: &ControlPlane) -> &Path {
    plane.kubeconfig().parent().unwrap()
}

/// Not a test unless it is asked to be a victim.
#[test]
fn be_a_victim() {
    let Ok(end) = env::var(VICTIM) else {
        return;
    };
    let plane = ControlPlane::start().unwrap();
    let pids: Vec<String> = plane.pids().iter().map(|(_, pid)| pid.to_string()).collect();
    println!("\n{MARK}{} {}", folder(&plane).display(), pids.join(" "));
    if end == "exit" {
        std::mem::forget(plane);
        return;
    }
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

#[test]
fn a_killed_process_leaves_nothing() {
    let victim = Victim::start("wait");
    victim.signal("KILL");
    victim.await_cleanup();
}

#[test]
fn ctrl_c_leaves_nothing() {
    let victim = Victim::start("wait");
    victim.signal("INT");
    victim.await_cleanup();
}

#[test]
fn a_control_plane_in_a_static_leaves_nothing() {
    Victim::start("exit").await_cleanup();
}

#[test]
fn a_dropped_control_plane_leaves_nothing() {
    let plane = ControlPlane::builder().without_controller_manager().start().unwrap();
    let pids = plane.pids();
    let folder = folder(&plane).to_owned();
    assert!(folder.exists());
    drop(plane);
    assert!(!pids.iter().any(|(_, pid)| is_alive(*pid)));
    assert!(!folder.exists());
}
