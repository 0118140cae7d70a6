//! Measures `test`. Nothing is asserted: measurements vary between machines.
//!
//! The yardstick of the same run is the start of Python with the modules that the harness imports.

use std::{
    fmt::Write,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Number of tests.
const TESTS: usize = 500;

/// Times that each command runs; the fastest one counts.
const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(root.join("examples/application.yaml"), folder.path().join("application.yaml"))?;
    let tests = folder.path().join("application_test.yaml");
    fs::write(&tests, text())?;
    let start =
        fastest(Command::new("python3").args(["-I", "-c", "import asyncio, json, pickle, uuid, decimal"]))?;
    let one = fastest(operator(&tests).args(["--filter", "test 7 "]))?;
    let all = fastest(&mut operator(&tests))?;
    println!("start of Python:  {:>7.2} s", start.as_secs_f64());
    println!("1 test:           {:>7.2} s", one.as_secs_f64());
    println!("{TESTS} tests:        {:>7.2} s (expected: under 5 s)", all.as_secs_f64());
    Ok(())
}

fn operator(tests: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspr-operator"));
    command.arg("test").arg(tests);
    command
}

/// Runs a command several times. Returns its shortest duration.
fn fastest(command: &mut Command) -> io::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let status = command.stdout(Stdio::null()).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("{command:?} ended with {status}")));
        }
        best = best.min(begun.elapsed());
    }
    Ok(best)
}

/// Returns tests that each send two messages through an agent to a table.
fn text() -> String {
    let mut text = "app: shop\ntests:\n".to_owned();
    for i in 0..TESTS {
        let _ = write!(
            text,
            "- name: test {i} of all\n  tables: {{shop-spent: {{ada: 10}}}}\n  send:\n  - {{topic: orders, value: {{customer: ada, amount: 2.5}}}}\n  - {{topic: orders, value: {{customer: bob, amount: {i}}}}}\n  expect: {{tables: {{shop-spent: {{ada: 12.5, bob: {i}}}}}}}\n"
        );
    }
    text
}
