//! Metrics under the published operator's names, labels and buckets: dashboards and alerts hang on
//! them. Series end with the app that they tell of.

use std::{collections::HashMap, time::Duration};

use prometheus::{
    Encoder, Error, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
    core::{Collector, MetricVec, MetricVecBuilder},
};

/// Where a reconcile was asked for. The published operator has one way only.
const TRIGGER: &str = "queue";

/// Every metric of the operator.
///
/// A counter shows nothing before its first event, a gauge nothing before its first value.
pub struct Metrics {
    registry: Registry,
    reconcile_duration: HistogramVec,
    reconcile_total: IntCounterVec,
    reconcile_errors: IntCounterVec,
    queue_depth: IntGaugeVec,
    queue_wait: HistogramVec,
    rebalance_duration: HistogramVec,
    rebalance_total: IntCounterVec,
    member_transitions: IntCounterVec,
    hung_detected: IntCounterVec,
    hung_consecutive: IntGaugeVec,
    hung_duration: IntGaugeVec,
    member_terminations: IntCounterVec,
    sync_duration: HistogramVec,
    sync_total: IntCounterVec,
    sync_errors: IntCounterVec,
    drift: IntCounterVec,
    status_updates: IntCounterVec,
    install_duration: HistogramVec,
    install_total: IntCounterVec,
    install_errors: IntCounterVec,
    auth_enabled: IntGaugeVec,
    custom_index: IntGaugeVec,
    cache_bytes: IntGaugeVec,
    cache_percent: IntGaugeVec,
    install_retries: IntCounterVec,
    install_timeouts: IntCounterVec,
    admission_duration: HistogramVec,
    admission_total: IntCounterVec,
    requests: IntCounterVec,
    leader: IntGauge,
    certificate_expiry: IntGaugeVec,
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

const APP: &[&str] = &["app_name", "namespace"];
const MEMBER: &[&str] = &["app_name", "namespace", "member_id"];
const COMPONENT: &[&str] = &["app_name", "component_name", "namespace"];
const RECONCILE: &[&str] = &["app_name", "component_name", "namespace", "trigger_source", "result"];
const REBALANCE: &[&str] = &["app_name", "namespace", "trigger_reason", "result"];
const SYNC: &[&str] =
    &["app_name", "component_name", "resource_name", "namespace", "resource_type", "operation", "result"];

/// Registers what it makes.
struct Maker(Registry);

impl Maker {
    fn made<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.made(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.made(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, Error> {
        self.made(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?)
    }
}

impl Metrics {
    /// All metrics, empty.
    ///
    /// Errors: a name or label that Prometheus does not take.
    pub fn new() -> Result<Self, Error> {
        let of = Maker(Registry::new());
        let minutes = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        Ok(Self {
            reconcile_duration: of.histogram(
                "kasprop_reconcile_duration_seconds",
                "Time spent in a reconcile",
                RECONCILE,
                &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0],
            )?,
            reconcile_total: of.counter("kasprop_reconcile_total", "Reconciles", RECONCILE)?,
            reconcile_errors: of.counter(
                "kasprop_reconcile_errors_total",
                "Failed reconciles",
                &["app_name", "component_name", "namespace", "error_type"],
            )?,
            queue_depth: of.gauge(
                "kasprop_reconcile_queue_depth",
                "Reconciles that wait for their turn",
                COMPONENT,
            )?,
            queue_wait: of.histogram(
                "kasprop_reconcile_queue_wait_seconds",
                "Time between the wish for a reconcile and its start",
                COMPONENT,
                &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0],
            )?,
            rebalance_duration: of.histogram(
                "kasprop_rebalance_duration_seconds",
                "Time that asking for a rebalance took",
                REBALANCE,
                &minutes,
            )?,
            rebalance_total: of.counter(
                "kasprop_rebalance_total",
                "Rebalances that were asked for",
                REBALANCE,
            )?,
            member_transitions: of.counter(
                "kasprop_member_state_transitions_total",
                "Changes of a member's state",
                &["app_name", "namespace", "member_id", "from_state", "to_state"],
            )?,
            hung_detected: of.counter(
                "kasprop_hung_members_detected_total",
                "Times that a member was seen in a rebalance for too long",
                MEMBER,
            )?,
            hung_consecutive: of.gauge(
                "kasprop_hung_member_consecutive_detections",
                "Times in a row that a member was seen in a rebalance for too long",
                MEMBER,
            )?,
            hung_duration: of.gauge(
                "kasprop_hung_member_duration_seconds",
                "How long a hung member has been in its rebalance",
                MEMBER,
            )?,
            member_terminations: of.counter(
                "kasprop_member_terminations_total",
                "Pods that the operator ended",
                &["app_name", "namespace", "member_id", "reason"],
            )?,
            sync_duration: of.histogram(
                "kasprop_resource_sync_duration_seconds",
                "Time that a write of an object took",
                SYNC,
                &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0],
            )?,
            sync_total: of.counter("kasprop_resource_sync_total", "Writes of objects", SYNC)?,
            sync_errors: of.counter(
                "kasprop_resource_sync_errors_total",
                "Writes of objects that failed",
                &["app_name", "component_name", "resource_name", "namespace", "resource_type", "error_type"],
            )?,
            drift: of.counter(
                "kasprop_resource_drift_detected_total",
                "Objects that somebody else had changed",
                &["app_name", "component_name", "resource_name", "namespace", "resource_type", "drift_field"],
            )?,
            status_updates: of.counter(
                "kasprop_status_updates_total",
                "Writes of a status, by the fields that changed",
                &["app_name", "namespace", "update_field"],
            )?,
            install_duration: of.histogram(
                "kasprop_package_install_duration_seconds",
                "Time that an install of Python packages took",
                APP,
                &minutes,
            )?,
            install_total: of.counter(
                "kasprop_package_install_total",
                "Installs of Python packages",
                &["app_name", "namespace", "result"],
            )?,
            install_errors: of.counter(
                "kasprop_package_install_errors_total",
                "Failed installs of Python packages",
                &["app_name", "namespace", "error_type"],
            )?,
            auth_enabled: of.gauge(
                "kasprop_package_auth_enabled",
                "Whether the package index needs credentials",
                APP,
            )?,
            custom_index: of.gauge(
                "kasprop_package_custom_index_enabled",
                "Whether packages come from an index of the user's",
                APP,
            )?,
            cache_bytes: of.gauge(
                "kasprop_package_cache_usage_bytes",
                "Size of the package cache",
                &["app_name", "namespace", "type"],
            )?,
            cache_percent: of.gauge(
                "kasprop_package_cache_usage_percent",
                "Share of the package cache that is used",
                APP,
            )?,
            install_retries: of.counter(
                "kasprop_package_install_retries_total",
                "Repeated tries of package installs",
                APP,
            )?,
            install_timeouts: of.counter(
                "kasprop_package_install_timeouts_total",
                "Package installs that ran out of time",
                APP,
            )?,
            admission_duration: of.histogram(
                "kasprop_admission_duration_seconds",
                "Time that the answer to an admission review took",
                &["webhook"],
                &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0],
            )?,
            admission_total: of.counter(
                "kasprop_admission_reviews_total",
                "Admission reviews, by their answer",
                &["webhook", "allowed"],
            )?,
            requests: of.counter(
                "kasprop_client_requests_total",
                "Requests to the API server, by method and status",
                &["method", "status"],
            )?,
            // Without labels, and yet nothing before its first value.
            certificate_expiry: of.gauge(
                "kasprop_certificate_expiry_timestamp_seconds",
                "When the certificate that the webhooks serve ends",
                &[],
            )?,
            leader: of.made(IntGauge::new("kasprop_leader", "Whether this replica reconciles")?)?,
            registry: of.0,
        })
    }

    /// The metrics as Prometheus reads them.
    ///
    /// Errors: a metric that can't be written.
    pub fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// A reconcile ended after that time; a failed one with the type of its error.
    pub fn reconciled(&self, Of { app, component, namespace }: Of, took: Duration, error: Option<&str>) {
        let labels = [app, component, namespace, TRIGGER, result_of(error.is_none())];
        self.reconcile_duration.with_label_values(&labels).observe(took.as_secs_f64());
        self.reconcile_total.with_label_values(&labels).inc();
        if let Some(error) = error {
            self.reconcile_errors.with_label_values(&[app, component, namespace, error]).inc();
        }
    }

    /// A reconcile waits for its turn.
    pub fn queued(&self, Of { app, component, namespace }: Of) {
        self.queue_depth.with_label_values(&[app, component, namespace]).set(1);
    }

    /// A reconcile's turn came after that time.
    pub fn dequeued(&self, Of { app, component, namespace }: Of, waited: Duration) {
        self.queue_depth.with_label_values(&[app, component, namespace]).set(0);
        self.queue_wait.with_label_values(&[app, component, namespace]).observe(waited.as_secs_f64());
    }

    /// A rebalance was asked for.
    pub fn rebalanced(&self, app: &str, namespace: &str, reason: &str, took: Duration, success: bool) {
        let labels = [app, namespace, reason, result_of(success)];
        self.rebalance_duration.with_label_values(&labels).observe(took.as_secs_f64());
        self.rebalance_total.with_label_values(&labels).inc();
    }

    /// A member's state changed.
    pub fn member_changed(&self, app: &str, namespace: &str, member: i32, from: &str, to: &str) {
        self.member_transitions.with_label_values(&[app, namespace, &member.to_string(), from, to]).inc();
    }

    /// A member has been in a rebalance for that many seconds, seen that many times in a row.
    pub fn hung(&self, app: &str, namespace: &str, member: i32, times: u32, seconds: i64) {
        let member = member.to_string();
        let labels = [app, namespace, member.as_str()];
        if times > 0 {
            self.hung_detected.with_label_values(&labels).inc();
        }
        self.hung_consecutive.with_label_values(&labels).set(times.into());
        self.hung_duration.with_label_values(&labels).set(seconds);
    }

    /// A pod was ended.
    pub fn terminated(&self, app: &str, namespace: &str, member: i32, reason: &str) {
        self.member_terminations.with_label_values(&[app, namespace, &member.to_string(), reason]).inc();
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
        self.sync_duration.with_label_values(&labels).observe(took.as_secs_f64());
        self.sync_total.with_label_values(&labels).inc();
        if let Some(error) = error {
            self.sync_errors.with_label_values(&[app, component, name, namespace, kind, error]).inc();
        }
    }

    /// Somebody else had changed an object's top-level field.
    pub fn drifted(&self, Of { app, component, namespace }: Of, (kind, name): (&str, &str), field: &str) {
        self.drift.with_label_values(&[app, component, name, namespace, kind, field]).inc();
    }

    /// A status was written.
    pub fn status_updated<'a>(&self, app: &str, namespace: &str, fields: impl IntoIterator<Item = &'a str>) {
        for field in fields {
            self.status_updates.with_label_values(&[app, namespace, field]).inc();
        }
    }

    /// An install of packages ended.
    pub fn installed(&self, app: &str, namespace: &str, end: &InstallEnd) {
        let InstallEnd { took, error, retries } = end;
        self.install_duration.with_label_values(&[app, namespace]).observe(took.as_secs_f64());
        self.install_total.with_label_values(&[app, namespace, result_of(error.is_none())]).inc();
        if let Some(error) = error {
            self.install_errors.with_label_values(&[app, namespace, error]).inc();
            if error == "timeout" {
                self.install_timeouts.with_label_values(&[app, namespace]).inc();
            }
        }
        if *retries > 0 {
            self.install_retries.with_label_values(&[app, namespace]).inc_by(*retries);
        }
    }

    /// What an app's packages are installed with.
    pub fn packages(&self, app: &str, namespace: &str, credentials: bool, custom_index: bool) {
        self.auth_enabled.with_label_values(&[app, namespace]).set(credentials.into());
        self.custom_index.with_label_values(&[app, namespace]).set(custom_index.into());
    }

    /// How full an app's package cache is, in bytes.
    pub fn cache_usage(&self, app: &str, namespace: &str, total: i64, used: i64) {
        let sizes = [("total", total), ("used", used), ("available", total - used)];
        for (kind, bytes) in sizes {
            self.cache_bytes.with_label_values(&[app, namespace, kind]).set(bytes);
        }
        let percent = if total > 0 { used * 100 / total } else { 0 };
        self.cache_percent.with_label_values(&[app, namespace]).set(percent);
    }

    /// An admission review was answered.
    pub fn reviewed(&self, webhook: &str, allowed: bool, took: Duration) {
        self.admission_duration.with_label_values(&[webhook]).observe(took.as_secs_f64());
        let allowed = if allowed { "true" } else { "false" };
        self.admission_total.with_label_values(&[webhook, allowed]).inc();
    }

    /// A request to the API server was answered, or got no answer.
    pub fn requested(&self, method: &str, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.requests.with_label_values(&[method, &status]).inc();
    }

    /// Whether this replica reconciles.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// The webhooks serve a certificate that ends then, in Unix seconds.
    pub fn certificate_ends(&self, timestamp: i64) {
        self.certificate_expiry.with_label_values::<&str>(&[]).set(timestamp);
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
        for metric in [
            &self.reconcile_duration,
            &self.queue_wait,
            &self.rebalance_duration,
            &self.sync_duration,
            &self.install_duration,
        ] {
            forget(metric, whose);
        }
        for metric in [
            &self.queue_depth,
            &self.hung_consecutive,
            &self.hung_duration,
            &self.auth_enabled,
            &self.custom_index,
            &self.cache_bytes,
            &self.cache_percent,
        ] {
            forget(metric, whose);
        }
        for metric in [
            &self.reconcile_total,
            &self.reconcile_errors,
            &self.rebalance_total,
            &self.member_transitions,
            &self.hung_detected,
            &self.member_terminations,
            &self.sync_total,
            &self.sync_errors,
            &self.drift,
            &self.status_updates,
            &self.install_total,
            &self.install_errors,
            &self.install_retries,
            &self.install_timeouts,
        ] {
            forget(metric, whose);
        }
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

/// Removes the series with these labels.
fn forget<B: MetricVecBuilder>(metric: &MetricVec<B>, whose: &[(&str, &str)]) {
    for family in metric.collect() {
        for series in family.get_metric() {
            let labels: HashMap<&str, &str> =
                series.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
            if whose.iter().all(|(name, value)| labels.get(name) == Some(value)) {
                // Somebody else may have removed it meanwhile.
                let _ = metric.remove(&labels);
            }
        }
    }
}
