//! From the path of a field to its place in the text.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::validate::Segment;

/// What is marked at a path.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// The field's name.
    Key,
    /// Its value, or its name where the value has several lines.
    Value,
    /// Line and column, from 1, of the text that stands there.
    Within(usize, usize),
}

/// The bytes of what stands at the path, or of what is nearest above it.
pub fn locate(text: &str, path: &[&Segment], mark: Mark) -> Range<usize> {
    let Some(tree) = tree(text) else { return first_line(text) };
    let mut node = &tree;
    let mut found = None;
    for segment in path {
        let next = match (segment, &node.children) {
            (Segment::Index(index), Children::List(items)) => items.get(*index).map(|item| (None, item)),
            (Segment::Field(name), Children::Map(entries)) => entry(entries, name),
            (Segment::Key(name), Children::Map(entries)) => entry(entries, name),
            _ => None,
        };
        let Some((key, value)) = next else { break };
        (node, found) = (value, Some(key));
    }
    let Some(key) = found else { return tree.first_key.clone().unwrap_or_else(|| first_line(text)) };
    match (&node.children, mark) {
        (Children::Text(ScalarStyle::Literal, empty_lines), Mark::Within(line, column)) => {
            in_block(text, node, *empty_lines, (line, column))
        }
        (Children::Text(ScalarStyle::Literal | ScalarStyle::Folded, _), _) | (_, Mark::Key) => {
            key.unwrap_or_else(|| first_line_of(text, node.bytes.clone()))
        }
        (Children::Text(..), _) if !node.bytes.is_empty() => first_line_of(text, node.bytes.clone()),
        _ => key.or(node.first_key.clone()).unwrap_or_else(|| first_line_of(text, node.bytes.clone())),
    }
}

/// The bytes at a line and column, from 1, to the end of the word there.
pub fn line_and_column(text: &str, line: usize, column: usize) -> Range<usize> {
    let start = line_start(text, line);
    let rest = text[start..].lines().next().unwrap_or_default();
    let offset = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.trim_end().len(), |(i, _)| i);
    let length = rest[offset..].find(char::is_whitespace).unwrap_or(rest.len() - offset);
    start + offset..start + offset + length
}

fn line_start(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

/// A place in a block of text. What the parser calls its start is its first letter.
fn in_block(text: &str, node: &Node, empty_lines: usize, (line, column): (usize, usize)) -> Range<usize> {
    let before = &text[..node.bytes.start];
    let first = before.matches('\n').count() + 1 - empty_lines.min(before.matches('\n').count());
    let indent = before.rfind('\n').map_or(before.len(), |end| before.len() - end - 1);
    line_and_column(text, first + line - 1, indent + column)
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

fn entry<'a>(entries: &'a [Entry], name: &str) -> Option<(Option<Range<usize>>, &'a Node)> {
    let (_, key, value) = entries.iter().find(|(key, _, _)| key == name)?;
    Some((Some(key.clone()), value))
}

/// A value with its place.
struct Node {
    bytes: Range<usize>,
    /// The first key of a map.
    first_key: Option<Range<usize>>,
    children: Children,
}

enum Children {
    /// With the number of empty lines that it starts with.
    Text(ScalarStyle, usize),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An alias, whose content stands elsewhere.
    Alias,
}

type Events<'a> = dyn Iterator<Item = (Event<'a>, Range<usize>)> + 'a;

fn tree(text: &str) -> Option<Node> {
    let parser = Parser::new_from_str(text);
    let mut events = parser.map_while(Result::ok).filter_map(|(event, span)| {
        let node = !matches!(event, Event::StreamStart | Event::DocumentStart(..) | Event::Comment(..));
        node.then(|| (event, bytes(span)))
    });
    let first = events.next()?;
    node(first, &mut events)
}

fn bytes(span: Span) -> Range<usize> {
    span.start.byte_offset().unwrap_or(0)..span.end.byte_offset().unwrap_or(0)
}

/// The value that starts with the event. As deep as the value that was read of the same text.
fn node<'a>((event, mut bytes): (Event<'a>, Range<usize>), events: &mut Events<'a>) -> Option<Node> {
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
                    item => items.push(node(item, events)?),
                }
            }
            Children::List(items)
        }
        Event::MappingStart(..) => {
            let mut entries = Vec::new();
            loop {
                match events.next()? {
                    (Event::MappingEnd, end) => break bytes.end = end.end,
                    (Event::Scalar(key, ..), place) => {
                        first_key.get_or_insert(place.clone());
                        let value = events.next()?;
                        entries.push((key.into_owned(), place, node(value, events)?));
                    }
                    key => {
                        node(key, events)?;
                        let value = events.next()?;
                        node(value, events)?;
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

    fn found(path: &[Segment], mark: Mark) -> &'static str {
        let path: Vec<&Segment> = path.iter().collect();
        &TEXT[locate(TEXT, &path, mark)]
    }

    fn field(name: &'static str) -> Segment {
        Segment::Field(name.into())
    }

    #[test]
    fn places() {
        let list = || [field("spec"), field("list"), Segment::Index(0)].to_vec();
        assert_eq!(found(&[], Mark::Value), "kind");
        assert_eq!(found(&[field("kind")], Mark::Value), "A");
        assert_eq!(found(&[field("spec")], Mark::Value), "spec");
        assert_eq!(found(&list(), Mark::Value), "name");
        assert_eq!(found(&[list(), vec![field("name")]].concat(), Mark::Value), "'x y'");
        assert_eq!(found(&[list(), vec![field("gone"), field("deeper")]].concat(), Mark::Value), "name");
        assert_eq!(found(&[list(), vec![field("python")]].concat(), Mark::Value), "python");
        assert_eq!(found(&[list(), vec![field("python")]].concat(), Mark::Within(2, 3)), "pass");
        assert_eq!(found(&[field("kind")], Mark::Key), "kind");
        assert_eq!(found(&[field("blank")], Mark::Within(3, 1)), "x");
        assert_eq!(found(&[field("spec"), field("empty"), field("gone")], Mark::Value), "empty");
        assert_eq!(found(&[field("spec"), Segment::Key("quoted key".to_owned())], Mark::Value), "1");
    }
}
