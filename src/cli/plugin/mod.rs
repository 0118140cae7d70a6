//! Subcommands for the users of apps, also available as the kubectl plugin `kubectl kaspr`: they inspect
//! apps, preview changes and request operator actions.

mod app_handle;
mod cluster;
mod command;
mod completion;
mod diff;
pub(super) mod error;
mod graph;
mod history;
mod output;
mod pause;
mod rebalance;
mod render;
mod resources;
mod resume;
mod roll;
mod status;
mod undo;
mod wait_args;

pub use command::Plugin;
pub(crate) use command::PluginSubcommand;
