//! Every rule with its id: what is wrong, why that matters, and how to fix it. The reference in `docs/` is
//! generated from these files, and each finding refers to its rule.

mod code;
mod resources;
mod types;

pub use code::*;
pub use resources::*;
pub use types::{Level, Rule};

/// Returns all rules, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    resources::ALL.iter().chain(code::ALL).copied()
}
