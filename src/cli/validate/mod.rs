//! `validate`: validates manifests offline, with the rules that the cluster applies.

mod app_contexts;
mod command;
mod compose;
mod documents;
mod evaluate;
mod finding;
mod format;
mod human_format;
mod input;
mod kustomization;
mod locate;
mod machine_formats;
mod manifest;
mod manifest_set;
mod printer;
mod progress;
mod scalar;
mod schema;
mod validation_report;

pub use command::report;
pub(crate) use command::{ValidateArgs, validate};
pub use format::Format;
pub(super) use manifest_set::ManifestSet;
