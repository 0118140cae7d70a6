//! What an app asks for when its pods change.

use kube::ResourceExt;

use super::decide::Timing;
use crate::api::{KasprApp, Rollout, RolloutFailure, annotations::ROLLOUT_ON_FAILURE, defaults};

/// Returns what happens if the members do not work after a change: the spec says, else the annotation, else the setting.
pub(super) fn on_failure(app: &KasprApp, setting: RolloutFailure) -> RolloutFailure {
    let annotation = app.annotations().get(ROLLOUT_ON_FAILURE);
    let annotated = annotation.and_then(|text| RolloutFailure::from_text(text));
    app.spec.rollout.as_ref().and_then(|rollout| rollout.on_failure).or(annotated).unwrap_or(setting)
}

/// Returns the timing of changes.
pub(super) fn timing(app: &KasprApp) -> Timing {
    let Rollout { progress_deadline_seconds, observe_seconds, .. } =
        app.spec.rollout.clone().unwrap_or_default();
    Timing {
        progress_deadline: progress_deadline_seconds
            .unwrap_or(defaults::ROLLOUT_PROGRESS_DEADLINE_SECONDS)
            .into(),
        observe: observe_seconds.unwrap_or(defaults::ROLLOUT_OBSERVE_SECONDS).into(),
    }
}
