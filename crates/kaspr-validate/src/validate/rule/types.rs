//! A rule, and the macro that declares rules.

/// Severity of a rule's findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// The resource is rejected.
    Error,
    /// A warning while resources arrive one after the other; an error if a complete set is validated.
    MissingReference,
    /// The resource is accepted with a warning.
    Warning,
}

/// A rule.
#[derive(Debug, Eq, PartialEq)]
pub struct Rule {
    /// Identifier of the rule. It never changes: scripts and code scanners filter by it.
    pub id: &'static str,
    /// Severity of the findings.
    pub level: Level,
    /// What is wrong with the resource.
    pub summary: &'static str,
    /// What would happen without the rule.
    pub reason: &'static str,
    /// What the user should do.
    pub remedy: &'static str,
}

macro_rules! rules {
    ($($name:ident $level:ident $id:literal $summary:literal $reason:literal $remedy:literal)*) => {
        $(#[doc = $summary] pub const $name: &Rule = &Rule {
            id: $id,
            level: Level::$level,
            summary: $summary,
            reason: $reason,
            remedy: $remedy,
        };)*

        /// The rules of this file, in the order of the reference.
        pub(super) const ALL: &[&Rule] = &[$($name),*];
    };
}

pub(super) use rules;
