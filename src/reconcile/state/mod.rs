//! What the operator remembers between two reconciles. All of it can be lost at any time.

pub(super) mod applied;
pub(super) mod assumed_status;
pub(super) mod backoff;
pub(super) mod collected;
pub(super) mod counted_installs;
pub(super) mod counted_rollouts;
pub(super) mod log_access;
pub(super) mod members;
pub(super) mod refused;
pub(super) mod settling;
pub(super) mod validation_cache;
pub(super) mod withheld;
pub(super) mod work_queue;
