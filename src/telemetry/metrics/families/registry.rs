//! Labels and buckets of the metrics, and how their families are created.

use std::collections::BTreeMap;

use prometheus::Error;

use crate::telemetry::metrics::series::{Family, MetricFamily, MetricValue};

/// Metric families by metric name.
pub(crate) type FamiliesByName = BTreeMap<String, Box<dyn MetricFamily>>;

pub(super) const APP: &[&str] = &["app_name", "namespace"];
pub(super) const RESULT: &[&str] = &["app_name", "namespace", "result"];
pub(super) const MEMBER: &[&str] = &["app_name", "namespace", "member_id"];
pub(super) const COMPONENT: &[&str] = &["app_name", "component_name", "namespace"];
pub(super) const RECONCILE: &[&str] =
    &["app_name", "component_name", "namespace", "trigger_source", "result"];
pub(super) const REBALANCE: &[&str] = &["app_name", "namespace", "trigger_reason", "result"];
pub(super) const SYNC: &[&str] =
    &["app_name", "component_name", "resource_name", "namespace", "resource_type", "operation", "result"];

/// Buckets for durations of up to ten minutes, in seconds.
pub(super) const MINUTES: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// Creates families and collects them by name.
#[derive(Default)]
pub(super) struct Registry(pub(super) FamiliesByName);

impl Registry {
    /// Creates a counter or a gauge, depending on the type of the field that it is assigned to.
    pub(super) fn family<V: MetricValue>(
        &mut self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
    ) -> Result<Family<V>, Error> {
        self.histogram(name, help, labels, &[])
    }

    /// Creates a histogram with the upper bounds of its buckets, in seconds.
    pub(super) fn histogram<V: MetricValue>(
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
