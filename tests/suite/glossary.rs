//! The words that the project does not use, from the table in `docs/contributing.md`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The heading of the table.
const HEADING: &str = "### Words that we do not use";

/// What other programs print, and tests compare.
const QUOTED: &[&str] = &["Server got itself in trouble"];

/// What is searched.
const ROOTS: &[&str] = &[
    "Cargo.toml",
    "CHANGELOG.md",
    "Makefile",
    "README.md",
    "benches",
    "certs",
    "crates",
    "deploy",
    "docs",
    "examples",
    "fuzz/targets",
    "src",
    "tests",
    "webhook-config",
];

/// The words, each with what to write instead.
fn unused_words(page: &str) -> Vec<(String, String)> {
    let table = page.split(HEADING).nth(1).expect("the table of words");
    let rows =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let mut words = Vec::new();
    for row in rows.skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [unused, instead] = cells[..] else { panic!("two columns: {row}") };
        words.extend(unused.split(", ").map(|word| (word.to_owned(), instead.to_owned())));
    }
    words
}

/// Returns whether a line has a word or phrase. The parts of an identifier count as words, so that test
/// names are read too.
fn has_word(line: &str, word: &str) -> bool {
    // Python compares with `is None`.
    let line = line.replace("is None", "").to_lowercase();
    let line = if word.contains(' ') { line } else { line.replace('_', " ") };
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}

/// Returns whether a line has a word or phrase, or begins a phrase that ends on the next line.
fn begins_in(line: &str, next: &str, word: &str) -> bool {
    let next = next.trim_start_matches(|c: char| !c.is_alphanumeric());
    has_word(line, word) || (has_word(&format!("{} {next}", line.trim_end()), word) && !has_word(next, word))
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        found.push(path.to_owned());
        return;
    }
    for entry in fs::read_dir(path).expect("a folder") {
        let entry = entry.expect("an entry").path();
        // What the Python operator wrote, CRDs and schemas: their texts of Kubernetes are not ours, and ours are in src.
        let foreign = ["tests/golden", "node_modules", "files/crds", "deploy/schemas"];
        if !foreign.iter().any(|folder| entry.ends_with(folder)) {
            files(&entry, found);
        }
    }
}

#[test]
fn nothing_uses_words_that_the_glossary_replaces() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contributing = root.join("docs/contributing.md");
    let words = unused_words(&fs::read_to_string(&contributing).expect("the page"));
    let mut all = Vec::new();
    ROOTS.iter().for_each(|name| files(&root.join(name), &mut all));
    let mut uses = Vec::new();
    for path in all {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = QUOTED.iter().fold(text, |text, quoted| text.replace(quoted, ""));
        // The page lists the words; this test names two of them.
        if path == contributing || path.ends_with("tests/suite/glossary.rs") {
            continue;
        }
        let shown = path.strip_prefix(root).unwrap_or(&path).display();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let next = lines.get(number + 1).copied().unwrap_or_default();
            for (word, instead) in words.iter().filter(|(word, _)| begins_in(line, next, word)) {
                uses.push(format!("{shown}:{}: '{word}', write {instead}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(uses.is_empty(), "{} uses\n{}", uses.len(), uses.join("\n"));
}

#[test]
fn words_are_found_in_prose_and_in_names() {
    assert!(has_word("Nobody knows.", "nobody"));
    assert!(has_word("fn nobody_is_asked() {", "nobody"));
    assert!(has_word("the Published operator's", "published operator"));
    assert!(!has_word("amended", "mend"));
    assert!(!has_word("value.is_none()", "is none"));
    assert!(!has_word("if value is None:", "is none"));
}

#[test]
fn phrases_are_found_across_lines() {
    assert!(begins_in("/// the published", "    /// operator's hashes", "published operator"));
    assert!(!begins_in("/// The hashes of", "/// the published operator", "published operator"));
    assert!(!begins_in("/// it is", "/// None", "mend"));
}

#[test]
fn the_table_is_read() {
    let page =
        format!("# Page\n{HEADING}\n\nText.\n\n| not | but |\n|---|---|\n| mend, mends | fix |\n\nMore.\n");
    let fix = |word: &str| (word.to_owned(), "fix".to_owned());
    assert_eq!(unused_words(&page), [fix("mend"), fix("mends")]);
}
