//! The table at the end, and what failed.

use std::{collections::BTreeMap, fmt::Display};

/// How much of a failure is shown.
const LINES: usize = 120;

/// Runs by what was run and how it was disturbed.
#[derive(Default)]
pub(crate) struct Report {
    counts: BTreeMap<(String, String), Count>,
    failures: Vec<String>,
}

#[derive(Default)]
struct Count {
    runs: usize,
    missed: usize,
    failed: usize,
}

impl Report {
    /// Counts a run.
    pub(crate) fn ran(&mut self, scenario: &str, fault: &impl Display) {
        self.count(scenario, fault).runs += 1;
    }

    /// Counts a run in which the fault did not strike.
    pub(crate) fn missed(&mut self, scenario: &str, fault: &impl Display) {
        let count = self.count(scenario, fault);
        count.runs += 1;
        count.missed += 1;
    }

    /// Counts a run that failed, and shows why.
    pub(crate) fn failed(&mut self, scenario: &str, fault: &impl Display, at: &str, error: &str) {
        let count = self.count(scenario, fault);
        count.runs += 1;
        count.failed += 1;
        let mut lines: Vec<&str> = error.lines().take(LINES + 1).collect();
        if lines.len() > LINES {
            lines[LINES] = "…";
        }
        let failure = format!("{scenario}, {fault} at {at}: {}", lines.join("\n  "));
        println!("FAILED {failure}\n");
        self.failures.push(failure);
    }

    /// Prints the table. Gives how many failures there were.
    pub(crate) fn print(&self) -> usize {
        println!("\n{:<12} {:<14} {:>5} {:>8} {:>9}", "scenario", "fault", "runs", "missed", "failures");
        for ((scenario, fault), Count { runs, missed, failed }) in &self.counts {
            println!("{scenario:<12} {fault:<14} {runs:>5} {missed:>8} {failed:>9}");
        }
        let sum = |of: fn(&Count) -> usize| self.counts.values().map(of).sum::<usize>();
        let (runs, missed) = (sum(|count| count.runs), sum(|count| count.missed));
        println!("{:<12} {:<14} {runs:>5} {missed:>8} {:>9}", "all", "", self.failures.len());
        self.failures.len()
    }

    fn count(&mut self, scenario: &str, fault: &impl Display) -> &mut Count {
        self.counts.entry((scenario.to_owned(), fault.to_string())).or_default()
    }
}
