//! Which metrics there are.

use std::collections::BTreeMap;

use prometheus::Error;

use super::series::{AnyFamily, Count, Counter, Family, Gauge, Histogram};

/// Every metric of the operator.
pub struct Families {
    pub reconcile_duration: Family<Histogram>,
    pub reconcile_total: Family<Counter>,
    pub reconcile_errors: Family<Counter>,
    pub queue_depth: Family<Gauge>,
    pub queue_wait: Family<Histogram>,
    pub rebalance_duration: Family<Histogram>,
    pub rebalance_total: Family<Counter>,
    pub member_transitions: Family<Counter>,
    pub hung_detected: Family<Counter>,
    pub hung_consecutive: Family<Gauge>,
    pub hung_duration: Family<Gauge>,
    pub member_terminations: Family<Counter>,
    pub sync_duration: Family<Histogram>,
    pub sync_total: Family<Counter>,
    pub sync_errors: Family<Counter>,
    pub drift: Family<Counter>,
    pub status_updates: Family<Counter>,
    pub install_duration: Family<Histogram>,
    pub install_total: Family<Counter>,
    pub install_errors: Family<Counter>,
    pub auth_enabled: Family<Gauge>,
    pub custom_index: Family<Gauge>,
    pub cache_bytes: Family<Gauge>,
    pub cache_percent: Family<Gauge>,
    pub install_retries: Family<Counter>,
    pub install_timeouts: Family<Counter>,
    pub admission_duration: Family<Histogram>,
    pub admission_total: Family<Counter>,
    pub requests: Family<Counter>,
    pub leader: Family<Gauge>,
    pub certificate_expiry: Family<Gauge>,
    /// All of them, by name.
    pub all: All,
}

/// Metrics by name.
pub type All = BTreeMap<String, Box<dyn AnyFamily>>;

const APP: &[&str] = &["app_name", "namespace"];
const MEMBER: &[&str] = &["app_name", "namespace", "member_id"];
const COMPONENT: &[&str] = &["app_name", "component_name", "namespace"];
const RECONCILE: &[&str] = &["app_name", "component_name", "namespace", "trigger_source", "result"];
const REBALANCE: &[&str] = &["app_name", "namespace", "trigger_reason", "result"];
const SYNC: &[&str] =
    &["app_name", "component_name", "resource_name", "namespace", "resource_type", "operation", "result"];

/// Collects what it makes.
#[derive(Default)]
struct Maker(All);

impl Maker {
    /// A family whose kind is that of the field that it goes to.
    fn family<V: Count>(
        &mut self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
    ) -> Result<Family<V>, Error> {
        self.bounded(name, help, labels, &[])
    }

    /// The same, with the bounds of its buckets.
    fn bounded<V: Count>(
        &mut self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
        bounds: &[f64],
    ) -> Result<Family<V>, Error> {
        let family = Family::new(name, help, labels, bounds)?;
        match self.0.insert(name.to_owned(), Box::new(family.clone())) {
            None => Ok(family),
            Some(_) => Err(Error::AlreadyReg),
        }
    }
}

impl Families {
    /// All metrics, empty.
    ///
    /// Errors: a name or label that Prometheus does not take.
    pub fn new() -> Result<Self, Error> {
        let mut of = Maker::default();
        let minutes = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        Ok(Self {
            reconcile_duration: of.bounded(
                "kasprop_reconcile_duration_seconds",
                "Time spent in a reconcile",
                RECONCILE,
                &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0],
            )?,
            reconcile_total: of.family("kasprop_reconcile_total", "Reconciles", RECONCILE)?,
            reconcile_errors: of.family(
                "kasprop_reconcile_errors_total",
                "Failed reconciles",
                &["app_name", "component_name", "namespace", "error_type"],
            )?,
            queue_depth: of.family(
                "kasprop_reconcile_queue_depth",
                "Reconciles that wait for their turn",
                COMPONENT,
            )?,
            queue_wait: of.bounded(
                "kasprop_reconcile_queue_wait_seconds",
                "Time between the wish for a reconcile and its start",
                COMPONENT,
                &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0],
            )?,
            rebalance_duration: of.bounded(
                "kasprop_rebalance_duration_seconds",
                "Time that asking for a rebalance took",
                REBALANCE,
                &minutes,
            )?,
            rebalance_total: of.family(
                "kasprop_rebalance_total",
                "Rebalances that were asked for",
                REBALANCE,
            )?,
            member_transitions: of.family(
                "kasprop_member_state_transitions_total",
                "Changes of a member's state",
                &["app_name", "namespace", "member_id", "from_state", "to_state"],
            )?,
            hung_detected: of.family(
                "kasprop_hung_members_detected_total",
                "Times that a member was seen in a rebalance for too long",
                MEMBER,
            )?,
            hung_consecutive: of.family(
                "kasprop_hung_member_consecutive_detections",
                "Times in a row that a member was seen in a rebalance for too long",
                MEMBER,
            )?,
            hung_duration: of.family(
                "kasprop_hung_member_duration_seconds",
                "How long a hung member has been in its rebalance",
                MEMBER,
            )?,
            member_terminations: of.family(
                "kasprop_member_terminations_total",
                "Pods that the operator ended",
                &["app_name", "namespace", "member_id", "reason"],
            )?,
            sync_duration: of.bounded(
                "kasprop_resource_sync_duration_seconds",
                "Time that a write of an object took",
                SYNC,
                &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0],
            )?,
            sync_total: of.family("kasprop_resource_sync_total", "Writes of objects", SYNC)?,
            sync_errors: of.family(
                "kasprop_resource_sync_errors_total",
                "Writes of objects that failed",
                &["app_name", "component_name", "resource_name", "namespace", "resource_type", "error_type"],
            )?,
            drift: of.family(
                "kasprop_resource_drift_detected_total",
                "Objects that somebody else had changed",
                &["app_name", "component_name", "resource_name", "namespace", "resource_type", "drift_field"],
            )?,
            status_updates: of.family(
                "kasprop_status_updates_total",
                "Writes of a status, by the fields that changed",
                &["app_name", "namespace", "update_field"],
            )?,
            install_duration: of.bounded(
                "kasprop_package_install_duration_seconds",
                "Time that an install of Python packages took",
                APP,
                &minutes,
            )?,
            install_total: of.family(
                "kasprop_package_install_total",
                "Installs of Python packages",
                &["app_name", "namespace", "result"],
            )?,
            install_errors: of.family(
                "kasprop_package_install_errors_total",
                "Failed installs of Python packages",
                &["app_name", "namespace", "error_type"],
            )?,
            auth_enabled: of.family(
                "kasprop_package_auth_enabled",
                "Whether the package index needs credentials",
                APP,
            )?,
            custom_index: of.family(
                "kasprop_package_custom_index_enabled",
                "Whether packages come from an index of the user's",
                APP,
            )?,
            cache_bytes: of.family(
                "kasprop_package_cache_usage_bytes",
                "Size of the package cache",
                &["app_name", "namespace", "type"],
            )?,
            cache_percent: of.family(
                "kasprop_package_cache_usage_percent",
                "Share of the package cache that is used",
                APP,
            )?,
            install_retries: of.family(
                "kasprop_package_install_retries_total",
                "Repeated tries of package installs",
                APP,
            )?,
            install_timeouts: of.family(
                "kasprop_package_install_timeouts_total",
                "Package installs that ran out of time",
                APP,
            )?,
            admission_duration: of.bounded(
                "kasprop_admission_duration_seconds",
                "Time that the answer to an admission review took",
                &["webhook"],
                &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0],
            )?,
            admission_total: of.family(
                "kasprop_admission_reviews_total",
                "Admission reviews, by their answer",
                &["webhook", "allowed"],
            )?,
            requests: of.family(
                "kasprop_client_requests_total",
                "Requests to the API server, by method and status",
                &["method", "status"],
            )?,
            certificate_expiry: of.family(
                "kasprop_certificate_expiry_timestamp_seconds",
                "When the certificate that the webhooks serve ends",
                &[],
            )?,
            leader: of.family("kasprop_leader", "Whether this replica reconciles", &[])?,
            all: of.0,
        })
    }
}
