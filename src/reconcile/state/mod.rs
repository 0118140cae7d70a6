//! What the operator remembers between two reconciles. All of it can be lost at any time.

pub mod applied;
pub mod assumed_status;
pub mod backoff;
pub mod counted_installs;
pub mod members;
pub mod validation_cache;
pub mod withheld;
pub mod work_queue;
