//! Definitions of the metrics of package installs.

use prometheus::Error;

use super::registry::{APP, MINUTES, RESULT, Registry};
use crate::telemetry::metrics::series::{Counter, Family, Gauge, Histogram};

/// Metrics of package installs.
pub(crate) struct PackageFamilies {
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
    pub(super) fn register(registry: &mut Registry) -> Result<Self, Error> {
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
                RESULT,
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
