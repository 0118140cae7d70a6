//! The state of an app's Python packages, as its install containers report it. Pure.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::core::DynamicObject;
use serde_json::Value;

use super::{
    cache::{index::ObjectKey, install_state::Install, pod::MemberPod},
    conditions::{self, NewCondition, condition},
    state::counted_installs::CountedInstalls,
};
use crate::{
    api::{InstallErrorType, InstallReport, PackageSource, PackagesStatus, PythonPackages},
    resources::{self, hash},
    telemetry::{Metrics, metrics::InstallOutcome},
};

/// Returns the condition of an app's packages, and their part of its status.
pub(super) fn status(
    packages: &PythonPackages,
    pods: &[MemberPod],
    claim: Option<&DynamicObject>,
    previous: Option<&PackagesStatus>,
) -> (NewCondition, PackagesStatus) {
    let mode = resources::cache_mode(packages);
    // Every hash of the class stands for the same packages.
    let hashes = hash::of_packages(packages);
    let current: Vec<&MemberPod> =
        pods.iter().filter(|pod| pod.packages_hash.as_ref().is_some_and(|h| hashes.contains(h))).collect();
    let previous = previous.filter(|previous| previous.hash.as_ref().is_some_and(|h| hashes.contains(h)));
    let known = previous.and_then(|previous| previous.hash.as_ref());
    let hash = current.first().and_then(|pod| pod.packages_hash.as_ref()).or(known).unwrap_or(&hashes[0]);
    let mut status = packages_status(hash, mode, &current, claim, previous);
    let failed = current.iter().find_map(|pod| match &pod.install {
        Install::Failed(report) => Some((pod, report)),
        Install::Unknown | Install::Running | Install::Succeeded { .. } => None,
    });
    let ready =
        current.iter().filter(|pod| pod.ready || matches!(pod.install, Install::Succeeded { .. })).count();
    let failure = failed
        .map(|(pod, report)| failure_message(pod, report))
        .or_else(|| previous.and_then(|previous| lasting_failure(previous, &current)));
    let condition = if let Some(message) = failure {
        status.error = Some(message.clone());
        condition(conditions::PACKAGES_READY, false, conditions::INSTALLATION_FAILED, message)
    } else if current.len() < pods.len() {
        let message = format!("{ready} of {} members have the new packages ({mode} mode)", pods.len());
        condition(conditions::PACKAGES_READY, false, conditions::PACKAGES_UPDATING, message)
    } else if pods.is_empty() || pods.iter().any(is_installing) {
        let message = format!("Installing packages ({mode} mode)");
        condition(conditions::PACKAGES_READY, false, conditions::INSTALLING, message)
    } else if ready < pods.len() {
        let message = "The state of the install containers is not known";
        conditions::unknown(conditions::PACKAGES_READY, conditions::STATUS_UNKNOWN, message)
    } else {
        let message = installed_message(packages.packages.len(), status.install_duration.as_deref());
        condition(conditions::PACKAGES_READY, true, conditions::PACKAGES_INSTALLED, message)
    };
    status.state = Some(state(condition.reason()).to_owned());
    (condition, status)
}

fn failure_message(pod: &MemberPod, report: &InstallReport) -> String {
    let kind = report.error_type.map(|kind| format!(" ({})", kind.label())).unwrap_or_default();
    let message = report.message.as_deref().unwrap_or("see the log of its install container");
    format!("Pod {}{kind}: {message}", pod.name)
}

/// Returns the error of an install that failed before and has not succeeded since. Its pod may have been recreated, and
/// then installs again.
fn lasting_failure(previous: &PackagesStatus, current: &[&MemberPod]) -> Option<String> {
    let error = previous.error.as_ref().filter(|_| previous.state.as_deref() == Some(FAILED))?;
    let name = error.strip_prefix("Pod ")?.split([' ', ':']).next()?;
    let has_packages = |pod: &&MemberPod| pod.ready || matches!(pod.install, Install::Succeeded { .. });
    let has_succeeded = match current.iter().find(|pod| pod.name == name) {
        Some(pod) => has_packages(pod),
        None => current.iter().any(has_packages),
    };
    (!has_succeeded).then(|| error.clone())
}

/// State of packages whose install failed.
const FAILED: &str = "Failed";

/// Returns the state that goes with the reason of the condition.
fn state(reason: &str) -> &'static str {
    match reason {
        conditions::INSTALLATION_FAILED => FAILED,
        conditions::PACKAGES_INSTALLED => "Ready",
        conditions::STATUS_UNKNOWN => "Unknown",
        _ => "Installing",
    }
}

/// A pod that has no address yet has not come as far as its install container.
fn is_installing(pod: &MemberPod) -> bool {
    matches!(pod.install, Install::Running) || (pod.install == Install::Unknown && pod.address.is_none())
}

/// Formats `Successfully installed 3 packages in 14s`, as the Python operator does.
fn installed_message(count: usize, duration: Option<&str>) -> String {
    let duration = duration.map(|duration| format!(" in {duration}")).unwrap_or_default();
    let plural = if count == 1 { "" } else { "s" };
    format!("Successfully installed {count} package{plural}{duration}")
}

fn packages_status(
    hash: &str,
    mode: &str,
    current: &[&MemberPod],
    claim: Option<&DynamicObject>,
    previous: Option<&PackagesStatus>,
) -> PackagesStatus {
    // The result of an install remains known after its pods are gone.
    let mut next = PackagesStatus {
        hash: Some(hash.to_owned()),
        cache_mode: Some(mode.to_owned()),
        state: None,
        error: None,
        warnings: None,
        ..previous.cloned().unwrap_or_default()
    };
    let mut succeeded: Vec<_> = current
        .iter()
        .filter_map(|pod| match &pod.install {
            Install::Succeeded { started, finished, report } => Some((*finished, *started, pod, report)),
            Install::Unknown | Install::Running | Install::Failed(_) => None,
        })
        .collect();
    succeeded.sort_by_key(|(finished, ..)| *finished);
    let mut warnings: Vec<String> = claim.and_then(unbound_claim_warning).into_iter().collect();
    // Members that found the packages in a cache report less than the one that installed them.
    let installer = succeeded.iter().rev().find(|(.., report)| report.source != Some(PackageSource::Cache));
    let known = next.last_install_time.is_some();
    if let Some((finished, started, pod, report)) = installer.or(succeeded.last().filter(|_| !known)) {
        next.last_install_time = Timestamp::from_second(*finished).ok().map(|time| time.to_string());
        let seconds = report.seconds.map(|seconds| format!("{seconds:.1}s"));
        next.install_duration = seconds.or_else(|| Some(format!("{}s", finished.saturating_sub(*started))));
        next.installed_by = report.installed_by.clone().or_else(|| Some(pod.name.clone()));
    }
    if let Some((.., report)) = succeeded.pop() {
        if !report.installed.is_empty() {
            next.installed = Some(report.installed.clone());
        }
        warnings.extend(report.warnings.iter().cloned());
    }
    next.warnings = (!warnings.is_empty()).then_some(warnings);
    next
}

/// Warns of a claim that is not bound. The API does not show which storage classes offer ReadWriteMany.
fn unbound_claim_warning(claim: &DynamicObject) -> Option<String> {
    let text = |path: &str| claim.data.pointer(path).and_then(Value::as_str);
    if text("/status/phase") != Some("Pending") {
        return None;
    }
    let class = text("/spec/storageClassName")
        .map_or("the default storage class".to_owned(), |class| format!("storage class '{class}'"));
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    Some(format!(
        "PersistentVolumeClaim {name} is not bound: {class} must offer ReadWriteMany, as NFS, CephFS, EFS, Azure Files and Filestore do; \
         or use a bucket"
    ))
}

/// Counts the installs that ended since the last reconcile.
pub(super) fn count_installs(
    counted: &CountedInstalls,
    metrics: &Metrics,
    app: &ObjectKey,
    pods: &[MemberPod],
) {
    let succeeded = |pod: &MemberPod| outcome(pod).map(|(outcome, _)| outcome.error.is_none());
    for pod in counted.take_uncounted(app, pods, succeeded) {
        let Some((outcome, report)) = outcome(pod) else { continue };
        metrics.packages_installed(&app.name, &app.namespace, &outcome);
        if let (Some(total), Some(used)) = (report.cache_total_bytes, report.cache_used_bytes) {
            metrics.cache_usage(&app.name, &app.namespace, total, used);
        }
    }
}

/// Returns how the install of a pod ended, for metrics.
fn outcome(pod: &MemberPod) -> Option<(InstallOutcome, &InstallReport)> {
    match &pod.install {
        Install::Succeeded { started, finished, report } => {
            let duration = Duration::from_secs(u64::try_from(finished - started).unwrap_or_default());
            Some((InstallOutcome { duration, error: None, retries: report.retries }, report))
        }
        Install::Failed(report) => {
            let error = report.error_type.unwrap_or(InstallErrorType::Unknown).metric_label().to_owned();
            let retries = report.retries;
            Some((InstallOutcome { duration: Duration::ZERO, error: Some(error), retries }, report))
        }
        Install::Running | Install::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(ordinal: i32, hash: &str, install: Install) -> MemberPod {
        MemberPod {
            ordinal,
            name: format!("clicks-app-{ordinal}"),
            packages_hash: Some(hash.to_owned()),
            install,
            ..MemberPod::default()
        }
    }

    #[test]
    fn the_condition_follows_the_install_containers() {
        const HASH: &str = "705ebf671c1c70ee";
        let packages: PythonPackages =
            serde_json::from_value(json!({ "packages": ["requests"] })).expect("packages");
        let report = |message: &str| InstallReport::from_termination_message(message);
        let done = || Install::Succeeded {
            started: 100,
            finished: 145,
            report: report(r#"{"installed": ["requests==2.32.0"], "retries": 1}"#),
        };
        let failed = |message: &str| Install::Failed(report(message));
        let cases = [
            (vec![], "False Installing: Installing packages (ephemeral mode)"),
            (vec![pod(0, HASH, Install::Running)], "False Installing: Installing packages (ephemeral mode)"),
            (
                vec![pod(0, HASH, done()), pod(1, "other", done())],
                "False PackagesUpdating: 1 of 2 members have the new packages (ephemeral mode)",
            ),
            (vec![pod(0, HASH, done())], "True PackagesInstalled: Successfully installed 1 package in 45s"),
            (
                vec![
                    pod(0, HASH, done()),
                    pod(1, HASH, failed(r#"{"errorType": "timeout", "message": "took 600 s"}"#)),
                ],
                "False InstallationFailed: Pod clicks-app-1 (timeout): took 600 s",
            ),
            (
                vec![pod(0, HASH, failed("exit code 1 Error"))],
                "False InstallationFailed: Pod clicks-app-0: exit code 1 Error",
            ),
        ];
        for (pods, expected) in cases {
            let (condition, _) = status(&packages, &pods, None, None);
            let is_true = if condition.is_true() { "True" } else { "False" };
            assert_eq!(format!("{is_true} {}: {}", condition.reason(), condition.message()), expected);
        }
        let (_, first) = status(&packages, &[pod(0, HASH, done())], None, None);
        assert_eq!(first.install_duration.as_deref(), Some("45s"));
        assert_eq!(first.installed_by.as_deref(), Some("clicks-app-0"));
        assert_eq!(first.installed.as_deref(), Some(&["requests==2.32.0".to_owned()][..]));
        // The result outlives the pods.
        let (_, later) = status(&packages, &[], None, Some(&first));
        assert_eq!(later.installed, first.installed);
    }

    #[test]
    fn a_failed_install_stays_failed_until_it_succeeds() {
        const HASH: &str = "705ebf671c1c70ee";
        let packages: PythonPackages =
            serde_json::from_value(json!({ "packages": ["requests"] })).expect("packages");
        let report = InstallReport::from_termination_message("down");
        let done = || Install::Succeeded { started: 0, finished: 1, report: InstallReport::default() };
        let reason = |pods: &[MemberPod], previous: &PackagesStatus| {
            let (condition, next) = status(&packages, pods, None, Some(previous));
            (condition.reason().to_owned(), next)
        };
        let none = PackagesStatus::default();
        let (first, failed) = reason(&[pod(0, HASH, done()), pod(1, HASH, Install::Failed(report))], &none);
        assert_eq!(first, "InstallationFailed");
        // Its pod is recreated, and installs again.
        for pods in [
            vec![pod(0, HASH, done()), pod(1, HASH, Install::Running)],
            vec![pod(0, HASH, done()), pod(1, HASH, Install::Unknown)],
            vec![],
        ] {
            let (again, next) = reason(&pods, &failed);
            assert_eq!((again.as_str(), &next.error), ("InstallationFailed", &failed.error));
        }
        assert_eq!(reason(&[pod(0, HASH, done()), pod(1, HASH, done())], &failed).0, "PackagesInstalled");
        // The pod is gone, because the app has fewer members.
        assert_eq!(reason(&[pod(0, HASH, done())], &failed).0, "PackagesInstalled");
        // Other packages.
        let other: PythonPackages = serde_json::from_value(json!({ "packages": ["six"] })).expect("packages");
        assert_eq!(status(&other, &[], None, Some(&failed)).0.reason(), "Installing");
    }

    #[test]
    fn a_claim_without_a_volume_is_reported() {
        let claim = |phase: &str| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "c" },
                "spec": { "storageClassName": "standard" }, "status": { "phase": phase },
            }))
            .expect("a claim")
        };
        assert!(
            unbound_claim_warning(&claim("Pending"))
                .is_some_and(|warning| warning.contains("storage class 'standard' must offer ReadWriteMany"))
        );
        assert_eq!(unbound_claim_warning(&claim("Bound")), None);
    }
}
