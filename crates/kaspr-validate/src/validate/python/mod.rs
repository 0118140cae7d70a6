//! Embedded Python: parsed, never executed.
//!
//! A block is rejected if CPython 3.11 or later cannot compile it, if it does not bind its entrypoint, or if
//! its function cannot be called with the arguments of the framework. Code is accepted if static analysis
//! cannot decide (imports, decorators, results of calls, `exec`).

mod annotations;
mod block;
mod body;
mod byte_class;
mod cache;
mod call;
mod check;
mod collect;
mod extra_checks;
mod facts;
mod format_args;
mod frames;
mod guards;
mod indent;
mod init;
mod known_names;
mod lint;
mod lints;
mod located;
mod meaning;
mod name_scope;
mod names;
mod nesting;
mod position;
mod results;
mod role;
mod scan;
mod scopes;
mod signature;
mod state;
mod syntax;
mod top_level;

pub use block::{entrypoint_of, entrypoint_to_render};
pub(super) use call::Call;
pub(super) use check::check;
pub use frames::has_frame;
pub(super) use init::Init;
pub(super) use known_names::is_standard_module;
pub(super) use located::{CONTEXT_OF_AGENTS, CONTEXT_OF_INIT, check_annotations, check_image};
pub(super) use names::is_identifier;
pub(super) use role::Role;
