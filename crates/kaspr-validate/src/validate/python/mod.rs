//! Embedded Python: parsed, never executed.
//!
//! A block is rejected if CPython 3.11 or later cannot compile it, if it does not bind its entrypoint, or if
//! its function cannot be called with the arguments of the framework. Code is accepted if static analysis
//! cannot decide (imports, decorators, results of calls, `exec`).

mod block;
mod byte_class;
mod call;
mod check;
mod extra_checks;
mod indent;
mod names;
mod nesting;
mod position;
mod scan;
mod scopes;
mod signature;
mod syntax;

pub use block::{entrypoint_of, entrypoint_to_render};
pub(super) use call::Call;
pub(super) use check::{Init, check};
pub(super) use names::is_identifier;
