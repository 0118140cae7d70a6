//! The keys of every annotation that the operator reads or writes.

/// On a KasprApp: stops all writes for the app but its status.
pub const PAUSE: &str = "kaspr.io/pause-reconciliation";

/// On a KasprApp: requests one rebalance. The operator removes it after the attempt.
pub const REBALANCE: &str = "kaspr.io/rebalance";

/// On a KasprApp: overrides the setting `--auto-rebalance`.
pub const AUTO_REBALANCE: &str = "kaspr.io/auto-rebalance";

/// On a KasprApp: overrides the setting `--hung-member-detection`.
pub const HUNG_MEMBER_DETECTION: &str = "kaspr.io/hung-member-detection-enabled";

/// On a KasprApp: overrides the setting `--hung-rebalancing-threshold-seconds`.
pub const HUNG_THRESHOLD_SECONDS: &str = "kaspr.io/hung-rebalancing-threshold-seconds";

/// On a KasprApp: rolls its pods to the template of the current operator. The operator removes it.
pub const ROLL: &str = "kaspr.io/roll";

/// On a KasprApp: `return` or `hold`, what happens if the members do not work after a change. `spec.rollout.onFailure` takes
/// precedence, and the setting `--rollout-on-failure` is overridden.
pub const ROLLOUT_ON_FAILURE: &str = "kaspr.io/rollout-on-failure";

/// On a KasprApp: the name of a revision of its pods to return to. The operator removes it.
pub const UNDO: &str = "kaspr.io/undo";

/// On a StatefulSet: the last revision that worked, and which change is withheld, as JSON.
pub const ROLLOUT_STATE: &str = "kaspr.io/rollout-state";

/// On a KasprApp: members join their consumer group without a fixed identity.
pub const DISABLE_STATIC_MEMBERSHIP: &str = "kaspr.io/disable-static-group-membership";

/// On owned objects: the hash of what the object was made from, as the Python operator computes it.
pub const RESOURCE_HASH: &str = "kaspr.io/resource-hash";

/// On owned objects: the hash of the whole object as it was applied. After a restart it shows whether
/// there is anything to apply.
pub const APPLIED_HASH: &str = "kaspr.io/applied-hash";

/// On a StatefulSet: the hash of the inputs that its pod template was built from.
pub const INPUT_HASH: &str = "kaspr.io/input-hash";

/// On a StatefulSet: the hash of its pod template as it was built.
pub const TEMPLATE_HASH: &str = "kaspr.io/template-hash";

/// On a StatefulSet: hashes of the errors that its app had when the operator took it over, separated by
/// commas. The app may keep them.
pub const ACCEPTED_ERRORS: &str = "kaspr.io/accepted-errors";

/// On CRDs: the version of the operator that they belong to.
pub const OPERATOR_VERSION: &str = "kaspr.io/operator-version";

/// Prefix of the annotations that the Python operator's framework leaves on resources: what it handled last, and the
/// progress of its handlers.
pub const KOPF_PREFIX: &str = "kopf.zalando.org/";

/// Left by kubectl on every object that it applies on the client side.
pub const KUBECTL_LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
