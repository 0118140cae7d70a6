//! Prints results with their expected values.

use std::time::Duration;

use crate::{
    audit::{self, Counts},
    figures::{Figures, IDLE},
};

/// Requests with a lower number are printed as a total, not for each app.
const RARE: f64 = 0.01;

/// Prints the results for a number of apps.
pub(crate) fn print(figures: &Figures) {
    let Figures { apps, changes, worked, idle, changing, restart, .. } = figures;
    println!("\n{apps} apps, each with an agent and a table");
    row("creating the resources", &seconds(figures.created), "");
    row("until all objects are complete", &seconds(figures.complete), "");
    row("the same objects from a bare client (the baseline)", &seconds(figures.baseline), "");
    let ratio = figures.complete.as_secs_f64() / figures.baseline.as_secs_f64();
    row("ratio", &format!("{ratio:.2}"), "at most 1.5");
    row("until changes stop", &figures.settled.map_or("never".to_owned(), seconds), "");
    row("CPU until then", &seconds(worked.cpu), "");
    requests("requests for each app until then", &worked.requests, *apps, "");

    let rate = audit::total(&idle.requests) as f64 / IDLE.as_secs_f64();
    row("requests per second when idle, without leases", &format!("{rate:.2}"), "0");
    if !idle.requests.is_empty() {
        requests("requests when idle, in total", &idle.requests, 1, "");
    }
    row(&format!("CPU over {} s when idle", IDLE.as_secs()), &seconds(idle.cpu), "under 0.1 s");
    let expected = if *apps == 1000 { "under 120 MiB" } else { "" };
    row("resident memory without apps", &mebibytes(figures.empty), "");
    row("resident memory", &mebibytes(figures.resident), expected);
    row("peak memory", &mebibytes(figures.peak), expected);

    row("from a change to its StatefulSet, p50", &format!("{:.1} ms", changes.at(0.5)), "");
    row("from a change to its StatefulSet, p99", &format!("{:.1} ms", changes.at(0.99)), "under 100 ms");
    let each = changing.cpu.as_secs_f64() * 1e3 / changes.count() as f64;
    row("CPU for each change", &format!("{each:.2} ms"), "");
    requests("requests for each change", &changing.requests, changes.count(), "");

    row("restart, until ready", &seconds(figures.ready), "");
    row("CPU until changes stop", &seconds(restart.cpu), "");
    row("resident memory then", &mebibytes(figures.restarted), expected);
    requests("requests until then, in total", &restart.requests, 1, "no writes of objects");
}

/// Prints how figures grow from fewer apps to more.
pub(crate) fn growth(fewer: &Figures, more: &Figures) {
    println!("\ngrowth for each app from {} to {} apps (linear: 1.00)", fewer.apps, more.apps);
    let ratio = |what: &str, of: fn(&Figures) -> f64, expected| {
        let each = |figures: &Figures| of(figures) / figures.apps as f64;
        row(what, &format!("{:.2}", each(more) / each(fewer)), expected);
    };
    ratio("time until all objects are complete", |f| f.complete.as_secs_f64(), "at most 1.2");
    ratio("the same time for the baseline", |f| f.baseline.as_secs_f64(), "");
    ratio("CPU until changes stop", |f| f.worked.cpu.as_secs_f64(), "at most 1.2");
    ratio("resident memory beyond that without apps", |f| f.resident - f.empty, "at most 1.2");
    ratio("requests", |f| audit::total(&f.worked.requests) as f64, "at most 1.2");
}

/// Prints the number of requests per item, the most frequent first.
fn requests(what: &str, counts: &Counts, share: usize, expected: &str) {
    let shown = |count: usize| match share {
        1 => count.to_string(),
        _ => format!("{:.2}", count as f64 / share as f64),
    };
    row(what, &shown(audit::total(counts)), expected);
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (request, count) in counts {
        let rare = share > 1 && (*count as f64) < RARE * share as f64;
        let shown = if rare { format!("{count} in all") } else { shown(*count) };
        row(&format!("    {request}"), &shown, "");
    }
}

fn row(what: &str, figure: &str, expected: &str) {
    let expected = if expected.is_empty() { String::new() } else { format!("(expected: {expected})") };
    println!("{}", format!("  {what:54}{figure:>14}  {expected}").trim_end());
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn mebibytes(size: f64) -> String {
    format!("{size:.1} MiB")
}
