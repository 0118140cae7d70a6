//! One run of all tests: from the paths to the results.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    app::{App, apps},
    args::{TestArgs, TestFormat},
    coverage::{Unreached, unreached},
    error::TestError,
    files::{TestSource, find_tests, read_test},
    human_format::print_human,
    machine_formats::{print_github, print_json, print_junit},
    packages,
    plan::TestPlan,
    recording::record_file,
    report::TestReport,
    result::TestResult,
    verdict::failures,
    worker::{Limits, run_tests},
};
use crate::{
    cli::validate::{AppKey, Finding, Format, Input, ManifestSet, ValidationReport, print_report},
    validate::rule,
};

/// Exit code if a test failed, or a manifest or test file is invalid.
const EXIT_FAILED: u8 = 1;

/// Exit code if a file cannot be read.
const EXIT_UNREADABLE: u8 = 2;

/// Everything that came of a run.
#[derive(Default)]
pub(super) struct Run {
    sources: Vec<TestSource>,
    /// Distinct sets of manifests.
    manifests: Vec<ManifestSet>,
    /// Index of the manifests, for each test file.
    sets: Vec<usize>,
    /// Test files with findings.
    inputs: Vec<Input>,
    findings: Vec<Finding>,
    results: Vec<TestResult>,
    unreached: Option<Vec<Unreached>>,
    recorded: usize,
    packages: bool,
    duration: Duration,
}

/// Reads all files, and runs the tests unless a file is invalid.
///
/// # Errors
///
/// There are no test files, or Python cannot run them.
pub(super) fn run_once(args: &TestArgs, limits: &Limits) -> Result<Run, TestError> {
    let (paths, manifests) = find_tests(&args.paths)?;
    let mut run = Run { packages: args.packages, ..Run::default() };
    for path in paths {
        run.read(path, &manifests, &args.namespace);
    }
    let apps: Vec<BTreeMap<AppKey, App>> = run.manifests.iter().map(apps).collect();
    let mut plan = TestPlan::default();
    if run.is_valid() {
        for (index, source) in run.sources.iter().enumerate() {
            let set = run.sets[index];
            if let Err(found) = plan.add((index, source), set, &apps[set], &args.filter) {
                let input = run.inputs.len();
                run.inputs.push(source.input.clone());
                run.findings.extend(found.into_iter().map(|finding| Finding { input, ..finding }));
            }
        }
    }
    if run.is_valid() && plan.tests.is_empty() && !args.filter.is_empty() {
        return Err(TestError::NoMatch(args.filter.clone()));
    }
    if run.is_valid() {
        let begun = Instant::now();
        run.run(plan, &apps, args, limits)?;
        run.duration = begun.elapsed();
        run.unreached = args.coverage.then(|| unreached(&run.results, &apps, &run.sets, &run.manifests));
        if args.record {
            run.record()?;
        }
    }
    Ok(run)
}

impl Run {
    /// Reads a test file and its manifests.
    fn read(&mut self, path: PathBuf, manifests: &[PathBuf], namespace: &str) {
        let source = match read_test(path, manifests) {
            Ok(source) => source,
            Err(found) => {
                let (input, finding) = *found;
                self.findings.push(Finding { input: self.inputs.len(), ..finding });
                self.inputs.push(input);
                return;
            }
        };
        let known = self.sources.iter().position(|other| other.manifests == source.manifests);
        let set = known.map_or(self.manifests.len(), |known| self.sets[known]);
        if set == self.manifests.len() {
            self.manifests.push(ManifestSet::read(&source.manifests, namespace));
        }
        self.sets.push(set);
        self.sources.push(source);
    }

    /// Whether the tests can run. Errors of code do not prevent that: the tests show what the code does.
    fn is_valid(&self) -> bool {
        self.findings.is_empty() && self.manifests.iter().all(ManifestSet::fits_schema)
    }

    /// Runs the tests of a plan: those that import the same packages in one process.
    fn run(
        &mut self,
        mut plan: TestPlan,
        apps: &[BTreeMap<AppKey, App>],
        args: &TestArgs,
        limits: &Limits,
    ) -> Result<(), TestError> {
        let mut folders = BTreeMap::<(usize, AppKey), Option<PathBuf>>::new();
        let mut by_packages = BTreeMap::<Option<PathBuf>, TestPlan>::new();
        for test in mem::take(&mut plan.tests) {
            let key = (self.sets[test.source], test.app.clone());
            let folder = match folders.get(&key) {
                Some(known) => known.clone(),
                None if args.packages => packages::install(&apps[key.0][&key.1], &limits.python)?,
                None => None,
            };
            folders.insert(key, folder.clone());
            let part = by_packages.entry(folder.clone()).or_insert_with(|| TestPlan {
                apps: plan.apps.clone(),
                tests: Vec::new(),
                packages: folder,
            });
            part.add_test(test);
        }
        for part in by_packages.into_values() {
            let mut ends = Vec::with_capacity(part.tests.len());
            run_tests(&part, limits, |_, end| ends.push(end))?;
            for (test, end) in part.tests.into_iter().zip(ends) {
                let case = &self.sources[test.source].content.tests[test.case];
                let failures = failures(case, &end);
                self.results.push(TestResult { test, end, failures });
            }
        }
        self.results.sort_by_key(|result| (result.test.source, result.test.case));
        Ok(())
    }

    /// Writes what came into tests that have no expectation.
    fn record(&mut self) -> Result<(), TestError> {
        for (index, source) in self.sources.iter().enumerate() {
            let results: Vec<&TestResult> =
                self.results.iter().filter(|result| result.test.source == index).collect();
            self.recorded += record_file(source, &results)?;
        }
        Ok(())
    }

    /// Returns the files that the run read.
    pub(super) fn files(&self) -> Vec<&Path> {
        let tests = self.sources.iter().map(|source| source.path.as_path());
        let manifests = self.sources.iter().flat_map(|source| source.manifests.iter().map(PathBuf::as_path));
        tests.chain(manifests).collect()
    }

    /// Returns the exit code of `test`.
    #[must_use]
    pub(super) fn exit_code(&self) -> u8 {
        let unreadable = self.findings.iter().any(|finding| finding.rule == rule::UNREADABLE)
            || self.manifests.iter().any(ManifestSet::has_unreadable);
        if unreadable {
            EXIT_UNREADABLE
        } else if !self.is_valid()
            || self.manifests.iter().any(ManifestSet::has_errors)
            || self.results.iter().any(|result| !result.failures.is_empty())
        {
            EXIT_FAILED
        } else {
            0
        }
    }

    /// Prints the findings of manifests that the cluster would refuse although their tests run.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(super) fn print_refusals(&self, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        if self.is_valid() {
            for manifests in self.manifests.iter().filter(|set| set.has_errors()) {
                writeln!(out, "the cluster refuses these manifests:")?;
                manifests.print_findings(terminal, out)?;
            }
        }
        Ok(())
    }

    /// Prints the results, or the findings of invalid files.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(super) fn print(&self, format: TestFormat, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        if !self.is_valid() {
            return self.print_findings(format, terminal, out);
        }
        let report = TestReport {
            sources: &self.sources,
            manifests: &self.manifests,
            sets: &self.sets,
            results: &self.results,
            unreached: self.unreached.as_deref(),
            packages: self.packages,
            duration: self.duration,
        };
        match format {
            TestFormat::Human => print_human(&report, out)?,
            TestFormat::Json => print_json(&report, out)?,
            TestFormat::Junit => print_junit(&report, out)?,
            TestFormat::Github => print_github(&report, out)?,
        }
        if self.recorded > 0 && format == TestFormat::Human {
            writeln!(out, "recorded what came in {} tests: review it before you commit", self.recorded)?;
        }
        Ok(())
    }

    fn print_findings(&self, format: TestFormat, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        let format = match format {
            TestFormat::Human | TestFormat::Junit => Format::Human,
            TestFormat::Json => Format::Json,
            TestFormat::Github => Format::Github,
        };
        if !self.findings.is_empty() {
            let report = ValidationReport {
                inputs: &self.inputs,
                findings: &self.findings,
                documents: self.inputs.len(),
            };
            print_report(&report, format, terminal, out)?;
        }
        let broken = self.manifests.iter().filter(|set| !set.fits_schema());
        for manifests in broken {
            manifests.print_findings_as(format, terminal, out)?;
        }
        Ok(())
    }
}
