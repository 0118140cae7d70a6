//! Prints the results next to those of the peer.

use std::time::Duration;

use crate::{
    load::{Case, Outcome},
    support::times::Times,
};

/// Prints the head of the table.
pub(crate) fn head() {
    println!(
        "{:38}{:>17}{:7}{:>17}{:>17}{:7}{:>17}{:>17}{:7}{:>8}",
        "", "reviews/s", "", "p50 ms", "p99 ms", "", "worst ms", "CPU µs/review", "", "client"
    );
    let columns = columns("ours", "peer");
    let compared = format!("{columns} {:>6}", "ratio");
    println!("{:38}{compared}{columns}{compared}{columns}{compared}{:>8}", "", "µs");
}

/// Prints the row of a case: our outcome, and the peer's.
pub(crate) fn row(case: &Case, outcomes: [Outcome; 2]) {
    let [ours, peer] = outcomes.map(Figures::from_outcome);
    let two = |value: f64| format!("{value:.2}");
    let none = |value: f64| format!("{value:.0}");
    let row = [
        compared(ours.rate, peer.rate, none),
        columns(&two(ours.p50), &two(peer.p50)),
        compared(ours.p99, peer.p99, two),
        columns(&two(ours.worst), &two(peer.worst)),
        compared(ours.server, peer.server, none),
    ];
    let protocol = format!("{:?}", case.protocol);
    println!("{protocol:6}{:10}{:22}{}{:8.0}", case.path, case.what, row.concat(), ours.client);
}

/// Prints a row of memory: ours and the peer's in MiB.
pub(crate) fn memory(when: &str, [ours, peer]: [f64; 2]) {
    println!("{when:38}{}", compared(ours, peer, |value| format!("{value:.1}")));
}

/// What is shown of an outcome: milliseconds, and microseconds of processors a review.
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    worst: f64,
    server: f64,
    client: f64,
}

impl Figures {
    fn from_outcome(outcome: Outcome) -> Self {
        let times = Times::new(outcome.times);
        let count = times.count() as f64;
        let each = |taken: Duration| taken.as_secs_f64() * 1e6 / count;
        Self {
            rate: count / outcome.length.as_secs_f64(),
            p50: times.at(0.5),
            p99: times.at(0.99),
            worst: times.at(1.0),
            server: each(outcome.server),
            client: each(outcome.client),
        }
    }
}

/// Ours, the peer's, and ours in shares of the peer's.
fn compared(ours: f64, peer: f64, shown: impl Fn(f64) -> String) -> String {
    format!("{} {:>6.2}", columns(&shown(ours), &shown(peer)), ours / peer)
}

fn columns(ours: &str, peer: &str) -> String {
    format!("{ours:>9}{peer:>8}")
}
