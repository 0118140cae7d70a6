use k8s_openapi::{
    api::core::v1::{HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::environment;
use crate::api::{self, KasprApp};
use crate::naming;

/// Returns a probe of the path that reports a member's state. Fields that the user leaves out get the
/// defaults of Kubernetes.
pub(super) fn probe(app: &KasprApp, timing: &api::Probe) -> Probe {
    let api::Probe {
        failure_threshold,
        initial_delay_seconds,
        period_seconds,
        success_threshold,
        timeout_seconds,
    } = timing;
    Probe {
        failure_threshold: *failure_threshold,
        http_get: Some(HTTPGetAction {
            path: Some(environment::status_path(app)),
            port: IntOrString::String(naming::WEB_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: *initial_delay_seconds,
        period_seconds: *period_seconds,
        success_threshold: *success_threshold,
        timeout_seconds: *timeout_seconds,
        ..Probe::default()
    }
}
