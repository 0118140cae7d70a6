//! Definitions of all metrics: name, help text, labels and buckets, by area.

use std::collections::BTreeMap;

use prometheus::Error;

use super::series::{Counter, Family, Gauge, Histogram, MetricFamily, MetricValue};

/// All metrics of the operator.
pub(super) struct Families {
    /// Metrics of reconciles and of the work queue.
    pub reconciles: ReconcileFamilies,
    /// Metrics of members and rebalances.
    pub members: MemberFamilies,
    /// Metrics of writes to the API server.
    pub objects: ObjectFamilies,
    /// Metrics of package installs.
    pub packages: PackageFamilies,
    /// Metrics of the admission webhooks.
    pub admission: AdmissionFamilies,
    /// Metrics of the process.
    pub process: ProcessFamilies,
    /// All families by metric name.
    pub all: FamiliesByName,
}

/// Metric families by metric name.
pub(super) type FamiliesByName = BTreeMap<String, Box<dyn MetricFamily>>;

const APP: &[&str] = &["app_name", "namespace"];
const MEMBER: &[&str] = &["app_name", "namespace", "member_id"];
const COMPONENT: &[&str] = &["app_name", "component_name", "namespace"];
const RECONCILE: &[&str] = &["app_name", "component_name", "namespace", "trigger_source", "result"];
const REBALANCE: &[&str] = &["app_name", "namespace", "trigger_reason", "result"];
const SYNC: &[&str] =
    &["app_name", "component_name", "resource_name", "namespace", "resource_type", "operation", "result"];

/// Buckets for durations of up to ten minutes, in seconds.
const MINUTES: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// Creates families and collects them by name.
#[derive(Default)]
struct Registry(FamiliesByName);

impl Registry {
    /// Creates a counter or a gauge, depending on the type of the field that it is assigned to.
    fn family<V: MetricValue>(
        &mut self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
    ) -> Result<Family<V>, Error> {
        self.histogram(name, help, labels, &[])
    }

    /// Creates a histogram with the upper bounds of its buckets, in seconds.
    fn histogram<V: MetricValue>(
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
    /// Creates all metrics, without series.
    ///
    /// # Errors
    ///
    /// A name or label is not valid in Prometheus, or a name is used twice.
    pub(super) fn new() -> Result<Self, Error> {
        let mut registry = Registry::default();
        Ok(Self {
            reconciles: ReconcileFamilies::register(&mut registry)?,
            members: MemberFamilies::register(&mut registry)?,
            objects: ObjectFamilies::register(&mut registry)?,
            packages: PackageFamilies::register(&mut registry)?,
            admission: AdmissionFamilies::register(&mut registry)?,
            process: ProcessFamilies::register(&mut registry)?,
            all: registry.0,
        })
    }
}

/// Metrics of reconciles and of the work queue.
pub(super) struct ReconcileFamilies {
    pub duration: Family<Histogram>,
    pub total: Family<Counter>,
    pub errors: Family<Counter>,
    pub queue_depth: Family<Gauge>,
    pub queue_wait: Family<Histogram>,
}

impl ReconcileFamilies {
    fn register(registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self {
            duration: registry.histogram(
                "kasprop_reconcile_duration_seconds",
                "Duration of reconciles",
                RECONCILE,
                &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0],
            )?,
            total: registry.family("kasprop_reconcile_total", "Number of reconciles", RECONCILE)?,
            errors: registry.family(
                "kasprop_reconcile_errors_total",
                "Number of failed reconciles",
                &["app_name", "component_name", "namespace", "error_type"],
            )?,
            queue_depth: registry.family(
                "kasprop_reconcile_queue_depth",
                "Number of reconcile requests in the queue",
                COMPONENT,
            )?,
            queue_wait: registry.histogram(
                "kasprop_reconcile_queue_wait_seconds",
                "Time that a reconcile request waited in the queue",
                COMPONENT,
                &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0],
            )?,
        })
    }
}

/// Metrics of members and rebalances.
pub(super) struct MemberFamilies {
    pub rebalance_duration: Family<Histogram>,
    pub rebalance_total: Family<Counter>,
    pub transitions: Family<Counter>,
    pub hung_detected: Family<Counter>,
    pub hung_consecutive: Family<Gauge>,
    pub hung_duration: Family<Gauge>,
    pub terminations: Family<Counter>,
    pub agent_crashes: Family<Counter>,
}

impl MemberFamilies {
    fn register(registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self {
            rebalance_duration: registry.histogram(
                "kasprop_rebalance_duration_seconds",
                "Duration of rebalance requests to the leader of an app",
                REBALANCE,
                MINUTES,
            )?,
            rebalance_total: registry.family(
                "kasprop_rebalance_total",
                "Number of requested rebalances",
                REBALANCE,
            )?,
            transitions: registry.family(
                "kasprop_member_state_transitions_total",
                "Number of state transitions of a member",
                &["app_name", "namespace", "member_id", "from_state", "to_state"],
            )?,
            hung_detected: registry.family(
                "kasprop_hung_members_detected_total",
                "Number of checks that found a member stuck in a rebalance",
                MEMBER,
            )?,
            hung_consecutive: registry.family(
                "kasprop_hung_member_consecutive_detections",
                "Number of consecutive checks that found a member stuck in a rebalance",
                MEMBER,
            )?,
            hung_duration: registry.family(
                "kasprop_hung_member_duration_seconds",
                "Time that a hung member has spent in the current rebalance",
                MEMBER,
            )?,
            terminations: registry.family(
                "kasprop_member_terminations_total",
                "Number of member pods that the operator deleted",
                &["app_name", "namespace", "member_id", "reason"],
            )?,
            agent_crashes: registry.family(
                "kasprop_agent_crashes_total",
                "Number of crashes of an agent in the logs of members",
                COMPONENT,
            )?,
        })
    }
}

/// Metrics of writes to the API server.
pub(super) struct ObjectFamilies {
    pub sync_duration: Family<Histogram>,
    pub sync_total: Family<Counter>,
    pub sync_errors: Family<Counter>,
    pub drift: Family<Counter>,
    pub status_updates: Family<Counter>,
}

impl ObjectFamilies {
    fn register(registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self {
            sync_duration: registry.histogram(
                "kasprop_resource_sync_duration_seconds",
                "Duration of writes of owned objects",
                SYNC,
                &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0],
            )?,
            sync_total: registry.family(
                "kasprop_resource_sync_total",
                "Number of writes of owned objects",
                SYNC,
            )?,
            sync_errors: registry.family(
                "kasprop_resource_sync_errors_total",
                "Number of failed writes of owned objects",
                &["app_name", "component_name", "resource_name", "namespace", "resource_type", "error_type"],
            )?,
            drift: registry.family(
                "kasprop_resource_drift_detected_total",
                "Number of changes by other clients that the operator found in owned objects",
                &["app_name", "component_name", "resource_name", "namespace", "resource_type", "drift_field"],
            )?,
            status_updates: registry.family(
                "kasprop_status_updates_total",
                "Number of status updates by changed field",
                &["app_name", "namespace", "update_field"],
            )?,
        })
    }
}

/// Metrics of package installs.
pub(super) struct PackageFamilies {
    pub install_duration: Family<Histogram>,
    pub install_total: Family<Counter>,
    pub install_errors: Family<Counter>,
    pub install_retries: Family<Counter>,
    pub install_timeouts: Family<Counter>,
    pub auth_enabled: Family<Gauge>,
    pub custom_index: Family<Gauge>,
    pub cache_bytes: Family<Gauge>,
    pub cache_percent: Family<Gauge>,
}

impl PackageFamilies {
    fn register(registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self {
            install_duration: registry.histogram(
                "kasprop_package_install_duration_seconds",
                "Duration of Python package installs",
                APP,
                MINUTES,
            )?,
            install_total: registry.family(
                "kasprop_package_install_total",
                "Number of Python package installs",
                &["app_name", "namespace", "result"],
            )?,
            install_errors: registry.family(
                "kasprop_package_install_errors_total",
                "Number of failed Python package installs",
                &["app_name", "namespace", "error_type"],
            )?,
            install_retries: registry.family(
                "kasprop_package_install_retries_total",
                "Number of retries of Python package installs",
                APP,
            )?,
            install_timeouts: registry.family(
                "kasprop_package_install_timeouts_total",
                "Number of Python package installs that timed out",
                APP,
            )?,
            auth_enabled: registry.family(
                "kasprop_package_auth_enabled",
                "Whether credentials for the package index are configured",
                APP,
            )?,
            custom_index: registry.family(
                "kasprop_package_custom_index_enabled",
                "Whether a package index other than PyPI is configured",
                APP,
            )?,
            cache_bytes: registry.family(
                "kasprop_package_cache_usage_bytes",
                "Total, used and available size of the package cache",
                &["app_name", "namespace", "type"],
            )?,
            cache_percent: registry.family(
                "kasprop_package_cache_usage_percent",
                "Used share of the package cache",
                APP,
            )?,
        })
    }
}

/// Metrics of the admission webhooks.
pub(super) struct AdmissionFamilies {
    pub duration: Family<Histogram>,
    pub total: Family<Counter>,
    pub certificate_expiry: Family<Gauge>,
}

impl AdmissionFamilies {
    fn register(registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self {
            duration: registry.histogram(
                "kasprop_admission_duration_seconds",
                "Duration of admission reviews",
                &["webhook"],
                &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0],
            )?,
            total: registry.family(
                "kasprop_admission_reviews_total",
                "Number of admission reviews by result",
                &["webhook", "allowed"],
            )?,
            certificate_expiry: registry.family(
                "kasprop_certificate_expiry_timestamp_seconds",
                "Expiry of the certificate that the webhooks serve, in Unix time",
                &[],
            )?,
        })
    }
}

/// Metrics of the process.
pub(super) struct ProcessFamilies {
    pub requests: Family<Counter>,
    pub leader: Family<Gauge>,
}

impl ProcessFamilies {
    fn register(registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self {
            requests: registry.family(
                "kasprop_client_requests_total",
                "Number of requests to the API server by method and status",
                &["method", "status"],
            )?,
            leader: registry.family("kasprop_leader", "Whether this replica is the leader", &[])?,
        })
    }
}
