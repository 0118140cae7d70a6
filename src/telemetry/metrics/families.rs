//! Definitions of all metrics: name, help text, labels and buckets, by area.

mod packages;
mod registry;

use prometheus::Error;

use packages::PackageFamilies;
use registry::{COMPONENT, FamiliesByName, MEMBER, MINUTES, REBALANCE, RECONCILE, RESULT, Registry, SYNC};

use super::series::{Counter, Family, Gauge, Histogram};

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
    pub rollouts: Family<Counter>,
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
            rollouts: registry.family(
                "kasprop_rollouts_total",
                "Number of changes of an app's pods that ended: succeeded, returned or held",
                RESULT,
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
