//! What an install of packages costs, beside what pip and tar take for the same, in one run. Nothing
//! is asserted: machines are noisy, and a reader judges.
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

/// A data scientist's set.
const PACKAGES: [&str; 4] = ["pandas", "scipy", "scikit-learn", "requests"];

/// How often what is short is measured; the middle one counts.
const TIMES: usize = 7;

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let uv = tools::uv();

    println!("\n{} on this machine:", PACKAGES.join(", "));
    let pip = timed(|| pip(&at("pip")))?;
    let pack = timed(|| {
        run(Command::new("tar").arg("czf").arg(at("pip.tar.gz")).arg("-C").arg(at("pip")).arg("."))
    })?;
    fs::create_dir(at("unpacked"))?;
    let unpack =
        timed(|| run(Command::new("tar").arg("xzf").arg(at("pip.tar.gz")).arg("-C").arg(at("unpacked"))))?;
    let yardstick = pip + pack + unpack;
    let detail = format!("pip {pip:.1?}, tar czf {pack:.1?}, tar xzf {unpack:.1?}");
    row("(a) pip and tar", yardstick, &detail);

    let emulator = Emulator::start(folder.path())?;
    let cold = install(&at("cold"), &uv, Some(&emulator), false)?;
    let share = cold.took.as_secs_f64() / yardstick.as_secs_f64();
    row(
        "(b) ours, nothing kept yet, and kept then",
        cold.took,
        &format!("{share:.2} of (a), expected: at most 0.33"),
    );

    let tree = fs::canonicalize(at("cold").join("members/app-0"))?;
    let mut copies = Vec::new();
    let mut fetches = Vec::new();
    let mut memory = cold.memory;
    for i in 0..TIMES {
        let target = at(&format!("copy{i}"));
        copies.push(timed(|| run(Command::new("cp").arg("-r").arg(&tree).arg(&target)))?);
        let fetched = install(&at(&format!("fetched{i}")), &uv, Some(&emulator), false)?;
        memory = memory.max(fetched.memory);
        fetches.push(fetched.took);
    }
    // Each beside the copy just before it: disks and machines are slower at one time than at another.
    let pairs = fetches.iter().zip(&copies);
    let ratio = middle(pairs.map(|(fetch, copy)| fetch.as_secs_f64() / copy.as_secs_f64()).collect());
    let (copy, fetch) = (middle(copies), middle(fetches));
    row(
        "(c) ours, from the store",
        fetch,
        &format!("{ratio:.2} of the (d) before it, expected: at most 1.3"),
    );
    row("(d) cp -r of the same files", copy, "the floor of (c)");

    install(&at("shared"), &uv, Some(&emulator), true)?;
    let warm =
        (0..TIMES).map(|_| Ok(install(&at("shared"), &uv, None, true)?.took)).collect::<io::Result<_>>()?;
    row("a warm start, the set on the claim", middle(warm), "expected: under 50 ms");
    println!("{:<44} {memory:>9.1} MiB  expected: under 128 MiB", "peak memory of the installer itself");
    Ok(())
}

fn row(what: &str, took: Duration, note: &str) {
    println!("{what:<44} {:>9.3} s    {note}", took.as_secs_f64());
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    settle();
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

/// Waits until what was written before is on the disk: else what is measured next shares its processors
/// with that.
fn settle() {
    rustix::fs::sync();
}

fn middle<T: Copy + PartialOrd>(mut of: Vec<T>) -> T {
    of.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    of[of.len() / 2]
}

fn run(command: &mut Command) -> io::Result<()> {
    if command.status()?.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?} failed"))) }
}

/// As the published operator installs.
fn pip(target: &Path) -> io::Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--target"]).arg(target).args(PACKAGES);
    if let Ok(index) = std::env::var("INDEX_URL") {
        pip.args(["--index-url", &index]);
    }
    run(&mut pip)
}
