//! Result of one test.

use super::{outcome::End, plan::PlannedTest, verdict::Failure};

/// Result of one test.
pub(super) struct TestResult {
    /// The test.
    pub test: PlannedTest,
    /// How it ended.
    pub end: End,
    /// What differs; none if it passed.
    pub failures: Vec<Failure>,
}
