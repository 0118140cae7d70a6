//! Command line of `kaspr-operator` and of its kubectl plugin: one file per subcommand.

mod admission_policy;
mod certs;
mod check_admission;
mod command;
mod crds;
mod deregister;
mod error;
mod fields;
mod install_packages;
mod kubeconfig;
mod local;
mod lsp;
mod output;
mod parallel;
mod plugin;
mod program;
mod rules;
mod run;
mod schema;
mod settings;
mod shutdown;
mod test;
mod validate;
mod webhook_config;

pub use command::{Cli, main};
pub use error::Error;
pub use plugin::Plugin;
pub use validate::{Format, report};
