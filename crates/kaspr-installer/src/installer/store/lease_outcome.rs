//! The outcome of a request for an install lease.

/// Whether a lease was acquired.
#[derive(Clone, Debug)]
pub(crate) enum LeaseOutcome<L> {
    /// This process holds the lease.
    Acquired(L),
    /// Another process holds the lease.
    Busy,
}
