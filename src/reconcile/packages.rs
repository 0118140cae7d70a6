//! What the install containers tell of an app's Python packages. Pure.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::core::DynamicObject;
use serde_json::Value;

use super::{
    conditions::{self as is, Fact, fact},
    pods::{Install, MemberPod},
};
use crate::{
    api::{InstallErrorType, InstallReport, PackageSource, PackagesStatus, PythonPackages},
    build::{self, hash},
    telemetry::metrics::InstallEnd,
};

/// Reads a termination message; one of another form is words.
fn report_of(words: &str) -> InstallReport {
    serde_json::from_str(words).unwrap_or_else(|_| InstallReport {
        message: Some(words.trim().to_owned()).filter(|words| !words.is_empty()),
        ..InstallReport::default()
    })
}

/// The condition of an app's packages, and their part of its status.
pub fn judge(
    packages: &PythonPackages,
    pods: &[MemberPod],
    claim: Option<&DynamicObject>,
    before: Option<&PackagesStatus>,
) -> (Fact, PackagesStatus) {
    let (mode, hash) = (build::cache_mode(packages), hash::of_packages(packages));
    let current: Vec<&MemberPod> =
        pods.iter().filter(|pod| pod.packages_hash.as_deref() == Some(&hash)).collect();
    let status = status(&hash, mode, &current, claim, before);
    let failed = current.iter().find_map(|pod| match &pod.install {
        Install::Failed(words) => Some((pod, report_of(words))),
        _ => None,
    });
    let ready = current.iter().filter(|pod| pod.ready || matches!(pod.install, Install::Done(..))).count();
    let count = packages.packages.len();
    let fact = |holds, reason, message| fact(is::PACKAGES_READY, holds, reason, message);
    let fact = if let Some((pod, report)) = failed {
        let kind = report.error_type.map(|kind| format!(" ({})", kind.word())).unwrap_or_default();
        let words = report.message.unwrap_or_else(|| "see the log of its install container".to_owned());
        fact(false, is::INSTALLATION_FAILED, format!("Pod {}{kind}: {words}", pod.name))
    } else if pods.is_empty() {
        fact(false, is::STATUS_UNKNOWN, "No member runs that could tell".to_owned())
    } else if current.len() < pods.len() {
        let message = format!("{ready} of {} members have the new packages ({mode} mode)", pods.len());
        fact(false, is::PACKAGES_UPDATING, message)
    } else if ready < pods.len() {
        fact(false, is::INSTALLING, format!("Installing packages ({mode} mode)"))
    } else {
        fact(true, is::PACKAGES_INSTALLED, format!("{count} packages are installed ({mode} mode)"))
    };
    (fact, status)
}

fn status(
    hash: &str,
    mode: &str,
    current: &[&MemberPod],
    claim: Option<&DynamicObject>,
    before: Option<&PackagesStatus>,
) -> PackagesStatus {
    // What was installed stays known when the pods that installed it are gone.
    let kept = before.filter(|before| before.hash.as_deref() == Some(hash)).cloned().unwrap_or_default();
    let mut next = PackagesStatus {
        hash: Some(hash.to_owned()),
        cache_mode: Some(mode.to_owned()),
        warnings: None,
        ..kept
    };
    let mut done: Vec<_> = current
        .iter()
        .filter_map(|pod| match &pod.install {
            Install::Done(begun, ended, words) => Some((*ended, *begun, pod, report_of(words))),
            _ => None,
        })
        .collect();
    done.sort_by_key(|(ended, ..)| *ended);
    let mut warnings: Vec<String> = claim.and_then(unbound).into_iter().collect();
    // Members that found the packages in a cache tell less than the one that installed them.
    let installer = done.iter().rev().find(|(.., report)| report.source != Some(PackageSource::Cache));
    let known = next.last_install_time.is_some();
    if let Some((ended, begun, pod, report)) = installer.or(done.last().filter(|_| !known)) {
        next.last_install_time = Timestamp::from_second(*ended).ok().map(|time| time.to_string());
        let seconds = report.seconds.map(|seconds| format!("{seconds:.1}s"));
        next.install_duration = seconds.or_else(|| Some(format!("{}s", ended.saturating_sub(*begun))));
        next.installed_by = report.installed_by.clone().or_else(|| Some(pod.name.clone()));
    }
    if let Some((.., report)) = done.pop() {
        if !report.installed.is_empty() {
            next.installed = Some(report.installed);
        }
        warnings.extend(report.warnings);
    }
    next.warnings = (!warnings.is_empty()).then_some(warnings);
    next
}

/// A claim that no volume was found for. Which storage classes offer ReadWriteMany can't be asked.
fn unbound(claim: &DynamicObject) -> Option<String> {
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

/// How a pod's install ended, for metrics.
pub fn end_of(pod: &MemberPod) -> Option<(InstallEnd, InstallReport)> {
    match &pod.install {
        Install::Done(begun, ended, words) => {
            let report = report_of(words);
            let took = Duration::from_secs(u64::try_from(ended - begun).unwrap_or_default());
            Some((InstallEnd { took, error: None, retries: report.retries }, report))
        }
        Install::Failed(words) => {
            let report = report_of(words);
            let error = report.error_type.unwrap_or(InstallErrorType::Unknown).word().to_owned();
            Some((InstallEnd { took: Duration::ZERO, error: Some(error), retries: report.retries }, report))
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
        let done =
            || Install::Done(100, 145, r#"{"installed": ["requests==2.32.0"], "retries": 1}"#.to_owned());
        let failed = |words: &str| Install::Failed(words.to_owned());
        let cases = [
            (vec![], "False StatusUnknown: No member runs that could tell"),
            (vec![pod(0, HASH, Install::Running)], "False Installing: Installing packages (ephemeral mode)"),
            (
                vec![pod(0, HASH, done()), pod(1, "other", done())],
                "False PackagesUpdating: 1 of 2 members have the new packages (ephemeral mode)",
            ),
            (vec![pod(0, HASH, done())], "True PackagesInstalled: 1 packages are installed (ephemeral mode)"),
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
            let (fact, _) = judge(&packages, &pods, None, None);
            let status = if fact.holds() { "True" } else { "False" };
            assert_eq!(format!("{status} {}: {}", fact.reason(), fact.message()), expected);
        }
        let (_, status) = judge(&packages, &[pod(0, HASH, done())], None, None);
        assert_eq!(status.install_duration.as_deref(), Some("45s"));
        assert_eq!(status.installed_by.as_deref(), Some("clicks-app-0"));
        assert_eq!(status.installed.as_deref(), Some(&["requests==2.32.0".to_owned()][..]));
        // What is known outlives the pods.
        let (_, later) = judge(&packages, &[], None, Some(&status));
        assert_eq!(later.installed, status.installed);
    }

    #[test]
    fn a_claim_without_a_volume_is_told() {
        let claim = |phase: &str| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "c" },
                "spec": { "storageClassName": "standard" }, "status": { "phase": phase },
            }))
            .expect("a claim")
        };
        assert!(
            unbound(&claim("Pending"))
                .is_some_and(|words| words.contains("storage class 'standard' must offer ReadWriteMany"))
        );
        assert_eq!(unbound(&claim("Bound")), None);
    }
}
