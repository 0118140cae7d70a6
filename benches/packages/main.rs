//! Measures the installation of packages, and pip and tar with the same packages, in one run. Nothing is
//! asserted: machines are noisy, so the reader compares the results.
//!
//! Needs an index with the packages: PyPI, or `INDEX_URL`.

mod installer;
#[path = "../../tests/packages/tools.rs"]
mod tools;

use std::{
    cmp::Ordering,
    fs, io,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use installer::{Emulator, install};

/// Typical packages of a data scientist.
const PACKAGES: [&str; 4] = ["pandas", "scipy", "scikit-learn", "requests"];

/// Number of measurements of short operations; the median counts.
const REPETITIONS: usize = 7;

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let uv = tools::uv();

    println!("\n{} on this machine:", PACKAGES.join(", "));
    let pip = measure(|| install_with_pip(&at("pip")))?;
    let pack = measure(|| {
        run(Command::new("tar").arg("czf").arg(at("pip.tar.gz")).arg("-C").arg(at("pip")).arg("."))
    })?;
    fs::create_dir(at("unpacked"))?;
    let unpack =
        measure(|| run(Command::new("tar").arg("xzf").arg(at("pip.tar.gz")).arg("-C").arg(at("unpacked"))))?;
    let reference = pip + pack + unpack;
    let detail = format!("pip {pip:.1?}, tar czf {pack:.1?}, tar xzf {unpack:.1?}");
    print_row("(a) pip and tar", reference, &detail);

    let emulator = Emulator::start(folder.path())?;
    let cold = install(&at("cold"), &uv, Some(&emulator), false)?;
    let share = cold.took.as_secs_f64() / reference.as_secs_f64();
    print_row(
        "(b) installer, with an empty cache",
        cold.took,
        &format!("{share:.2} of (a), expected: at most 0.33"),
    );

    let tree = fs::canonicalize(at("cold").join("members/app-0"))?;
    let mut copies = Vec::new();
    let mut fetches = Vec::new();
    let mut memory = cold.memory;
    for i in 0..REPETITIONS {
        let target = at(&format!("copy{i}"));
        copies.push(measure(|| run(Command::new("cp").arg("-r").arg(&tree).arg(&target)))?);
        let fetched = install(&at(&format!("fetched{i}")), &uv, Some(&emulator), false)?;
        memory = memory.max(fetched.memory);
        fetches.push(fetched.took);
    }
    // Each fetch is compared with the copy just before it, because the speed of a machine varies over time.
    let pairs = fetches.iter().zip(&copies);
    let ratio = median(pairs.map(|(fetch, copy)| fetch.as_secs_f64() / copy.as_secs_f64()).collect());
    let (copy, fetch) = (median(copies), median(fetches));
    print_row(
        "(c) installer, from the cache",
        fetch,
        &format!("{ratio:.2} of the (d) before it, expected: at most 1.3"),
    );
    print_row("(d) cp -r of the same files", copy, "lower bound of (c)");

    install(&at("shared"), &uv, Some(&emulator), true)?;
    let warm = (0..REPETITIONS)
        .map(|_| Ok(install(&at("shared"), &uv, None, true)?.took))
        .collect::<io::Result<_>>()?;
    print_row("a warm start, with the set on the claim", median(warm), "expected: under 50 ms");
    println!("{:<44} {memory:>9.1} MiB  expected: under 128 MiB", "peak memory of the installer itself");
    Ok(())
}

fn print_row(what: &str, took: Duration, note: &str) {
    println!("{what:<44} {:>9.3} s    {note}", took.as_secs_f64());
}

fn measure(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    flush_disk();
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

/// Waits until everything is written to the disk. Otherwise pending writes would affect the next measurement.
fn flush_disk() {
    rustix::fs::sync();
}

fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    values[values.len() / 2]
}

fn run(command: &mut Command) -> io::Result<()> {
    if command.status()?.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?} failed"))) }
}

/// Installs like the Python operator.
fn install_with_pip(target: &Path) -> io::Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--target"]).arg(target).args(PACKAGES);
    if let Ok(index) = std::env::var("INDEX_URL") {
        pip.args(["--index-url", &index]);
    }
    run(&mut pip)
}
