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

/// The probes of a member's container.
#[derive(Default)]
pub(super) struct Probes {
    /// Until it succeeds, the others wait.
    pub startup: Option<Probe>,
    /// Restarts the container.
    pub liveness: Option<Probe>,
    /// Lets an update continue with the next member.
    pub readiness: Option<Probe>,
}

/// A member may take this many periods until its web server starts: ten minutes for imports.
const STARTUP: Timing = Timing { period: 5, timeout: 5, failures: 120 };

/// One minute, after which Kafka has expelled a member that does not respond. Source: `broker_session_timeout` of the
/// framework.
const LIVENESS: Timing = Timing { period: 10, timeout: 5, failures: 6 };

/// A member that does not answer gets no requests after some ten seconds.
const READINESS: Timing = Timing { period: 5, timeout: 5, failures: 2 };

/// The timing of a probe that the user did not configure.
struct Timing {
    period: i32,
    timeout: i32,
    failures: i32,
}

/// Returns the probes: those of the spec, and the operator's own in place of those that the spec lacks. A member answers on
/// the status path while it rebuilds its tables, so recovery does not fail a probe.
pub(super) fn probes(app: &Valid<KasprApp>) -> Probes {
    let (liveness, readiness) = (app.spec.liveness_probe.as_ref(), app.spec.readiness_probe.as_ref());
    let adds = app.spec.default_probes != Some(false) && environment::serves_web(app);
    let default = |timing: Timing, given: Option<&api::Probe>| {
        (adds && given.is_none()).then(|| Probe {
            failure_threshold: Some(timing.failures),
            period_seconds: Some(timing.period),
            timeout_seconds: Some(timing.timeout),
            ..status_probe(app)
        })
    };
    Probes {
        startup: default(STARTUP, liveness),
        liveness: given(app, "livenessProbe", liveness).or_else(|| default(LIVENESS, liveness)),
        readiness: given(app, "readinessProbe", readiness).or_else(|| default(READINESS, readiness)),
    }
}

/// Returns a probe of the spec. Fields that the user leaves out get the defaults of Kubernetes. `field` is the probe's
/// name in the spec.
///
/// The Python operator ignores probes. A probe whose errors were accepted at the takeover stays ignored, because the API
/// server would refuse it, and every other change of the pods with it.
fn given(app: &Valid<KasprApp>, field: &str, timing: Option<&api::Probe>) -> Option<Probe> {
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
        initial_delay_seconds: *initial_delay_seconds,
        period_seconds: *period_seconds,
        success_threshold: *success_threshold,
        timeout_seconds: *timeout_seconds,
        ..status_probe(app)
    })
}

/// Returns a probe of the path that reports a member's state.
fn status_probe(app: &KasprApp) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(environment::status_path(app)),
            port: IntOrString::String(naming::WEB_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}
