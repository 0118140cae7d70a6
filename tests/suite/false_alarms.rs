//! Code that CPython runs causes no error: every function of the standard library and of installed packages, taken as
//! an operation.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use kaspr_operator::{
    api::KasprAgent,
    validate::{Validate, rule},
};
use serde_json::json;

/// Names that a module has and code in an `exec` does not: an error about them is right.
const OF_MODULES: &[&str] = &["'__file__'", "'__path__'", "'__cached__'"];

fn python_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let skipped = ["test", "tests", "idlelib", "lib2to3", "turtledemo"];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !skipped.contains(&name.as_str()) {
            python_files(&path, files);
        } else if name.ends_with(".py") {
            files.push(path);
        }
    }
}

/// Returns the errors about what the code does, by their messages.
fn alarms(source: &str, entrypoint: &str) -> Vec<String> {
    let agent = json!({
        "metadata": { "name": "a", "labels": { "kaspr.io/app": "a" } },
        "spec": {
            "input": { "topic": { "name": "t" } },
            "processors": {
                "pipeline": ["a"],
                "operations": [{ "name": "a", "map": { "python": source, "entrypoint": entrypoint } }],
            },
        },
    });
    let agent: KasprAgent = serde_json::from_value(agent).expect("an agent");
    let mut found = Default::default();
    agent.validate(&kaspr_operator::validate::Path::root(), &mut found);
    let of_meaning = [rule::PYTHON_NAME, rule::PYTHON_CONTEXT, rule::PYTHON_SYNTAX];
    let errors = found.errors.into_iter().filter(|error| of_meaning.contains(&error.rule));
    errors.map(|error| error.problem.to_string()).collect()
}

#[test]
fn code_that_runs_causes_no_error() {
    let script =
        "import sysconfig; print(sysconfig.get_path('stdlib')); print(sysconfig.get_path('purelib'))";
    let output = Command::new("python3").args(["-c", script]).output().expect("Python");
    let folders = String::from_utf8(output.stdout).expect("text");
    let mut files = Vec::new();
    folders.lines().for_each(|folder| python_files(Path::new(folder), &mut files));
    files.sort();
    files.dedup();
    let (mut functions, mut read) = (0, 0);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for file in &files {
        let Ok(source) = fs::read_to_string(file) else { continue };
        if source.len() > 256 * 1024 || source.contains('\0') {
            continue;
        }
        read += 1;
        let names = source.lines().filter_map(|line| {
            let rest = line.strip_prefix("def ").or_else(|| line.strip_prefix("async def "))?;
            rest.split(['(', '[', ':']).next().map(str::trim)
        });
        for name in names.filter(|name| !name.is_empty()) {
            functions += 1;
            for alarm in alarms(&source, name) {
                if !OF_MODULES.iter().any(|known| alarm.contains(known)) {
                    found.insert(format!("{}: {alarm}", file.display()), name.to_owned());
                }
            }
        }
    }
    println!("{functions} functions of {read} files: {} errors", found.len());
    assert!(functions > 1000, "{functions} functions of {read} files");
    // Packages that happen to be installed may have errors of their own; those are only printed.
    let lines: Vec<String> = found
        .iter()
        .map(|(alarm, name)| format!("{name}: {alarm}"))
        .inspect(|line| println!("{line}"))
        .filter(|line| !line.contains("site-packages") && !line.contains("dist-packages"))
        .collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
