//! The condition types and reasons, and how a condition follows from the previous one.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use crate::{
    api::{Condition, ConditionStatus},
    validate::Findings,
};

/// The members run what the spec asks for.
pub(super) const READY: &str = "Ready";
/// Objects are being created or replaced.
pub(super) const PROGRESSING: &str = "Progressing";
/// The members run every component.
pub(super) const COMPONENTS_READY: &str = "ComponentsReady";
/// A person must change something before the operator gets any further. The name is that of the kstatus convention.
pub(super) const STALLED: &str = "Stalled";
/// The operator, or what it waits for, needs more time. The name is that of the kstatus convention.
pub(super) const RECONCILING_TYPE: &str = "Reconciling";
/// The Python packages are installed.
pub(super) const PACKAGES_READY: &str = "PythonPackagesReady";

/// Progressing: the spec changed.
pub(super) const NEW_SPEC: &str = "NewSpec";
/// Progressing: objects were applied, members are starting.
pub(super) const RECONCILING: &str = "Reconciling";
/// Progressing: nothing is left to do.
pub(super) const RECONCILE_COMPLETE: &str = "ReconcileComplete";
/// Progressing, and Ready of a component: a change failed, and the members returned to an earlier revision.
pub(super) const ROLLED_BACK: &str = "RolledBack";
/// Progressing: a change failed and stays where it is.
pub(super) const ROLLOUT_HELD: &str = "RolloutHeld";
/// Progressing: the user paused reconciliation.
pub(super) const PAUSED: &str = "Paused";
/// Progressing and Ready: an operation failed.
pub(super) const ERROR: &str = "Error";
/// Ready: the spec is invalid; running members are unchanged.
pub(super) const INVALID: &str = "Invalid";
/// Ready: all members are available.
pub(super) const HEALTHY: &str = "Healthy";
/// Ready: members are stuck in a rebalance.
pub(super) const HUNG_MEMBERS: &str = "HungMembers";
/// Ready: members are missing.
pub(super) const NOT_READY: &str = "NotReady";
/// PythonPackagesReady: an install is running.
pub(super) const INSTALLING: &str = "Installing";
/// PythonPackagesReady: members with older packages are being replaced.
pub(super) const PACKAGES_UPDATING: &str = "PackagesUpdating";
/// PythonPackagesReady: a member failed to install them.
pub(super) const INSTALLATION_FAILED: &str = "InstallationFailed";
/// PythonPackagesReady: the members do not report their installs.
pub(super) const STATUS_UNKNOWN: &str = "StatusUnknown";
/// PythonPackagesReady: every member has them.
pub(super) const PACKAGES_INSTALLED: &str = "PackagesInstalled";

/// Ready, of a component: its app has its definition.
pub(super) const DEFINED: &str = "Defined";
/// Ready, of a component: something that it names does not exist.
pub(super) const WAITING: &str = "Waiting";
/// Ready, of a component: it conflicts with another one.
pub(super) const CONFLICT: &str = "Conflict";
/// Ready, of a component: the API server refused its definition, or another object has its name.
pub(super) const REFUSED: &str = "Refused";
/// ComponentsReady: some components are withheld from the members, or run an older definition.
pub(super) const COMPONENTS_WAITING: &str = "ComponentsWaiting";
/// ComponentsReady: every component is defined.
pub(super) const ALL_DEFINED: &str = "AllDefined";
/// The app of a component exists.
pub(super) const APP_FOUND: &str = "AppFound";
/// The app of a component does not exist.
pub(super) const APP_NOT_FOUND: &str = "AppNotFound";
/// Whether an agent processes its messages.
pub(super) const AGENT_HEALTHY: &str = "Healthy";
/// Healthy, of an agent: it crashes, and loses messages.
pub(super) const AGENT_CRASHED: &str = "AgentCrashed";
/// Healthy, of an agent: its messages wait as if it crashed.
pub(super) const MESSAGES_WAITING: &str = "MessagesWaiting";
/// Healthy, of an agent: it crashed, and does not any more.
pub(super) const NO_CRASHES: &str = "NoCrashes";
/// A table that a join names does not exist.
pub(super) const TABLE_NOT_FOUND: &str = "TableNotFound";

/// A condition without its transition time.
#[derive(Clone, Debug)]
pub(super) struct NewCondition {
    r#type: &'static str,
    status: ConditionStatus,
    reason: &'static str,
    message: String,
}

/// Creates a condition that is True or False.
pub(super) fn condition(
    r#type: &'static str,
    is_true: bool,
    reason: &'static str,
    message: impl Into<String>,
) -> NewCondition {
    let status = if is_true { ConditionStatus::True } else { ConditionStatus::False };
    NewCondition { r#type, status, reason, message: message.into() }
}

/// Creates a condition whose status is Unknown.
pub(super) fn unknown(
    r#type: &'static str,
    reason: &'static str,
    message: impl Into<String>,
) -> NewCondition {
    NewCondition { r#type, status: ConditionStatus::Unknown, reason, message: message.into() }
}

/// Adds transition times: the previous one is kept while the status of the condition is unchanged.
pub(super) fn with_transition_times(
    previous: Option<&[Condition]>,
    next: Vec<NewCondition>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let since = |next: &NewCondition| {
        let unchanged =
            previous.into_iter().flatten().find(|c| c.r#type == next.r#type && c.status == next.status);
        unchanged.map_or(Time(now), |condition| condition.last_transition_time.clone())
    };
    next.into_iter()
        .map(|next| Condition {
            last_transition_time: since(&next),
            r#type: next.r#type.to_owned(),
            status: next.status,
            reason: next.reason.to_owned(),
            message: next.message,
            observed_generation: generation,
        })
        .collect()
}

impl NewCondition {
    /// Returns whether the status is True.
    pub(super) fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }

    /// Returns the reason, in CamelCase.
    pub(super) fn reason(&self) -> &'static str {
        self.reason
    }

    /// Returns the message.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

/// Describes an invalid spec for conditions and events: the field paths, never the values, which may
/// be secrets.
pub(super) fn invalid_spec_message(found: &Findings) -> String {
    let mut paths: Vec<String> = found.errors.iter().map(|error| error.path.to_string()).collect();
    paths.dedup();
    format!(
        "spec is invalid at {}; running members are unchanged. Run `kubectl apply --dry-run=server` for details",
        paths.join(", ")
    )
}

/// Describes a resource whose fields do not have the types of the API.
pub(super) const UNREADABLE_MESSAGE: &str = "failed to read the resource: its fields do not have the types of the installed \
     CRD; running members are unchanged";
