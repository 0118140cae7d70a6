//! The versions of the framework that this operator knows: the values of `spec.version`.

/// Versions that are supported, newest first.
pub const SUPPORTED: &[&str] = &[
    "0.11.19", "0.11.18", "0.11.17", "0.11.16", "0.11.15", "0.11.14", "0.11.13", "0.11.12", "0.11.11",
    "0.11.9", "0.11.8", "0.11.7",
];

/// The oldest version that is supported.
pub const OLDEST: &str = SUPPORTED[SUPPORTED.len() - 1];

/// The version of an app whose spec has no version.
pub const DEFAULT: &str = SUPPORTED[0];
