//! Measures the commands that read files with large streams. Nothing is asserted: measurements vary between machines.
//!
//! Next to time and peak memory, each row has two yardsticks of the same run: the time that a YAML parser needs for
//! the same text, and the time for a quarter of the documents, times four. A factor of 1 to the second is linear.

use std::{
    fmt::Write,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Documents of the large streams.
const DOCUMENTS: usize = 10_000;

/// Components of each app.
const COMPONENTS: usize = 50;

/// Kind of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stream {
    /// No findings.
    Valid,
    /// A warning for six of ten documents.
    Warnings,
    /// An error in every document.
    Errors,
    /// One document, a List of valid resources.
    List,
    /// Valid resources as JSON documents on one line.
    OneLine,
    /// All components belong to one app.
    OneApp,
}

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("{DOCUMENTS} documents\n");
    println!("{:<32} {:>9} {:>9} {:>9} {:>9}", "command", "time", "memory", "parser", "linear");
    for (command, streams) in [
        (&["validate"][..], &[Stream::Valid, Stream::Warnings, Stream::Errors, Stream::List][..]),
        (&["validate"], &[Stream::OneLine, Stream::OneApp]),
        (&["validate", "--format", "sarif"], &[Stream::Errors]),
        (&["render"], &[Stream::Valid, Stream::OneApp, Stream::Errors]),
        (&["graph"], &[Stream::Valid, Stream::OneApp]),
        (&["graph", "-o", "mermaid"], &[Stream::OneApp]),
    ] {
        for stream in streams {
            let file = |count: usize| -> io::Result<_> {
                let path = folder.path().join(format!("{stream:?}-{count}.yaml"));
                fs::write(&path, text(*stream, count))?;
                Ok(path)
            };
            let (large, small) = (file(DOCUMENTS)?, file(DOCUMENTS / 4)?);
            let (time, memory) = measure(command, &large)?;
            let (quarter, _) = measure(command, &small)?;
            let name = format!("{} {stream:?}", command.join(" "));
            println!(
                "{name:<32} {:>7.2} s {:>5} MiB {:>8.1}x {:>8.2}x",
                time.as_secs_f64(),
                memory / 1024,
                time.as_secs_f64() / parse(&large)?.as_secs_f64(),
                time.as_secs_f64() / (4.0 * quarter.as_secs_f64()),
            );
        }
    }
    println!("\nexpected: under 3 s, under 300 MiB, and about 1x linear");
    Ok(())
}

/// Runs a command with a file. Returns its duration and peak memory, in KiB.
fn measure(command: &[&str], file: &Path) -> io::Result<(Duration, u64)> {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kaspr-operator"))
        .args(command)
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = size.unwrap_or_default().max(peak);
        thread::sleep(Duration::from_millis(2));
    }
    Ok((begun.elapsed(), peak))
}

/// Parses each document of a file into a value.
fn parse(file: &Path) -> io::Result<Duration> {
    let text = fs::read_to_string(file)?;
    let begun = Instant::now();
    for document in text.split("---\n") {
        let parsed: Result<Value, _> = serde_saphyr::from_str(document);
        // The parser has a limit for values, and other streams are several values.
        drop(std::hint::black_box(parsed));
    }
    Ok(begun.elapsed())
}

/// Returns a stream with a number of resources.
fn text(stream: Stream, count: usize) -> String {
    let apps = if stream == Stream::OneApp { 1 } else { count.div_ceil(COMPONENTS) };
    let documents: Vec<String> = (0..count).map(|i| document(stream, i, apps)).collect();
    match stream {
        Stream::List => {
            let mut list = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
            for document in &documents {
                let document = document.trim_end().replace('\n', "\n  ");
                _ = writeln!(list, "- {document}");
            }
            list
        }
        Stream::OneLine => {
            let values =
                documents.iter().map(|text| serde_saphyr::from_str::<Value>(text).unwrap_or_default());
            let items: Vec<Value> = values.collect();
            serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
        }
        _ => documents.join("---\n"),
    }
}

/// Returns a document: the first ones are apps, the others their agents.
fn document(stream: Stream, i: usize, apps: usize) -> String {
    let wrong = stream == Stream::Errors;
    let app = i % apps;
    if i < apps {
        let replicas = if wrong { "many" } else { "2" };
        return format!(
            "apiVersion: kaspr.io/v1alpha1\nkind: KasprApp\nmetadata: {{name: app-{app}}}\nspec:\n  bootstrapServers: kafka:9092\n  \
             replicas: {replicas}\n  storage: {{type: ephemeral, deleteClaim: false}}\n"
        );
    }
    let body = if wrong { "retrun value" } else { "return value" };
    let warns = stream == Stream::Warnings && i % 5 < 3;
    let (tables, parameter) = if warns { ("tables: [{name: none, paramName: t}]", ", t") } else { ("", "") };
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprAgent\nmetadata:\n  name: agent-{i}\n  labels: {{kaspr.io/app: app-{app}}}\nspec:\n  \
         description: Reads the topic of number {i} and counts it — ü\n  input:\n    topic: {{name: topic-{i}}}\n  \
         output:\n    topics:\n    - name: results-{i}\n  processors:\n    pipeline: [parse, count]\n    operations:\n    \
         - name: parse\n      map:\n        python: |\n          def parse(value):\n              {body}\n    \
         - name: count\n      {tables}\n      map:\n        python: |\n          def count(value{parameter}):\n              return value\n"
    )
}
