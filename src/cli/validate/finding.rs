//! Findings of `validate`.

use std::ops::Range;

use crate::validate::rule::Rule;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Severity {
    /// The resource is invalid.
    Error,
    /// The resource is valid, but probably not as intended.
    Warning,
}

impl Severity {
    /// Returns the name of the severity in all output formats.
    #[must_use]
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A problem at a place in an input.
pub(in crate::cli) struct Finding {
    /// Resource with the problem, if it is known.
    pub resource: Option<ResourceId>,
    /// Severity of the problem.
    pub severity: Severity,
    /// Rule that found the problem.
    pub rule: &'static Rule,
    /// Path of the field.
    pub field: String,
    /// Description of the problem.
    pub message: String,
    /// Byte range in the input.
    pub bytes: Range<usize>,
    /// Index of the input.
    pub input: usize,
}

/// Identity of a resource.
#[derive(Clone)]
pub(in crate::cli) struct ResourceId {
    /// Kind as written in the manifest, which may be unknown.
    pub kind: String,
    /// Namespace of the manifest, or the default namespace.
    pub namespace: String,
    /// Name or name prefix; empty if the manifest has neither.
    pub name: String,
}
