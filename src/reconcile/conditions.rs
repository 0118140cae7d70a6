//! The conditions: their types and reasons, and how one follows another.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use crate::api::{Condition, ConditionStatus};

/// The members run what the spec asks for.
pub const READY: &str = "Ready";
/// The objects are being made or replaced.
pub const PROGRESSING: &str = "Progressing";
/// Every component is given to the members.
pub const COMPONENTS_READY: &str = "ComponentsReady";
/// The Python packages are installed.
pub const PACKAGES_READY: &str = "PythonPackagesReady";

/// Progressing: the spec changed.
pub const NEW_SPEC: &str = "NewSpec";
/// Progressing: objects were made, members are starting.
pub const RECONCILING: &str = "Reconciling";
/// Progressing: nothing is left to do.
pub const RECONCILE_COMPLETE: &str = "ReconcileComplete";
/// Progressing: the user asked for a pause.
pub const PAUSED: &str = "Paused";
/// Progressing and Ready: something failed.
pub const ERROR: &str = "Error";
/// Ready: the spec is refused; what runs stays as it was.
pub const INVALID: &str = "Invalid";
/// Ready: all members are available.
pub const HEALTHY: &str = "Healthy";
/// Ready: members hang in a rebalance.
pub const HUNG_MEMBERS: &str = "HungMembers";
/// Ready: members are missing.
pub const NOT_READY: &str = "NotReady";
/// PythonPackagesReady: an install is under way.
pub const INSTALLING: &str = "Installing";
/// PythonPackagesReady: members that have older ones are being replaced.
pub const PACKAGES_UPDATING: &str = "PackagesUpdating";
/// PythonPackagesReady: a member could not install them.
pub const INSTALLATION_FAILED: &str = "InstallationFailed";
/// PythonPackagesReady: there is no member that could tell.
pub const STATUS_UNKNOWN: &str = "StatusUnknown";
/// PythonPackagesReady: every member has them.
pub const PACKAGES_INSTALLED: &str = "PackagesInstalled";

/// Ready, of a component: its definition is there for its app.
pub const DEFINED: &str = "Defined";
/// Ready, of a component: what it names is not there.
pub const WAITING: &str = "Waiting";
/// Ready, of a component: it clashes with another one.
pub const CONFLICT: &str = "Conflict";
/// ComponentsReady: some are not given to the members.
pub const COMPONENTS_WAITING: &str = "ComponentsWaiting";
/// ComponentsReady: none waits.
pub const ALL_DEFINED: &str = "AllDefined";
/// A component's app is there.
pub const APP_FOUND: &str = "AppFound";
/// A component's app is missing.
pub const APP_NOT_FOUND: &str = "AppNotFound";
/// A table that a join names is missing.
pub const TABLE_NOT_FOUND: &str = "TableNotFound";

/// A condition as it should be, before it is known since when.
#[derive(Clone, Debug)]
pub struct Fact {
    kind: &'static str,
    status: ConditionStatus,
    reason: &'static str,
    message: String,
}

/// A condition that holds, or does not.
pub fn fact(kind: &'static str, holds: bool, reason: &'static str, message: impl Into<String>) -> Fact {
    let status = if holds { ConditionStatus::True } else { ConditionStatus::False };
    Fact { kind, status, reason, message: message.into() }
}

/// The next conditions: the time of the last transition stays while the status does.
pub fn follow(
    before: Option<&[Condition]>,
    facts: Vec<Fact>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let since = |fact: &Fact| {
        let same = before.into_iter().flatten().find(|c| c.r#type == fact.kind && c.status == fact.status);
        same.map_or(Time(now), |condition| condition.last_transition_time.clone())
    };
    facts
        .into_iter()
        .map(|fact| Condition {
            last_transition_time: since(&fact),
            r#type: fact.kind.to_owned(),
            status: fact.status,
            reason: fact.reason.to_owned(),
            message: fact.message,
            observed_generation: generation,
        })
        .collect()
}

impl Fact {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        self.status == ConditionStatus::True
    }

    /// Why, in one word.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Why, in words.
    pub fn message(&self) -> &str {
        &self.message
    }
}
