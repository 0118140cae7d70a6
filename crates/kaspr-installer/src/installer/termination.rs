//! The termination message of the container, from which the operator reads the result.

use std::{io, path::Path};

use crate::api::InstallReport;

/// Largest termination message that Kubernetes keeps, in bytes.
/// Source: <https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/>.
const MAX_BYTES: usize = 4096;

/// Writes a report as the termination message. A report that is too long is shortened, so that it stays
/// valid JSON when Kubernetes truncates it.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn write(path: &Path, report: &InstallReport) -> io::Result<()> {
    std::fs::write(path, shortened(report.clone()))
}

fn shortened(mut report: InstallReport) -> String {
    let text = |report: &InstallReport| serde_json::to_string(report).unwrap_or_default();
    loop {
        let whole = text(&report);
        let over = whole.len().saturating_sub(MAX_BYTES);
        if over == 0 {
            return whole;
        }
        // Dependencies are last in the list, and least important.
        if report.installed.pop().is_some() {
            continue;
        }
        if let Some(message) = &mut report.message
            && message.len() > over
        {
            message.truncate(message.floor_char_boundary(message.len() - over));
        } else if report.warnings.pop().is_none() {
            return text(&InstallReport { hash: report.hash, ..InstallReport::default() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_report_is_shortened_to_valid_json() {
        let report = InstallReport {
            hash: "705ebf671c1c70ee".to_owned(),
            message: Some("\"é\n".repeat(4000)),
            installed: (0..1000).map(|i| format!("package-{i}==1.0.{i}")).collect(),
            ..InstallReport::default()
        };
        let text = shortened(report.clone());
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        let read: InstallReport = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read.hash, report.hash);
        let small = InstallReport { message: None, ..report };
        let read: InstallReport = serde_json::from_str(&shortened(small.clone())).expect("JSON");
        assert_eq!(read.installed[..100], small.installed[..100]);
    }
}
