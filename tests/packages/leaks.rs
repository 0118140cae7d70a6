//! Random passwords in every kind of address, with the real tools: nothing shows a part of them.

use std::{fs, path::Path};

use proptest::{
    prelude::Strategy,
    test_runner::{Config, TestRunner},
};

use crate::{
    index::Index,
    installer::{Container, TOOLS, Tool, Volume},
    shims, tools,
    wheels::Wheel,
};

/// Letters that hardly occur in logs next to each other, and every character at which parsers cut an address.
const PASSWORD: &str = "[QXZJKVWYqxzjkvwy]{4,6}([@/#?% ][QXZJKVWYqxzjkvwy]{2,6}){2,4}";

/// Shortest part that must not be shown, in characters.
const PART: usize = 4;

/// Configures the addresses of a container: each uses the password in another place.
type Addresses = fn(Container, &Index) -> Container;

/// Packages, and addresses that refuse the password.
const CASES: [(&str, Addresses); 3] = [
    ("kaspr-none", |container, index| {
        let address = |mode: &str| index.url(mode).replace("http://", "http://me:${PASSWORD}@");
        container.env("INDEX_URL", address("auth")).env("EXTRA_INDEX_URLS", address("forbidden"))
    }),
    ("kaspr-repo @ REPOSITORY@v1", |container, index| container.env("INDEX_URL", index.url("open"))),
    ("kaspr-none", |container, index| {
        let proxy = |password: &str| {
            index
                .url("open")
                .replace("/open/simple", "")
                .replace("http://", &format!("http://me:{password}@"))
        };
        let password = container.variable("PASSWORD");
        let encoded: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
        // One as it must be written, and one as people write it.
        container
            .env("HTTP_PROXY", proxy(&encoded.replace('+', "%20")))
            .env("HTTPS_PROXY", proxy(&password))
            .env("INDEX_URL", "http://index.invalid/missing/simple")
            .env("EXTRA_INDEX_URLS", "https://index.invalid/missing/simple")
    }),
];

/// Returns the parts of a password that would show it.
fn parts(password: &str) -> Vec<String> {
    let characters: Vec<char> = password.chars().collect();
    let windows = characters.windows(PART).map(|window| window.iter().collect::<String>());
    windows.filter(|part| part.chars().filter(char::is_ascii_alphabetic).count() > PART / 2).collect()
}

/// Returns the arguments that programs received.
fn recorded(folder: &Path) -> String {
    let files = fs::read_dir(folder).expect("a directory").flatten();
    let files = files.filter(|entry| entry.file_name().to_string_lossy().starts_with("seen."));
    files.map(|entry| fs::read_to_string(entry.path()).expect("text")).collect()
}

fn assert_hidden(tool: Tool, (package, addresses): &(&str, Addresses), index: &Index, password: &str) {
    let (volume, seen) = (Volume::new(), tempfile::tempdir().expect("a directory"));
    let package = package.replace("REPOSITORY", &index.repository("me:${PASSWORD}"));
    let script = format!("echo \"$0 $*\" >> {}", seen.path().join("seen.arguments").display());
    let git = tools::python("import shutil; print(shutil.which('git'))");
    shims::wrap(seen.path(), Path::new(&git), &script);
    let path = format!("{}:{}", seen.path().display(), std::env::var("PATH").expect("a path"));
    let container = volume
        .container("app-0", "leaks", tool, &[&package])
        .env("PASSWORD", password)
        .env("PATH", path)
        .env("UV_HTTP_RETRIES", "0")
        .env("GIT_TRACE", seen.path().join("seen.git"))
        .env("PYTHON", shims::wrap_python(seen.path(), &script));
    let container = match tool {
        Tool::Uv => container.env("UV", shims::wrap(seen.path(), &tools::uv(), &script)),
        Tool::Pip => container,
    };
    let outcome = addresses(container, index).run();
    assert!(!outcome.starts, "{}", outcome.log);
    let report = serde_json::to_string(&outcome.report).expect("a report");
    let arguments = recorded(seen.path());
    assert!(arguments.contains("install"), "{arguments}");
    for part in parts(password) {
        for (place, text) in [("log", &outcome.log), ("report", &report), ("arguments", &arguments)] {
            assert!(!text.contains(&part), "{tool:?}: '{part}' of '{password}' in the {place}: {text}");
        }
    }
}

#[test]
fn no_part_of_a_random_password_is_shown() {
    let index = Index::new(&[Wheel::new("kaspr-other", "1.0")]);
    let mut runner = TestRunner::new(Config { cases: 2, failure_persistence: None, ..Config::default() });
    let passwords = proptest::string::string_regex(PASSWORD).expect("an expression");
    let result = runner.run(&passwords.no_shrink(), |password| {
        for tool in TOOLS {
            CASES.iter().for_each(|case| assert_hidden(tool, case, &index, &password));
        }
        Ok(())
    });
    result.expect("hidden");
}
