use kube::core::DynamicObject;

use crate::reconcile::{
    apply::Refusal, cache::pod::MemberPod, members::snapshot::MembersSnapshot, pod_events::PodEvents,
    quarantine::Withheld, rollout::engine::RolloutPhase, rollout_status::RolloutStatus,
};

/// What was observed of an app.
#[derive(Clone, Debug, Default)]
pub(in crate::reconcile) struct Observed {
    /// The state of its StatefulSet.
    pub rollout: RolloutStatus,
    /// The pods of its members.
    pub pods: Vec<MemberPod>,
    /// What the members answered; `None` if they are not polled.
    pub members: Option<MembersSnapshot>,
    /// Why the autoscaler adds no members, if it cannot.
    pub blocked_autoscaler: Option<String>,
    /// The claim for packages.
    pub packages_claim: Option<DynamicObject>,
    /// Components that are withheld from the members.
    pub withheld: Withheld,
    /// Why objects of the app could not be applied.
    pub refused: Vec<Refusal>,
    /// What events report about pods that are missing or do not become ready.
    pub pod_events: PodEvents,
    /// How a change of the pods is doing.
    pub phase: RolloutPhase,
    /// Whether this operator version would build another pod template, which waits for the next change.
    pub newer_template_waits: bool,
    /// The image that the members run; `None` without a StatefulSet.
    pub running_image: Option<String>,
    /// Errors of the spec with which the app ran when the operator took it over.
    pub accepted_errors: Vec<String>,
    /// Whether tables stay in claims although the storage is ephemeral.
    pub keeps_claims: bool,
    /// The request for a rebalance in a manifest that was handled last.
    pub handled_rebalance_request: Option<String>,
    /// Whether a rebalance was requested since the last status.
    pub rebalance_requested: bool,
}
