//! Positions in source code, and messages about them.

use ruff_text_size::TextRange;

use crate::validate::findings::{Line, shortened};

/// Number of characters of a line that a message shows.
pub(super) const LONGEST_LINE: usize = 80;

/// Converts a problem in source code to a line for a message, with its position and a description.
pub(super) fn describe_line(source: &str, range: TextRange, what: &str) -> Line {
    // If the code ends too early, its last line is shown instead of an empty one.
    let at = range.start().to_usize().min(source.trim_end().len());
    let (line, _) = line_at(source, at);
    let (number, column) = line_and_column(source, at);
    Line { text: truncated(line), within: Some((number, column)), detail: reworded(what) }
}

/// Returns an empty range at an offset in bytes.
pub(super) fn empty_range(at: usize) -> TextRange {
    TextRange::empty(u32::try_from(at).unwrap_or(u32::MAX).into())
}

/// Returns line and column of an offset in bytes, from 1.
pub(super) fn line_and_column(source: &str, at: usize) -> (usize, usize) {
    let start = line_start(source, at);
    let before = &source[..start];
    let number = before.matches('\n').count() + before.replace("\r\n", "\n").matches('\r').count() + 1;
    (number, source[start..at.max(start)].chars().count() + 1)
}

/// Returns the line at an offset in bytes, and the offset of its start.
pub(super) fn line_at(source: &str, at: usize) -> (&str, usize) {
    let start = line_start(source, at);
    let end = source[start..].find(['\n', '\r']).map_or(source.len(), |length| start + length);
    (&source[start..end], start)
}

/// Returns the offset of the start of a line.
pub(super) fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

/// Truncates a line for a message.
pub(super) fn truncated(line: &str) -> String {
    shortened(line.trim_end(), LONGEST_LINE)
}

/// Converts a message of Ruff to the style of the API server: single quotes and a lower-case beginning.
fn reworded(what: &str) -> String {
    let what = what.replace(['`', '"'], "'");
    let mut letters = what.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => what,
    }
}
