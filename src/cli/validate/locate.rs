//! Location of fields in the text of a document.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use super::compose::{byte_range, key_text};
use crate::validate::Segment;

/// Part of a field to highlight.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Highlight {
    /// Name of the field.
    Key,
    /// Value of the field, or the name if the value has several lines.
    Value,
    /// Line and column in a block of text, from 1.
    Within(usize, usize),
}

/// The fields of a document, parsed once: a list can have thousands of resources and findings.
pub(in crate::cli) struct Locator<'a> {
    text: &'a str,
    /// The value; `None` if it cannot be parsed.
    tree: Option<Node>,
    /// Byte offset of each line.
    lines: Vec<usize>,
}

impl<'a> Locator<'a> {
    /// Parses a document.
    #[must_use]
    pub(in crate::cli) fn new(text: &'a str) -> Self {
        Self { text, tree: parse_tree(text), lines: line_starts(text) }
    }

    /// Returns the byte range of the field at a path, or of the nearest parent that exists.
    #[must_use]
    pub(in crate::cli) fn locate(&self, path: &[&Segment], highlight: Highlight) -> Range<usize> {
        let text = self.text;
        let Some(tree) = &self.tree else { return first_line(text) };
        let mut node = tree;
        let mut found = None;
        for segment in path {
            let Some((key, value)) = child(node, segment) else { break };
            (node, found) = (value, Some(key));
        }
        let Some(key) = found else { return tree.first_key.clone().unwrap_or_else(|| first_line(text)) };
        match (&node.children, highlight) {
            (Children::Text(ScalarStyle::Literal, empty_lines), Highlight::Within(line, column)) => {
                self.position_in_block(node, *empty_lines, (line, column))
            }
            (Children::Text(ScalarStyle::Literal | ScalarStyle::Folded, _), _) | (_, Highlight::Key) => {
                key.unwrap_or_else(|| first_line_of(text, node.bytes.clone()))
            }
            (Children::Text(..), _) if !node.bytes.is_empty() => first_line_of(text, node.bytes.clone()),
            _ => key.or(node.first_key.clone()).unwrap_or_else(|| first_line_of(text, node.bytes.clone())),
        }
    }

    /// Returns the byte range of a map that is written as a block, and the column of its keys, from 0.
    #[must_use]
    pub(in crate::cli) fn block(&self, path: &[&Segment]) -> Option<(Range<usize>, usize)> {
        let node = self.find(path)?;
        let first = node.first_key.as_ref()?.start;
        let line = self.lines.partition_point(|start| *start <= first);
        let column = self.text[self.lines[line - 1]..first].chars().count();
        (!self.text[node.bytes.clone()].starts_with('{')).then(|| (node.bytes.clone(), column))
    }

    /// Returns whether there is a field at a path.
    #[must_use]
    pub(in crate::cli) fn contains(&self, path: &[&Segment]) -> bool {
        self.find(path).is_some()
    }

    fn find(&self, path: &[&Segment]) -> Option<&Node> {
        path.iter().try_fold(self.tree.as_ref()?, |node, segment| Some(child(node, segment)?.1))
    }

    /// Returns the byte range of a line and column in a block of text. The start of the node is the first
    /// character of the block.
    fn position_in_block(
        &self,
        node: &Node,
        empty_lines: usize,
        (line, column): (usize, usize),
    ) -> Range<usize> {
        let number = self.lines.partition_point(|start| *start <= node.bytes.start);
        let indent = node.bytes.start - self.lines.get(number.saturating_sub(1)).copied().unwrap_or_default();
        let first = number - empty_lines.min(number.saturating_sub(1));
        word_at(self.text, &self.lines, first + line - 1, indent + column)
    }
}

/// Returns the byte offset of each line.
#[must_use]
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    [0].into_iter().chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect()
}

/// Returns the byte range from a line and column, counted from 1, to the end of the word.
#[must_use]
pub(super) fn line_and_column(text: &str, line: usize, column: usize) -> Range<usize> {
    word_at(text, &line_starts(text), line, column)
}

fn word_at(text: &str, lines: &[usize], line: usize, column: usize) -> Range<usize> {
    let start = lines.get(line.saturating_sub(1)).copied().unwrap_or(text.len());
    let rest = text[start..].lines().next().unwrap_or_default();
    let offset = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.trim_end().len(), |(i, _)| i);
    let length = rest[offset..].find(char::is_whitespace).unwrap_or(rest.len() - offset);
    start + offset..start + offset + length
}

fn first_line(text: &str) -> Range<usize> {
    let content = text.len() - text.trim_start().len();
    first_line_of(text, content..text.len())
}

fn first_line_of(text: &str, bytes: Range<usize>) -> Range<usize> {
    let line = text[bytes.clone()].lines().next().unwrap_or_default();
    bytes.start..bytes.start + line.trim_end().len()
}

type Entry = (String, Range<usize>, Node);

/// Returns a child of a node, with the byte range of its key.
fn child<'a>(node: &'a Node, segment: &Segment) -> Option<(Option<Range<usize>>, &'a Node)> {
    match (segment, &node.children) {
        (Segment::Index(index), Children::List(items)) => items.get(*index).map(|item| (None, item)),
        (Segment::Field(name), Children::Map(entries)) => find_entry(entries, name),
        (Segment::Key(name), Children::Map(entries)) => find_entry(entries, name),
        _ => None,
    }
}

fn find_entry<'a>(entries: &'a [Entry], name: &str) -> Option<(Option<Range<usize>>, &'a Node)> {
    let (_, key, value) = entries.iter().find(|(key, _, _)| key == name)?;
    Some((Some(key.clone()), value))
}

/// A value with its byte range.
struct Node {
    bytes: Range<usize>,
    /// Byte range of the first key of a map.
    first_key: Option<Range<usize>>,
    children: Children,
}

enum Children {
    /// A scalar, with the number of leading empty lines.
    Text(ScalarStyle, usize),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An alias, whose content is at another place.
    Alias,
}

type Events<'a> = dyn Iterator<Item = (Event<'a>, Range<usize>)> + 'a;

fn parse_tree(text: &str) -> Option<Node> {
    let parser = Parser::new_from_str(text);
    let mut events = parser.map_while(Result::ok).filter_map(|(event, span)| {
        let is_node = !matches!(event, Event::StreamStart | Event::DocumentStart(..) | Event::Comment(..));
        is_node.then(|| (event, byte_range(span)))
    });
    let first = events.next()?;
    parse_node(first, &mut events)
}

/// Parses the value that starts with an event. The recursion is as deep as the value, which another parser
/// has accepted before.
fn parse_node<'a>((event, mut bytes): (Event<'a>, Range<usize>), events: &mut Events<'a>) -> Option<Node> {
    let mut first_key = None;
    let children = match event {
        Event::Scalar(text, style, ..) => {
            Children::Text(style, text.len() - text.trim_start_matches('\n').len())
        }
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next()? {
                    (Event::SequenceEnd, end) => break bytes.end = end.end,
                    item => items.push(parse_node(item, events)?),
                }
            }
            Children::List(items)
        }
        Event::MappingStart(..) => {
            let mut entries = Vec::new();
            loop {
                match events.next()? {
                    (Event::MappingEnd, end) => break bytes.end = end.end,
                    (Event::Scalar(key, style, _, tag), key_bytes) => {
                        let key = key_text(&key, style, tag.as_deref());
                        first_key.get_or_insert(key_bytes.clone());
                        let value = events.next()?;
                        entries.push((key, key_bytes, parse_node(value, events)?));
                    }
                    key => {
                        parse_node(key, events)?;
                        let value = events.next()?;
                        parse_node(value, events)?;
                    }
                }
            }
            Children::Map(entries)
        }
        _ => Children::Alias,
    };
    Some(Node { bytes, first_key, children })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kind: A\nspec:\n  list:\n  - name: 'x y'\n    python: |\n      def f(\n        pass\n  empty: {}\n  'quoted key': 1\nblank: |\n\n\n  x\n";

    fn text_at(path: &[Segment], highlight: Highlight) -> &'static str {
        let path: Vec<&Segment> = path.iter().collect();
        &TEXT[Locator::new(TEXT).locate(&path, highlight)]
    }

    fn field(name: &'static str) -> Segment {
        Segment::Field(name.into())
    }

    #[test]
    fn fields_are_located() {
        let list = || [field("spec"), field("list"), Segment::Index(0)].to_vec();
        assert_eq!(text_at(&[], Highlight::Value), "kind");
        assert_eq!(text_at(&[field("kind")], Highlight::Value), "A");
        assert_eq!(text_at(&[field("spec")], Highlight::Value), "spec");
        assert_eq!(text_at(&list(), Highlight::Value), "name");
        assert_eq!(text_at(&[list(), vec![field("name")]].concat(), Highlight::Value), "'x y'");
        assert_eq!(
            text_at(&[list(), vec![field("gone"), field("deeper")]].concat(), Highlight::Value),
            "name"
        );
        assert_eq!(text_at(&[list(), vec![field("python")]].concat(), Highlight::Value), "python");
        assert_eq!(text_at(&[list(), vec![field("python")]].concat(), Highlight::Within(2, 3)), "pass");
        assert_eq!(text_at(&[field("kind")], Highlight::Key), "kind");
        assert_eq!(text_at(&[field("blank")], Highlight::Within(3, 1)), "x");
        assert_eq!(text_at(&[field("spec"), field("empty"), field("gone")], Highlight::Value), "empty");
        assert_eq!(text_at(&[field("spec"), Segment::Key("quoted key".to_owned())], Highlight::Value), "1");
    }
}
