//! Completion of names of fields, of values, and of names in the folder; and the documentation of fields.

use std::{collections::BTreeSet, path::Path};

use ls_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, Hover, HoverContents,
    MarkupContent, MarkupKind, Position, Range, TextEdit,
};

use super::{
    cursor::{Cursor, Step, Writing},
    fields::{SchemaField, schema_of},
    line::YamlLine,
    names::FolderNames,
    positions::{byte_at, units},
};
use crate::{cli::validate::is_test_file, naming::APP_LABEL};

/// A position in an open document.
pub(super) struct Question<'a> {
    /// Path of the document.
    pub path: &'a Path,
    /// Text of the document.
    pub text: &'a str,
    /// Names in its folder.
    pub names: Option<&'a FolderNames>,
    /// The position.
    pub position: Position,
}

impl<'a> Question<'a> {
    /// Returns the line and its number.
    fn line(&self) -> (&'a str, usize) {
        let row = usize::try_from(self.position.line).unwrap_or(usize::MAX);
        (self.text.split('\n').nth(row).unwrap_or_default(), row)
    }
}

/// Returns what may be written at a position.
#[must_use]
pub(super) fn complete(question: &Question<'_>) -> Vec<CompletionItem> {
    let (line, row) = question.line();
    let byte = byte_at(line, question.position.character);
    let Some(cursor) = Cursor::find(question.text, row, byte) else { return Vec::new() };
    let at = |byte: usize| Position { character: units(&line[..byte]), ..question.position };
    let word = Range { start: at(cursor.word.start), end: at(cursor.word.end) };
    let schema = schema_of(question.path, cursor.kind.as_deref()).and_then(|root| root.at(&cursor.path));
    let fields = schema.map(SchemaField::fields).unwrap_or_default();
    if cursor.writing == Writing::Key && !fields.is_empty() {
        let free = fields.into_iter().filter(|(name, ..)| !cursor.siblings.iter().any(|it| it == name));
        return free.map(|(name, field, required)| field_item(name, field, required, word)).collect();
    }
    let values = schema.map(SchemaField::values).unwrap_or_default();
    let values = values.into_iter().map(|value| item(value.clone(), value, CompletionItemKind::VALUE, word));
    let is_key = cursor.writing == Writing::Key;
    let names = question.names.and_then(|names| names_at(names, &cursor, is_test_file(question.path)));
    let names = names.into_iter().flatten().map(|name| {
        let text = if is_key && !matches!(cursor.path.last(), Some(Step::Item)) {
            format!("{name}: ")
        } else {
            name.clone()
        };
        item(name.clone(), text, CompletionItemKind::REFERENCE, word)
    });
    values.chain(names).collect()
}

fn field_item(name: &str, field: SchemaField, required: bool, word: Range) -> CompletionItem {
    let is_block = field.has_type("object") || field.has_type("array");
    let text = if is_block { format!("{name}:") } else { format!("{name}: ") };
    let documentation = field.description().map(|text| Documentation::MarkupContent(markdown(text)));
    let detail = required.then(|| "required".to_owned());
    CompletionItem { documentation, detail, ..item(name.to_owned(), text, CompletionItemKind::FIELD, word) }
}

fn item(label: String, new_text: String, kind: CompletionItemKind, range: Range) -> CompletionItem {
    let text_edit = Some(CompletionTextEdit::Edit(TextEdit { range, new_text }));
    CompletionItem { label, kind: Some(kind), text_edit, ..CompletionItem::default() }
}

/// Returns the names that a field may have.
fn names_at<'a>(names: &'a FolderNames, cursor: &Cursor, in_test: bool) -> Option<&'a BTreeSet<String>> {
    let steps = cursor.path.iter().map(|step| match step {
        Step::Field(name) => name.as_str(),
        Step::Item => "[]",
    });
    let steps: Vec<&str> = steps.collect();
    match (cursor.writing, in_test, steps.as_slice()) {
        (Writing::Value, false, [.., "tables", "[]", "name"] | ["spec", "leftTable" | "rightTable"])
        | (Writing::Key, true, [.., "tables"]) => Some(&names.tables),
        (Writing::Value, false, [.., "topic" | "topicSend", "name"] | [.., "topics", "[]", "name"])
        | (Writing::Value, true, [.., "send", "[]", "topic"])
        | (Writing::Key, true, [.., "topics"]) => Some(&names.topics),
        (Writing::Value, false, [.., "channel", "name"])
        | (Writing::Value, true, [.., "send", "[]", "channel"]) => Some(&names.channels),
        (Writing::Value, true, [.., "run", "task"]) => Some(&names.tasks),
        (Writing::Value, true, ["app"]) => Some(&names.apps),
        (Writing::Value, false, ["metadata", "labels", label]) if *label == APP_LABEL => Some(&names.apps),
        _ => None,
    }
}

/// Returns the documentation of the field whose name is at a position.
#[must_use]
pub(super) fn hover(question: &Question<'_>) -> Option<Hover> {
    let (line, row) = question.line();
    let parsed = YamlLine::parse(line.trim_end_matches('\r'));
    let (_, rest) = parsed.key()?;
    let end = parsed.column + parsed.content.len() - rest.len();
    let byte = byte_at(line, question.position.character);
    if !(parsed.column..end).contains(&byte) {
        return None;
    }
    let cursor = Cursor::find(question.text, row, end)?;
    let field = schema_of(question.path, cursor.kind.as_deref())?.at(&cursor.path)?;
    let character = |byte: usize| Position { character: units(&line[..byte]), ..question.position };
    Some(Hover {
        contents: HoverContents::Markup(markdown(field.description()?)),
        range: Some(Range { start: character(parsed.column), end: character(end - 1) }),
    })
}

fn markdown(text: &str) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The examples by name.
    fn examples() -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let files = fs::read_dir(folder).expect("examples").map(|entry| entry.expect("an example").path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        files.map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text"))).collect()
    }

    /// Fields of the examples that are code, or that their schema does not name.
    fn is_open(path: &[Step]) -> bool {
        let open = ["headers", "value", "key", "expect", "tables", "config", "body"];
        path.iter().any(|step| matches!(step, Step::Field(name) if open.contains(&name.as_str())))
    }

    #[test]
    fn every_field_of_the_examples_is_found() {
        let (mut found, mut lost) = (0, Vec::new());
        for (name, text) in examples() {
            for (row, line) in text.lines().enumerate() {
                let parsed = YamlLine::parse(line);
                let Some((_, rest)) = parsed.key() else { continue };
                let end = parsed.column + parsed.content.len() - rest.len();
                let Some(cursor) = Cursor::find(&text, row, end) else { continue };
                match schema_of(Path::new(&name), cursor.kind.as_deref()).map(|root| root.at(&cursor.path)) {
                    Some(Some(_)) => found += 1,
                    Some(None) if !is_open(&cursor.path) => lost.push(format!("{name}:{}: {line}", row + 1)),
                    _ => {}
                }
            }
        }
        assert!(found > 500, "{found}");
        assert!(lost.is_empty(), "{}", lost.join("\n"));
    }

    #[test]
    fn no_position_is_refused() {
        for (name, text) in examples() {
            let text = text.replacen("name", "né😀me", 1).replacen('\n', "\r\n", 3);
            for (row, line) in text.split('\n').enumerate() {
                for character in 0..=units(line) + 1 {
                    let line = u32::try_from(row).expect("a line");
                    let position = Position { line, character };
                    let question = Question { path: Path::new(&name), text: &text, names: None, position };
                    let (_, _) = (complete(&question), hover(&question));
                }
            }
        }
    }
}
