//! What the framework does with code.

/// What the framework does with code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// An operation that maps: it sees the names of `init`, and its result is awaited.
    Map,
    /// An operation that filters.
    Filter,
    /// A selector: it runs in a scope of its own, and its result is used as it is.
    Selector,
    /// A predicate, which is a selector whose truth counts.
    Predicate,
    /// The selector of a table's default, whose result is called.
    DefaultSelector,
    /// An operation that is not in the pipeline and never runs: only the code itself is checked.
    Idle,
}

impl Role {
    /// Returns whether the code sees the names of `init`, and `context`.
    pub(super) fn sees_init(self) -> bool {
        matches!(self, Self::Map | Self::Filter | Self::Idle)
    }
}
