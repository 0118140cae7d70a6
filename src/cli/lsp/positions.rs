//! Positions of the protocol: lines from 0, and characters in units of UTF-16.

use std::ops::Range;

use ls_types::{Position, Range as PositionRange};

use crate::cli::validate::Input;

/// Returns the range of bytes of an input.
#[must_use]
pub(super) fn range(input: &Input, bytes: &Range<usize>) -> PositionRange {
    PositionRange { start: position(input, bytes.start), end: position(input, bytes.end) }
}

fn position(input: &Input, byte: usize) -> Position {
    let (line, start) = input.line(byte);
    let before = input.text().get(start..byte).unwrap_or_default();
    Position { line: saturate(line.saturating_sub(1)), character: units(before) }
}

/// Returns the number of UTF-16 units of a text.
#[must_use]
pub(super) fn units(text: &str) -> u32 {
    saturate(text.encode_utf16().count())
}

/// Returns the byte of a line at a character.
#[must_use]
pub(super) fn byte_at(line: &str, character: u32) -> usize {
    let mut passed = 0;
    for (byte, c) in line.char_indices() {
        if passed >= character {
            return byte;
        }
        passed += saturate(c.len_utf16());
    }
    line.len()
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn characters_are_units_of_utf_16() {
        let text = "a: é\n😀b: c\n";
        let input = Input::of_text(Path::new("x.yaml"), text.to_owned());
        let at = text.find("b:").expect("a key");
        assert_eq!(position(&input, at), Position { line: 1, character: 2 });
        let line = "😀b: c";
        assert_eq!((byte_at(line, 2), byte_at(line, 3), byte_at(line, 99)), (4, 5, line.len()));
    }
}
