//! The log of the install container.

/// Writes a line to the log, which `kubectl logs` shows.
pub(super) fn log(line: &str) {
    eprintln!("{line}");
}
