//! Default values of absent fields.
//!
//! Defaults are applied to the untyped spec, because a round trip through the types would drop unknown
//! fields. They only add fields: they never overwrite a value, never change a list, and never add a
//! block, except `installPolicy` if packages are given. Applying them twice has the same result as
//! applying them once.

mod app;
mod apply;
mod components;
mod json;
mod remove;

pub use apply::{Defaults, apply_defaults, with_defaults};
pub use remove::without_defaults;

#[cfg(test)]
mod tests;
