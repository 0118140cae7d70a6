//! Where in a document the cursor is: the path of its field, found by indentation, so that it works while the YAML is
//! not valid.

use std::ops::Range;

use super::line::YamlLine;

/// A step from a block to a value in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The field of a map.
    Field(String),
    /// An item of a list.
    Item,
}

/// What is being written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Writing {
    /// The name of a field, or an item of a list.
    Key,
    /// The value of a field.
    Value,
}

/// The cursor in a document.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Path of the map with the key, or of the value.
    pub path: Vec<Step>,
    /// What is being written.
    pub writing: Writing,
    /// Bytes of the word before the cursor, in its line.
    pub word: Range<usize>,
    /// Names of the other fields of the map.
    pub siblings: Vec<String>,
    /// Kind of the manifest.
    pub kind: Option<String>,
}

impl Cursor {
    /// Finds the cursor at a line, from 0, and a byte in it. Returns `None` in comments and in blocks of text.
    #[must_use]
    pub(super) fn find(text: &str, row: usize, byte: usize) -> Option<Self> {
        let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
        let before = lines.get(row)?.get(..byte)?;
        let is_flow = |text: &str| text.trim_start().starts_with(['{', '[']);
        if before.trim_start().starts_with('#') {
            return None;
        }
        let is_separator = |line: &&str| line.starts_with("---");
        let first = lines[..row].iter().rposition(is_separator).map_or(0, |line| line + 1);
        let last = lines[row..].iter().skip(1).position(is_separator).map_or(lines.len(), |n| row + 1 + n);
        let lines = &lines[first..last];
        let row = row - first;

        let line = YamlLine::parse(before);
        let mut steps = Vec::new();
        let (writing, start) = match line.key() {
            Some((_, rest)) if is_flow(rest) => return None,
            None if is_flow(line.content) => return None,
            Some((key, rest)) => {
                steps.push(Step::Field(key.to_owned()));
                let word = before.trim_end().len() - rest.trim().len();
                (Writing::Value, if rest.trim().is_empty() { byte } else { word })
            }
            None => (Writing::Key, line.column.min(byte)),
        };
        let column = line.column;
        steps.extend(climb(lines, row, &line)?);
        steps.reverse();
        Some(Self {
            path: steps,
            writing,
            word: start..byte,
            siblings: siblings(lines, row, column),
            kind: lines.iter().find_map(|line| Some(line.strip_prefix("kind:")?.trim().to_owned())),
        })
    }
}

/// Returns the steps from a line to the root of its document, the innermost first.
fn climb(lines: &[&str], row: usize, line: &YamlLine<'_>) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut column = line.column;
    // Whether the parent may be a key in the same column, as that of a list.
    let mut in_list = enter_items(&line.dashes, &mut column, &mut steps);
    for line in lines[..row].iter().rev().map(|line| YamlLine::parse(line)) {
        if column == 0 && !in_list {
            break;
        }
        if line.is_blank() {
            continue;
        }
        let is_parent = line.column < column || (in_list && line.column == column && line.dashes.is_empty());
        if is_parent {
            steps.push(Step::Field(line.block_key()?.to_owned()));
        } else if line.column != column || line.dashes.is_empty() || in_list {
            // A field next to the path, or in a block next to it.
            continue;
        }
        column = line.column;
        in_list = enter_items(&line.dashes, &mut column, &mut steps);
    }
    (column == 0 && !in_list).then_some(steps)
}

/// Adds a step for each dash of a line. Returns whether there is one.
fn enter_items(dashes: &[usize], column: &mut usize, steps: &mut Vec<Step>) -> bool {
    for dash in dashes.iter().rev() {
        steps.push(Step::Item);
        *column = *dash;
    }
    !dashes.is_empty()
}

/// Returns the names of the other fields in the map with a line.
fn siblings(lines: &[&str], row: usize, column: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |line: &YamlLine<'_>| {
        if line.column == column {
            names.extend(line.key().map(|(key, _)| key.to_owned()));
        }
    };
    if YamlLine::parse(lines[row]).dashes.is_empty() {
        for line in
            lines[..row].iter().rev().map(|line| YamlLine::parse(line)).filter(|line| !line.is_blank())
        {
            add(&line);
            if line.indent() < column {
                break;
            }
        }
    }
    for line in lines[row + 1..].iter().map(|line| YamlLine::parse(line)).filter(|line| !line.is_blank()) {
        if line.indent() < column {
            break;
        }
        add(&line);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kind: Secret\n---\nkind: KasprAgent\nspec:\n  input:\n    topic:\n      name: a\n\n  processors:\n    \
                        operations:\n    - name: x\n      tables:\n      - name: t\n        paramName: p\n      map:\n        \
                        python: |\n          def f(x):\n            return x\n\n    - \n---\nkind: KasprTable\n";

    /// The path at the end of a line that contains a text, with what is being written.
    fn at(line: &str, add: &str) -> Option<(String, Writing)> {
        let row = TEXT.lines().position(|it| it.contains(line)).expect("a line");
        let mut lines: Vec<String> = TEXT.lines().map(str::to_owned).collect();
        lines[row].push_str(add);
        let cursor = Cursor::find(&lines.join("\n"), row, lines[row].len())?;
        assert_eq!(cursor.kind.as_deref(), Some("KasprAgent"));
        let steps = cursor.path.iter().map(|step| match step {
            Step::Field(name) => name.as_str(),
            Step::Item => "[]",
        });
        Some((steps.collect::<Vec<_>>().join("."), cursor.writing))
    }

    #[test]
    fn paths_follow_the_indentation() {
        let value = |path: &str| Some((path.to_owned(), Writing::Value));
        let key = |path: &str| Some((path.to_owned(), Writing::Key));
        assert_eq!(at("name: a", ""), value("spec.input.topic.name"));
        assert_eq!(at("name: t", ""), value("spec.processors.operations.[].tables.[].name"));
        assert_eq!(at("paramName", ""), value("spec.processors.operations.[].tables.[].paramName"));
        assert_eq!(at("python", ""), value("spec.processors.operations.[].map.python"));
        assert_eq!(at("def f", ""), None);
        assert_eq!(at("return x", ""), None);
        assert_eq!(at("    - ", ""), value("spec.processors.operations.[].name"));
        let row = TEXT.lines().position(|line| line == "    - ").expect("a line");
        let found = Cursor::find(TEXT, row, 6).expect("a cursor");
        assert_eq!(found.path.len(), 4);
        assert_eq!((found.writing, found.word), (Writing::Key, 6..6));
        assert_eq!(at("spec:", "x"), key(""));
    }

    #[test]
    fn keys_know_the_fields_next_to_them() {
        let row = TEXT.lines().position(|line| line.is_empty()).expect("a line");
        let lines: Vec<&str> =
            TEXT.lines().enumerate().map(|(i, line)| if i == row { "      pa" } else { line }).collect();
        let cursor = Cursor::find(&lines.join("\n"), row, 8).expect("a cursor");
        assert_eq!(cursor.path.len(), 3);
        assert_eq!((cursor.word, cursor.siblings), (6..8, vec!["name".to_owned()]));
        let blank = Cursor::find(TEXT, row, 0).expect("a cursor");
        assert_eq!(blank.siblings, ["spec", "kind"]);
    }
}
