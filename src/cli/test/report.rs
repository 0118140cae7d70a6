//! Result of all tests, before it is formatted.

use std::time::Duration;

use super::{
    coverage::Unreached,
    file::TestCase,
    files::TestSource,
    outcome::End,
    places::{TracedCall, calls},
    result::TestResult,
};
use crate::{
    cli::validate::{Highlight, Locator, ManifestSet},
    validate::Path,
};

/// Results with the files that they refer to.
pub(super) struct TestReport<'a> {
    /// The test files.
    pub sources: &'a [TestSource],
    /// The manifests of each test file.
    pub manifests: &'a [ManifestSet],
    /// The index of its manifests, for each test file.
    pub sets: &'a [usize],
    /// The results, in the order of the files.
    pub results: &'a [TestResult],
    /// Code that no test reached, if that is wanted.
    pub unreached: Option<&'a [Unreached]>,
    /// Whether the code can import the Python packages of its app.
    pub packages: bool,
    /// Duration of all tests.
    pub duration: Duration,
}

impl TestReport<'_> {
    /// Returns the test as it is written.
    #[must_use]
    pub(super) fn case(&self, result: &TestResult) -> &TestCase {
        &self.sources[result.test.source].content.tests[result.test.case]
    }

    /// Returns the path of the test file as the user wrote it.
    #[must_use]
    pub(super) fn file(&self, result: &TestResult) -> &str {
        &self.sources[result.test.source].input.name
    }

    /// Returns the line of the test in its file.
    #[must_use]
    pub(super) fn line(&self, result: &TestResult) -> usize {
        let input = &self.sources[result.test.source].input;
        let at = Path::root().child("tests").index(result.test.case).child("name");
        let bytes = Locator::new(input.text()).locate(&at.segments(), Highlight::Value);
        input.line(bytes.start).0
    }

    /// Returns the calls that led to an exception, the innermost last.
    #[must_use]
    pub(super) fn calls(&self, result: &TestResult, error: usize) -> Vec<TracedCall> {
        let End::Completed(outcome) = &result.end else { return Vec::new() };
        let manifests = &self.manifests[self.sets[result.test.source]];
        outcome.errors.get(error).map(|error| calls(error, &result.test, manifests)).unwrap_or_default()
    }

    /// Returns the number of tests that failed.
    #[must_use]
    pub(super) fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.failures.is_empty()).count()
    }
}
