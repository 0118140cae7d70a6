//! What the tests share.

#![allow(clippy::unwrap_used, dead_code)]

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Waits until `holds`, and panics if it does not within a minute.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What `command` writes to its output, or what it writes to its errors if it fails.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}
