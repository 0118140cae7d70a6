use k8s_openapi::{
    api::core::v1::{HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{environment, names};
use crate::api::{self, KasprApp};

/// A probe of the members' web server: what answers about a member's state also tells that it
/// lives. What the user leaves out is what Kubernetes takes.
pub fn probe(app: &KasprApp, timing: &api::Probe) -> Probe {
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
            port: IntOrString::String(names::WEB_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: *initial_delay_seconds,
        period_seconds: *period_seconds,
        success_threshold: *success_threshold,
        timeout_seconds: *timeout_seconds,
        ..Probe::default()
    }
}
