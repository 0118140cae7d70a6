//! The state of the install container of a member.

use k8s_openapi::{api::core::v1::ContainerStatus, apimachinery::pkg::apis::meta::v1::Time};

use crate::api::InstallReport;

/// The state of an install container.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Install {
    /// Not known yet.
    #[default]
    Unknown,
    /// Running.
    Running,
    /// Ended successfully.
    Succeeded {
        /// Start, in Unix seconds.
        started: i64,
        /// End, in Unix seconds.
        finished: i64,
        /// Its report.
        report: InstallReport,
    },
    /// Failed; also where the policy lets the member start without its packages.
    Failed(InstallReport),
}

/// Reads the status of an install container.
pub(super) fn install_state(status: &ContainerStatus) -> Install {
    let now = status.state.as_ref();
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let ended = now.and_then(|state| state.terminated.as_ref());
    // A container that waits for its next attempt, or makes it, has the result of the last one. It fails until it
    // succeeds.
    let waiting = now.is_some_and(|state| state.waiting.is_some());
    match ended.or(last.filter(|last| waiting || last.exit_code != 0)) {
        Some(end) if end.exit_code == 0 => {
            let seconds =
                |time: &Option<Time>| time.as_ref().map(|time| time.0.as_second()).unwrap_or_default();
            let report = InstallReport::from_termination_message(end.message.as_deref().unwrap_or_default());
            if report.error_type.is_some() {
                return Install::Failed(report);
            }
            Install::Succeeded {
                started: seconds(&end.started_at),
                finished: seconds(&end.finished_at),
                report,
            }
        }
        Some(end) => {
            let message = end.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
            let reason = end.reason.as_deref().unwrap_or_default();
            let exit = || format!("exit code {} {reason}", end.exit_code).trim().to_owned();
            let message = message.map_or_else(exit, str::to_owned);
            Install::Failed(InstallReport::from_termination_message(&message))
        }
        None if now.is_some_and(|state| state.running.is_some()) => Install::Running,
        None => Install::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_install_is_failed_even_if_the_member_starts() {
        let ended = |code: i32, message: &str| -> Install {
            let status = serde_json::json!({
                "name": "install-packages", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": { "terminated": { "exitCode": code, "message": message } },
            });
            install_state(&serde_json::from_value(status).expect("a status"))
        };
        let failed = r#"{"errorType": "network", "message": "down"}"#;
        let report = |message: &str| InstallReport::from_termination_message(message);
        assert_eq!(ended(0, failed), Install::Failed(report(failed)));
        assert_eq!(ended(1, failed), Install::Failed(report(failed)));
        assert_eq!(ended(0, "{}"), Install::Succeeded { started: 0, finished: 0, report: report("{}") });
        assert_eq!(ended(137, ""), Install::Failed(report("exit code 137")));
    }

    #[test]
    fn a_container_that_is_restarted_after_a_failure_still_fails() {
        let restarted = |code: i32| -> Install {
            let status = serde_json::json!({
                "name": "install-packages", "image": "", "imageID": "", "ready": false, "restartCount": 1,
                "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
                "lastState": { "terminated": { "exitCode": code, "message": "down" } },
            });
            install_state(&serde_json::from_value(status).expect("a status"))
        };
        assert_eq!(restarted(1), Install::Failed(InstallReport::from_termination_message("down")));
        assert_eq!(restarted(0), Install::Running);
    }
}
