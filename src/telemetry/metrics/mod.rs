//! Metrics under the Python operator's names, labels and buckets, on which dashboards and alerts depend.
//! Series are removed together with the app that they describe, and when another replica becomes the leader.

mod families;
mod series;

use std::time::Duration;

use prometheus::{Encoder, Error, TextEncoder, core::Collector, process_collector::ProcessCollector};

use families::Families;

/// The value of the label `trigger_source`: changes and timers enter the same queue.
const TRIGGER: &str = "queue";

/// Every metric of the operator.
///
/// A counter shows nothing before its first event, a gauge nothing before its first value.
pub struct Metrics {
    families: Families,
    /// CPU, memory and files of the process, under the names that every Prometheus client uses.
    process: ProcessCollector,
}

/// The labels of a resource: an app, or one of its components.
#[derive(Clone, Copy, Debug)]
pub struct ResourceLabels<'a> {
    /// Name of the app.
    pub app: &'a str,
    /// Name of the component, or of the app again.
    pub component: &'a str,
    /// Their namespace.
    pub namespace: &'a str,
}

/// Returns the value of the label `result`.
fn result_label(success: bool) -> &'static str {
    if success { "success" } else { "failure" }
}

impl Metrics {
    /// Creates all metrics, without series.
    ///
    /// # Errors
    ///
    /// A name or label is not valid in Prometheus.
    pub fn new() -> Result<Self, Error> {
        let metrics = Self { families: Families::new()?, process: ProcessCollector::for_self() };
        metrics.set_leader(false);
        Ok(metrics)
    }

    /// Returns the metrics in the Prometheus text format.
    ///
    /// # Errors
    ///
    /// A metric could not be encoded.
    pub fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.process.collect(), &mut text)?;
        // One by one: all families at once take several times the memory of their text.
        for collector in self.families.all.values() {
            let mut families = collector.collect();
            families.retain(|family| !family.get_metric().is_empty());
            TextEncoder::new().encode(&families, &mut text)?;
        }
        Ok(text)
    }

    /// Records a reconcile. `error` is the type of its error, if it failed.
    pub fn reconciled(
        &self,
        ResourceLabels { app, component, namespace }: ResourceLabels,
        took: Duration,
        error: Option<&str>,
    ) {
        let labels = [app, component, namespace, TRIGGER, result_label(error.is_none())];
        self.families.reconciles.duration.observe(&labels, took);
        self.families.reconciles.total.add(&labels, 1);
        if let Some(error) = error {
            self.families.reconciles.errors.add(&[app, component, namespace, error], 1);
        }
    }

    /// Records that a reconcile waits in the queue.
    pub fn enqueued(&self, ResourceLabels { app, component, namespace }: ResourceLabels) {
        self.families.reconciles.queue_depth.set(&[app, component, namespace], 1);
    }

    /// Records that a reconcile left the queue.
    pub fn dequeued(&self, ResourceLabels { app, component, namespace }: ResourceLabels, waited: Duration) {
        self.families.reconciles.queue_depth.set(&[app, component, namespace], 0);
        self.families.reconciles.queue_wait.observe(&[app, component, namespace], waited);
    }

    /// Records a request for a rebalance.
    pub fn rebalance(&self, app: &str, namespace: &str, reason: &str, took: Duration, success: bool) {
        let labels = [app, namespace, reason, result_label(success)];
        self.families.members.rebalance_duration.observe(&labels, took);
        self.families.members.rebalance_total.add(&labels, 1);
    }

    /// Records a state transition of a member.
    pub fn member_transition(&self, app: &str, namespace: &str, member: i32, from: &str, to: &str) {
        self.families.members.transitions.add(&[app, namespace, &member.to_string(), from, to], 1);
    }

    /// Records a hung member: seconds in the rebalance, and consecutive detections.
    pub fn hung_member(&self, app: &str, namespace: &str, member: i32, times: u32, seconds: i64) {
        let member = member.to_string();
        let labels = [app, namespace, member.as_str()];
        if times > 0 {
            self.families.members.hung_detected.add(&labels, 1);
        }
        self.families.members.hung_consecutive.set(&labels, times.into());
        self.families.members.hung_duration.set(&labels, seconds);
    }

    /// Records that the pod of a member was deleted.
    pub fn member_terminated(&self, app: &str, namespace: &str, member: i32, reason: &str) {
        self.families.members.terminations.add(&[app, namespace, &member.to_string(), reason], 1);
    }

    /// Records crashes of an agent.
    pub fn agent_crashed(&self, ResourceLabels { app, component, namespace }: ResourceLabels) {
        self.families.members.agent_crashes.add(&[app, component, namespace], 1);
    }

    /// Records how a change of an app's pods ended.
    pub fn rollout_ended(&self, app: &str, namespace: &str, result: &str) {
        self.families.members.rollouts.add(&[app, namespace, result], 1);
    }

    /// Records a write of an object. `error` is the type of its error, if it failed.
    pub fn resource_synced(
        &self,
        ResourceLabels { app, component, namespace }: ResourceLabels,
        (kind, name): (&str, &str),
        operation: &str,
        took: Duration,
        error: Option<&str>,
    ) {
        let labels = [app, component, name, namespace, kind, operation, result_label(error.is_none())];
        self.families.objects.sync_duration.observe(&labels, took);
        self.families.objects.sync_total.add(&labels, 1);
        if let Some(error) = error {
            self.families.objects.sync_errors.add(&[app, component, name, namespace, kind, error], 1);
        }
    }

    /// Records that another client changed a top-level field of an object.
    pub fn drift_detected(
        &self,
        ResourceLabels { app, component, namespace }: ResourceLabels,
        (kind, name): (&str, &str),
        field: &str,
    ) {
        self.families.objects.drift.add(&[app, component, name, namespace, kind, field], 1);
    }

    /// Records a write of a status.
    pub fn status_updated<'a>(&self, app: &str, namespace: &str, fields: impl IntoIterator<Item = &'a str>) {
        for field in fields {
            self.families.objects.status_updates.add(&[app, namespace, field], 1);
        }
    }

    /// Records a finished package install.
    pub fn packages_installed(&self, app: &str, namespace: &str, outcome: &InstallOutcome) {
        let InstallOutcome { duration, error, retries } = outcome;
        // A failed install has no duration: 0 would read as a cache hit.
        if error.is_none() {
            self.families.packages.install_duration.observe(&[app, namespace], *duration);
        }
        self.families.packages.install_total.add(&[app, namespace, result_label(error.is_none())], 1);
        if let Some(error) = error {
            self.families.packages.install_errors.add(&[app, namespace, error], 1);
            if error == "timeout" {
                self.families.packages.install_timeouts.add(&[app, namespace], 1);
            }
        }
        if *retries > 0 {
            self.families.packages.install_retries.add(&[app, namespace], *retries);
        }
    }

    /// Records the package settings of an app.
    pub fn package_settings(&self, app: &str, namespace: &str, credentials: bool, custom_index: bool) {
        self.families.packages.auth_enabled.set(&[app, namespace], credentials.into());
        self.families.packages.custom_index.set(&[app, namespace], custom_index.into());
    }

    /// Records the size and usage of an app's package cache, in bytes.
    pub fn cache_usage(&self, app: &str, namespace: &str, total: i64, used: i64) {
        let sizes = [("total", total), ("used", used), ("available", total - used)];
        for (kind, bytes) in sizes {
            self.families.packages.cache_bytes.set(&[app, namespace, kind], bytes);
        }
        let percent = if total > 0 { used * 100 / total } else { 0 };
        self.families.packages.cache_percent.set(&[app, namespace], percent);
    }

    /// Records an admission review.
    pub fn admission_reviewed(&self, webhook: &str, allowed: bool, took: Duration) {
        self.families.admission.duration.observe(&[webhook], took);
        let allowed = if allowed { "true" } else { "false" };
        self.families.admission.total.add(&[webhook, allowed], 1);
    }

    /// Records a request to the API server; `status` is `None` if there was no answer.
    pub fn client_request(&self, method: &str, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.families.process.requests.add(&[method, &status], 1);
    }

    /// Records whether this replica reconciles. A change removes the series of all apps: they are outdated,
    /// and no event would correct them.
    pub fn set_leader(&self, is_leader: bool) {
        self.families.process.leader.set(&[], is_leader.into());
        self.families.all.values().for_each(|family| family.clear_if_labeled("app_name"));
    }

    /// Records the expiry of the served certificate, in Unix seconds.
    pub fn certificate_expires_at(&self, timestamp: i64) {
        self.families.admission.certificate_expiry.set(&[], timestamp);
    }

    /// Removes the series of a deleted app.
    pub fn forget_app(&self, app: &str, namespace: &str) {
        let labels = [("app_name", app), ("namespace", namespace)];
        self.remove_series(&labels);
    }

    /// Removes the series of a deleted component.
    pub fn forget_component(&self, component: &str, namespace: &str) {
        self.remove_series(&[("component_name", component), ("namespace", namespace)]);
    }

    fn remove_series(&self, labels: &[(&str, &str)]) {
        self.families.all.values().for_each(|family| family.remove_series(labels));
    }
}

/// The outcome of a package install.
#[derive(Clone, Debug, Default)]
pub struct InstallOutcome {
    /// Duration of the install.
    pub duration: Duration,
    /// Type of the error, if the install failed.
    pub error: Option<String>,
    /// Number of retries after the first attempt.
    pub retries: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.text().expect("a text")).expect("UTF-8")
    }

    #[test]
    fn no_series_of_an_app_outlives_the_lease() {
        let metrics = Metrics::new().expect("metrics");
        metrics.set_leader(true);
        let labels = ResourceLabels { app: "clicks", component: "counter", namespace: "shop" };
        metrics.enqueued(labels);
        metrics.reconciled(labels, Duration::from_secs(1), Some("Conflict"));
        metrics.hung_member("clicks", "shop", 1, 3, 400);
        metrics.admission_reviewed("validate", true, Duration::from_millis(1));
        assert!(text(&metrics).contains("kasprop_hung_member_consecutive_detections{"));
        metrics.set_leader(false);
        let left = text(&metrics);
        assert!(!left.contains("clicks") && !left.contains("counter\""), "{left}");
        assert!(left.contains("kasprop_leader 0"), "{left}");
        assert!(left.contains("kasprop_admission_reviews_total{"), "{left}");
    }
}
