use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a change of the pods is rolled out.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// What happens if the members do not work after a change: `return` to the last revision that worked, or `hold` the
    /// change where it is. Default: the setting of the operator, `return`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<RolloutFailure>,
    /// Seconds without progress after which a change has failed. Default: {ROLLOUT_PROGRESS_DEADLINE_SECONDS}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub progress_deadline_seconds: Option<i32>,
    /// Seconds that a changed member must work without a restart before the change continues. Default:
    /// {ROLLOUT_OBSERVE_SECONDS}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observe_seconds: Option<i32>,
    /// Number of earlier revisions that are kept. Default: {ROLLOUT_HISTORY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub history: Option<i32>,
}

/// What happens if the members do not work after a change.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutFailure {
    /// The pods return to the last revision that worked.
    Return,
    /// The pods stay as they are.
    Hold,
}

impl RolloutFailure {
    /// Parses the value of the annotation.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text.trim() {
            "return" => Some(Self::Return),
            "hold" => Some(Self::Hold),
            _ => None,
        }
    }
}
