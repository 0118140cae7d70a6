//! Admission without HTTP: from the bytes of an AdmissionReview to the bytes of its answer. Pure, save
//! for the time limit. The command line runs the same handlers over files.

mod deadline;
mod handler;
mod object;
mod response;
mod review;
pub mod validating_admission_policy;

pub use deadline::ReviewExecutor;
pub use handler::{KindHandler, app_of, handler_for, metadata_error, register_namesake};
pub use object::AdmittedObject;
pub use review::{Phase, ReviewError, answer};
