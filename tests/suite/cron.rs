//! Cron expressions: the verdicts of `validate` and of croniter, which runs them, are equal.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::harness::{BINARY, text};

/// croniter and what it imports. The images of the framework have croniter 6, which does not know `W`.
const CRONITER: &[(&str, &str)] =
    &[("croniter", "6.0.0"), ("python-dateutil", "2.9.0.post0"), ("six", "1.17.0"), ("pytz", "2025.2")];

/// Prints, for each line, whether croniter reads it and finds a time at which it holds.
const VERDICTS: &str = "
import sys
from croniter import croniter
for line in sys.stdin.read().split('\\n'):
    try:
        croniter(line, start_time=1790000000).get_next(float)
        print('accepted')
    except Exception:
        print('refused')
";

/// Expressions that people write, and those that differ between implementations.
const WRITTEN: &[&str] = &[
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
    "@Hourly",
    "@reboot",
    "@every 5m",
    "0/5 * * * *",
    "* * * * * *",
    "* * * * * */10",
    "0 0 1 1 * 0 2050",
    "0 0 15W * *",
    "0 0 LW * *",
    "0 0 * * 5L",
    "0 0 * * L5",
    "0 0 L * *",
    "0 0 1,L * *",
    "1,,2 * * * *",
    "0 0 * * 1#2",
    "0 0 * * fri#5",
    "0 0 * * 1#6",
    "0 0 * * 1,2#1",
    "0 0 * * mon-fri#1",
    "0 0 ? * ?",
    "? * * * *",
    "0 0 30 2 *",
    "0 0 29 2 *",
    "0 0 31 4,6 *",
    "0 0 31 2 1",
    "0 0 * * 7",
    "0 0 * * 7 0",
    "0 0 * * 5-7",
    "0 0 * * fri-mon",
    "0 0 0 * *",
    "0 0 0 * * 0",
    "0 0 0-5 * *",
    "22-2 * * * *",
    "0 22-2 * * *",
    "*/0 * * * *",
    "*/70 * * * *",
    "H * * * *",
    "R * * * *",
    "R/15 * * * *",
    "R(5-2) * * * *",
    "5-5 * * * *",
    "jan * * * *",
    "0 0 1 jan-mar *",
    "0 0 1 JAN/2 *",
    "1-5/2,7 * * * *",
    "1/2/3 * * * *",
    "-5 * * * *",
    "5- * * * *",
    "* * * *",
    "",
    "  0   0 1 1 *  ",
    "1 2 3 4 5 6 7 8",
    "0 0 5-L * *",
    "0 0 L-5 * *",
    "0 0 * * 1-5#2",
    "0 0 * * *,1#1",
    "0 0 * 0 *",
    "0 0 8 * 1#2",
    "0 0 1 * 1#2",
    "0 0 L 2 L1",
    "0 0 21 * L1",
    "0 0 1 * * 0 1960-1980",
];

/// The years are near: what croniter says of a year depends on today, because it looks 50 years ahead.
const FIELDS: &[&[&str]] = &[
    &["*", "0", "30", "59", "60", "*/15", "5-10", "50-10", "0/7", "1-59/3", "07", "x", "-1", "1-"],
    &["*", "0", "23", "24", "*/6", "9-17", "22-4", "8/2", "", "1-23/0", "h"],
    &["*", "1", "31", "32", "0", "*/10", "l", "L", "10-20", "30-2", "15w", "1-l", "?", "0-3", "5/9"],
    &["*", "1", "12", "13", "0", "feb", "JUN", "mar-may", "oct-feb", "*/3", "apr/2", "februar", "2-2"],
    &[
        "*", "0", "6", "7", "8", "mon", "Sun", "fri-sun", "1-5", "5-1", "l3", "3l", "2#2", "wed#6", "?",
        "sat#1", "6-7",
    ],
    &["*", "0", "59", "60", "*/20", "1-3", "r"],
    &["*", "2050", "2100", "1969", "2030-2040", "2040/3"],
];

fn generated() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(17);
    let mut expression = || {
        let fields = FIELDS[..random.usize(5..=FIELDS.len())].iter().map(|values| {
            let items = if random.u8(..5) == 0 { 2 } else { 1 };
            let items: Vec<&str> = (0..items).filter_map(|_| random.choice(values.iter().copied())).collect();
            // Half of the fields are `*`: an expression with an error in each field shows one of them only.
            if random.bool() { "*".to_owned() } else { items.join(",") }
        });
        fields.collect::<Vec<_>>().join(" ")
    };
    (0..1000).map(|_| expression()).collect()
}

/// Runs a program. Returns its output, whatever its exit code.
fn output(command: &mut Command, input: String) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("an exit");
    writer.join().expect("a thread").expect("an open pipe");
    text(&output.stdout)
}

#[test]
fn verdicts_are_those_of_croniter() {
    let expressions: Vec<String> = WRITTEN.iter().map(|text| (*text).to_owned()).chain(generated()).collect();
    let paths = CRONITER.iter().map(|(name, version)| control_plane::from_pip(name, version).expect("pip"));
    let mut python = Command::new("python3");
    python.args(["-W", "ignore", "-c", VERDICTS]);
    python.env("PYTHONPATH", env::join_paths(paths).expect("paths"));
    let theirs = output(&mut python, expressions.join("\n"));
    let theirs: Vec<&str> = theirs.lines().collect();

    let task = |(number, cron): (usize, &String)| {
        let name = format!("task-{number}");
        let task = serde_json::json!({
            "apiVersion": "kaspr.io/v1alpha1",
            "kind": "KasprTask",
            "metadata": {"name": name, "labels": {"kaspr.io/app": "shop"}},
            "spec": {
                "name": name,
                "schedule": {"cron": cron},
                "processors": {"pipeline": ["m"], "operations": [{"name": "m", "map": {"python": "def m():\n  return 1"}}]},
            },
        });
        format!("---\n{task}\n")
    };
    let manifests: String = expressions.iter().enumerate().map(task).collect();
    let ours = output(Command::new(BINARY).args(["validate", "--format", "json", "-"]), manifests);
    let mut refused = vec![false; expressions.len()];
    for line in ours.lines() {
        let finding: Value = serde_json::from_str(line).expect("JSON");
        if finding["severity"] == "error" && finding["rule"] == "cron" {
            let name = finding["name"].as_str().expect("a name");
            refused[name.trim_start_matches("task-").parse::<usize>().expect("a number")] = true;
        }
    }
    let ours = refused.iter().map(|refused| if *refused { "refused" } else { "accepted" });
    let different: Vec<_> = expressions
        .iter()
        .zip(theirs.iter().zip(ours))
        .filter(|(_, (theirs, ours))| *theirs != ours)
        .collect();
    assert_eq!(different, []);
    assert_eq!(theirs.len(), expressions.len());
    let accepted = theirs.iter().filter(|verdict| **verdict == "accepted").count();
    assert!(
        (200..800).contains(&accepted),
        "{accepted} expressions are accepted, so the cases are one-sided"
    );
}
