//! `validate`: validates manifests offline, with the rules that the cluster applies.

mod app_contexts;
mod command;
mod compose;
mod documents;
mod evaluate;
mod finding;
mod folder;
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
pub(super) use compose::parse as parse_yaml;
pub(super) use finding::{Finding, Severity};
pub(super) use folder::ManifestFolder;
pub use format::Format;
pub(super) use input::{Input, is_test_file, read_file};
pub(super) use locate::{Highlight, Locator};
pub(super) use machine_formats::{escape_data, escape_property};
pub(super) use manifest::AppKey;
pub(super) use manifest_set::{ManifestSet, Place, with_defaults};
pub(super) use printer::print_report;
pub(super) use validation_report::ValidationReport;
