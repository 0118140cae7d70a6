use k8s_openapi::{
    api::core::v1::{HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::environment;
use crate::{
    api::{self, KasprApp},
    naming,
    validate::Valid,
};

/// Returns a probe of the path that reports a member's state. Fields that the user leaves out get the
/// defaults of Kubernetes. `field` is the probe's name in the spec.
///
/// The Python operator ignores probes. A probe whose errors were accepted at the takeover stays ignored, because the API
/// server would refuse it, and every other change of the pods with it.
pub(super) fn probe(app: &Valid<KasprApp>, field: &str, timing: Option<&api::Probe>) -> Option<Probe> {
    let at = format!("spec.{field}");
    if app.accepted().iter().any(|error| error.path.to_string().starts_with(&at)) {
        return None;
    }
    let api::Probe {
        failure_threshold,
        initial_delay_seconds,
        period_seconds,
        success_threshold,
        timeout_seconds,
    } = timing?;
    Some(Probe {
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
    })
}
