//! Builds the Kubernetes objects of an app: the complete list.
//!
//! Pure: a validated app, its validated components and the operator's settings in, objects out. An
//! object that is not in the list is deleted.

mod autoscaler;
mod build;
mod claim;
mod components;
pub mod definition;
mod disruption_budget;
mod env_var;
pub mod environment;
pub mod hash;
mod image;
mod inputs;
mod install;
pub mod labels;
mod legacy_hash;
mod metadata;
mod object;
mod pod;
mod probe;
pub mod rollout;
mod running;
mod service;
mod service_account;
mod settings_map;
mod settings_snapshot;
mod spec_view;
mod statefulset;
mod tls;
mod volume;

pub use build::{build, build_component};
pub use components::{AppComponents, RunnableComponent, sort_by_name};
pub use image::{image, version_of};
pub use inputs::BuildInputs;
pub use object::{BuildError, CLAIM_SIZE, CLAIM_TEMPLATES, OwnedKind, OwnedObject, claim_template_size};
pub use running::Running;
pub use spec_view::{
    annotation_flag, cache_mode, is_annotated, is_persistent, replicas, unreadable_annotations,
};
