//! The definitions of components, as the framework reads them: snake-case keys, and null for absent values.

mod agent;
mod code;
mod component;
mod config_map;
mod join;
mod processors;
mod snapshot;
mod table;
mod task;
mod webview;

pub use component::{Component, app_of, config_map_name, file_name, hash_of};
pub use config_map::{config_map, joins};
pub use snapshot::{joins_file, joins_snapshot_name, snapshots};
