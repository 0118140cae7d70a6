//! Indentation whose depth depends on the width of a tab, which CPython rejects.

use ruff_python_ast::token::TokenKind;

use super::position::line_start;

/// CPython measures indentation twice: with tabs up to the next multiple of eight, and with tabs of one
/// column.
type Width = (usize, usize);

/// Returns the offset of the first line whose indentation is ambiguous. Tokens come with their offsets.
pub(super) fn find_ambiguous(
    source: &str,
    tokens: impl Iterator<Item = (TokenKind, usize)>,
) -> Option<usize> {
    // Without tabs and form feeds, both measurements are equal.
    if !source.contains('\t') && !source.contains('\u{c}') {
        return None;
    }
    let mut outer: Vec<Width> = vec![(0, 0)];
    let mut starts_line = true;
    for (kind, start) in tokens {
        match kind {
            TokenKind::Newline => starts_line = true,
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::Indent | TokenKind::Dedent => {}
            _ if starts_line => {
                starts_line = false;
                let from = line_start(source, start);
                let width = measure_width(&source[from..start]);
                while outer.len() > 1 && outer.last().is_some_and(|last| last.0 > width.0) {
                    outer.pop();
                }
                let last = outer.last().copied().unwrap_or_default();
                if last.0.cmp(&width.0) != last.1.cmp(&width.1) {
                    return Some(start);
                }
                if width.0 > last.0 {
                    outer.push(width);
                }
            }
            _ => {}
        }
    }
    None
}

fn measure_width(indent: &str) -> Width {
    indent.chars().fold((0, 0), |(wide, narrow), letter| match letter {
        '\t' => ((wide / 8 + 1) * 8, narrow + 1),
        '\u{c}' => (0, 0),
        _ => (wide + 1, narrow + 1),
    })
}
