//! Memory of a process, as reported by the kernel.

use std::{fs, io};

/// Returns the resident memory of a process, in MiB.
pub(crate) fn resident(pid: u32) -> io::Result<f64> {
    memory(pid, "VmRSS:")
}

/// Returns a value of the status file of a process, in MiB.
pub(crate) fn memory(pid: u32, line: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|said| said.starts_with(line)).unwrap_or_default();
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default();
    Ok(kib / 1024.0)
}
