//! Metrics under the published operator's names, labels and buckets: dashboards and alerts hang on
//! them. Series end with the app that they tell of, and when another replica reconciles.

mod families;
mod series;

use std::time::Duration;

use prometheus::{Encoder, Error, TextEncoder};

use families::Families;

/// Where a reconcile was asked for. The published operator has one way only.
const TRIGGER: &str = "queue";

/// Every metric of the operator.
///
/// A counter shows nothing before its first event, a gauge nothing before its first value.
pub struct Metrics {
    of: Families,
}

/// Whose metric it is: an app, or one of its components.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The app.
    pub app: &'a str,
    /// The component, or the app again.
    pub component: &'a str,
    /// Their namespace.
    pub namespace: &'a str,
}

/// How something ended.
fn result_of(success: bool) -> &'static str {
    if success { "success" } else { "failure" }
}

impl Metrics {
    /// All metrics, empty.
    ///
    /// Errors: a name or label that Prometheus does not take.
    pub fn new() -> Result<Self, Error> {
        let metrics = Self { of: Families::new()? };
        metrics.leads(false);
        Ok(metrics)
    }

    /// The metrics as Prometheus reads them.
    ///
    /// Errors: a metric that can't be written.
    pub fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        // One by one: all of them at once take several times the memory of their text.
        for collector in self.of.all.values() {
            let mut families = collector.collect();
            families.retain(|family| !family.get_metric().is_empty());
            TextEncoder::new().encode(&families, &mut text)?;
        }
        Ok(text)
    }

    /// A reconcile ended after that time; a failed one with the type of its error.
    pub fn reconciled(&self, Of { app, component, namespace }: Of, took: Duration, error: Option<&str>) {
        let labels = [app, component, namespace, TRIGGER, result_of(error.is_none())];
        self.of.reconcile_duration.observe(&labels, took);
        self.of.reconcile_total.add(&labels, 1);
        if let Some(error) = error {
            self.of.reconcile_errors.add(&[app, component, namespace, error], 1);
        }
    }

    /// A reconcile waits for its turn.
    pub fn queued(&self, Of { app, component, namespace }: Of) {
        self.of.queue_depth.set(&[app, component, namespace], 1);
    }

    /// A reconcile's turn came after that time.
    pub fn dequeued(&self, Of { app, component, namespace }: Of, waited: Duration) {
        self.of.queue_depth.set(&[app, component, namespace], 0);
        self.of.queue_wait.observe(&[app, component, namespace], waited);
    }

    /// A rebalance was asked for.
    pub fn rebalanced(&self, app: &str, namespace: &str, reason: &str, took: Duration, success: bool) {
        let labels = [app, namespace, reason, result_of(success)];
        self.of.rebalance_duration.observe(&labels, took);
        self.of.rebalance_total.add(&labels, 1);
    }

    /// A member's state changed.
    pub fn member_changed(&self, app: &str, namespace: &str, member: i32, from: &str, to: &str) {
        self.of.member_transitions.add(&[app, namespace, &member.to_string(), from, to], 1);
    }

    /// A member has been in a rebalance for that many seconds, seen that many times in a row.
    pub fn hung(&self, app: &str, namespace: &str, member: i32, times: u32, seconds: i64) {
        let member = member.to_string();
        let labels = [app, namespace, member.as_str()];
        if times > 0 {
            self.of.hung_detected.add(&labels, 1);
        }
        self.of.hung_consecutive.set(&labels, times.into());
        self.of.hung_duration.set(&labels, seconds);
    }

    /// A pod was ended.
    pub fn terminated(&self, app: &str, namespace: &str, member: i32, reason: &str) {
        self.of.member_terminations.add(&[app, namespace, &member.to_string(), reason], 1);
    }

    /// An object was written, or could not be.
    pub fn synced(
        &self,
        Of { app, component, namespace }: Of,
        (kind, name): (&str, &str),
        operation: &str,
        took: Duration,
        error: Option<&str>,
    ) {
        let labels = [app, component, name, namespace, kind, operation, result_of(error.is_none())];
        self.of.sync_duration.observe(&labels, took);
        self.of.sync_total.add(&labels, 1);
        if let Some(error) = error {
            self.of.sync_errors.add(&[app, component, name, namespace, kind, error], 1);
        }
    }

    /// Somebody else had changed an object's top-level field.
    pub fn drifted(&self, Of { app, component, namespace }: Of, (kind, name): (&str, &str), field: &str) {
        self.of.drift.add(&[app, component, name, namespace, kind, field], 1);
    }

    /// A status was written.
    pub fn status_updated<'a>(&self, app: &str, namespace: &str, fields: impl IntoIterator<Item = &'a str>) {
        for field in fields {
            self.of.status_updates.add(&[app, namespace, field], 1);
        }
    }

    /// An install of packages ended.
    pub fn installed(&self, app: &str, namespace: &str, end: &InstallEnd) {
        let InstallEnd { took, error, retries } = end;
        self.of.install_duration.observe(&[app, namespace], *took);
        self.of.install_total.add(&[app, namespace, result_of(error.is_none())], 1);
        if let Some(error) = error {
            self.of.install_errors.add(&[app, namespace, error], 1);
            if error == "timeout" {
                self.of.install_timeouts.add(&[app, namespace], 1);
            }
        }
        if *retries > 0 {
            self.of.install_retries.add(&[app, namespace], *retries);
        }
    }

    /// What an app's packages are installed with.
    pub fn packages(&self, app: &str, namespace: &str, credentials: bool, custom_index: bool) {
        self.of.auth_enabled.set(&[app, namespace], credentials.into());
        self.of.custom_index.set(&[app, namespace], custom_index.into());
    }

    /// How full an app's package cache is, in bytes.
    pub fn cache_usage(&self, app: &str, namespace: &str, total: i64, used: i64) {
        let sizes = [("total", total), ("used", used), ("available", total - used)];
        for (kind, bytes) in sizes {
            self.of.cache_bytes.set(&[app, namespace, kind], bytes);
        }
        let percent = if total > 0 { used * 100 / total } else { 0 };
        self.of.cache_percent.set(&[app, namespace], percent);
    }

    /// An admission review was answered.
    pub fn reviewed(&self, webhook: &str, allowed: bool, took: Duration) {
        self.of.admission_duration.observe(&[webhook], took);
        let allowed = if allowed { "true" } else { "false" };
        self.of.admission_total.add(&[webhook, allowed], 1);
    }

    /// A request to the API server was answered, or got no answer.
    pub fn requested(&self, method: &str, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.of.requests.add(&[method, &status], 1);
    }

    /// Whether this replica reconciles. When that changes, the series of all apps end: what they say
    /// is no longer so, and nobody would take it back.
    pub fn leads(&self, leads: bool) {
        self.of.leader.set(&[], leads.into());
        self.of.all.values().for_each(|family| family.forget_all("app_name"));
    }

    /// The webhooks serve a certificate that ends then, in Unix seconds.
    pub fn certificate_ends(&self, timestamp: i64) {
        self.of.certificate_expiry.set(&[], timestamp);
    }

    /// Ends the series of an app that is gone.
    pub fn forget_app(&self, app: &str, namespace: &str) {
        let whose = [("app_name", app), ("namespace", namespace)];
        self.forget(&whose);
    }

    /// Ends the series of a component that is gone.
    pub fn forget_component(&self, component: &str, namespace: &str) {
        self.forget(&[("component_name", component), ("namespace", namespace)]);
    }

    fn forget(&self, whose: &[(&str, &str)]) {
        self.of.all.values().for_each(|family| family.forget(whose));
    }
}

/// How an install of packages ended.
#[derive(Clone, Debug, Default)]
pub struct InstallEnd {
    /// How long it took.
    pub took: Duration,
    /// The type of its error, if it failed.
    pub error: Option<String>,
    /// Tries after the first one.
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
        metrics.leads(true);
        let of = Of { app: "clicks", component: "counter", namespace: "shop" };
        metrics.queued(of);
        metrics.reconciled(of, Duration::from_secs(1), Some("Conflict"));
        metrics.hung("clicks", "shop", 1, 3, 400);
        metrics.reviewed("validate", true, Duration::from_millis(1));
        assert!(text(&metrics).contains("kasprop_hung_member_consecutive_detections{"));
        metrics.leads(false);
        let left = text(&metrics);
        assert!(!left.contains("clicks") && !left.contains("counter\""), "{left}");
        assert!(left.contains("kasprop_leader 0"), "{left}");
        assert!(left.contains("kasprop_admission_reviews_total{"), "{left}");
    }
}
