//! The message that a container leaves: the only thing that the operator reads of it.

use std::{io, path::Path};

use crate::api::InstallReport;

/// What Kubernetes keeps of a message, in bytes.
const KEPT: usize = 4096;

/// Writes a report. It is cut where Kubernetes would cut it, but stays JSON.
pub fn write(path: &Path, report: &InstallReport) -> io::Result<()> {
    std::fs::write(path, fitted(report.clone()))
}

fn fitted(mut report: InstallReport) -> String {
    let text = |report: &InstallReport| serde_json::to_string(report).unwrap_or_default();
    loop {
        let whole = text(&report);
        let over = whole.len().saturating_sub(KEPT);
        if over == 0 {
            return whole;
        }
        // Dependencies stand last, and are missed least.
        if report.installed.pop().is_some() {
            continue;
        }
        match &mut report.message {
            Some(message) if message.len() > over => {
                let mut end = message.len() - over;
                while !message.is_char_boundary(end) {
                    end -= 1;
                }
                message.truncate(end);
            }
            _ if report.warnings.pop().is_some() => {}
            _ => return text(&InstallReport { hash: report.hash, ..InstallReport::default() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_report_is_cut_and_stays_json() {
        let report = InstallReport {
            hash: "705ebf671c1c70ee".to_owned(),
            message: Some("\"é\n".repeat(4000)),
            installed: (0..1000).map(|i| format!("package-{i}==1.0.{i}")).collect(),
            ..InstallReport::default()
        };
        let text = fitted(report.clone());
        assert!(text.len() <= KEPT, "{}", text.len());
        let read: InstallReport = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read.hash, report.hash);
        let small = InstallReport { message: None, ..report };
        let read: InstallReport = serde_json::from_str(&fitted(small.clone())).expect("JSON");
        assert_eq!(read.installed[..100], small.installed[..100]);
    }
}
