//! A fast check whether code is certainly shallow. It reads bytes instead of tokens, at a fraction of the
//! cost.
//!
//! The scan follows brackets, strings and lines like the lexer, and never counts less than `nesting`
//! would. If it is not certain, it gives up, and the lexer decides.

use super::byte_class::{ByteClass, CLASSES, STATEMENTS, closing_bracket, is_interpolated, is_word_byte};

/// The operators that follow one another within a bracket, which nest in the worst case.
#[derive(Clone, Copy, Default)]
pub(super) struct BracketLevel {
    /// Operators since the last comma.
    pub operators: usize,
    /// Lambdas. A comma separates their arguments, so it does not end them.
    pub lambdas: usize,
}

impl BracketLevel {
    /// Returns the depth in the worst case.
    pub(super) fn depth(self) -> usize {
        self.operators + self.lambdas
    }
}

/// Upper bound of the number of tokens in digits followed by letters, such as `0xor`.
const NUMBER_TOKENS: usize = 3;

/// Whether the depth of the code is certainly below a limit.
pub(super) fn is_below(limit: usize, source: &str) -> bool {
    Scan { bytes: source.as_bytes(), limit, ..Scan::default() }.run().is_some()
}

/// State of the scan. Methods return `None` if they are not certain.
#[derive(Default)]
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    limit: usize,
    indents: Vec<usize>,
    /// Levels of the brackets that enclose the current one.
    levels: Vec<BracketLevel>,
    /// Sum of the depths of `levels`.
    outer: usize,
    level: BracketLevel,
    /// Closing brackets that are expected in a replacement field.
    closers: Vec<u8>,
}

impl Scan<'_> {
    fn run(mut self) -> Option<()> {
        self.starts_line()?;
        while let Some(&byte) = self.bytes.get(self.at) {
            match CLASSES[usize::from(byte)] {
                ByteClass::Letter => {
                    self.word()?;
                    continue;
                }
                ByteClass::Digit => {
                    self.number()?;
                    continue;
                }
                ByteClass::Quote => {
                    self.string(byte)?;
                    continue;
                }
                ByteClass::Comment => {
                    self.at = self.position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(self.bytes.len());
                    continue;
                }
                ByteClass::Newline => {
                    self.at += 1;
                    self.starts_line()?;
                    continue;
                }
                ByteClass::Space => {}
                ByteClass::Open => self.open()?,
                ByteClass::Close => self.close()?,
                ByteClass::Comma => self.level.operators = 0,
                ByteClass::Semicolon => self.level = BracketLevel::default(),
                ByteClass::Backslash => {
                    self.at += 1;
                    (self.bytes.get(self.at) == Some(&b'\n') && self.at + 1 < self.bytes.len())
                        .then_some(())?;
                }
                ByteClass::Operator => self.count(1)?,
                ByteClass::Other => return None,
            }
            self.at += 1;
        }
        self.levels.is_empty().then_some(())
    }

    /// Returns the offset of the next byte that matches.
    fn position(&self, matches: impl Fn(u8) -> bool) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        rest.iter().position(|&byte| matches(byte)).map(|length| self.at + length)
    }

    fn count(&mut self, operators: usize) -> Option<()> {
        self.level.operators += operators;
        self.check_limit(0)
    }

    /// Checks that the depth, with more operators, is below the limit.
    fn check_limit(&self, more: usize) -> Option<()> {
        (self.outer + self.level.depth() + self.indents.len() + more < self.limit).then_some(())
    }

    fn open(&mut self) -> Option<()> {
        self.count(1)?;
        self.outer += self.level.depth();
        self.levels.push(std::mem::take(&mut self.level));
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        match self.levels.pop() {
            Some(level) => {
                self.level = level;
                self.outer -= level.depth();
                Some(())
            }
            None => self.count(1),
        }
    }

    fn starts_line(&mut self) -> Option<()> {
        let start = self.at;
        self.at = self.position(|byte| byte != b' ').unwrap_or(self.bytes.len());
        match self.bytes.get(self.at) {
            None | Some(b'\n' | b'\r' | b'#') => {}
            Some(b'\t' | b'\x0c' | b'\\') => return None,
            Some(_) if !self.levels.is_empty() => {
                let end = self.position(|byte| !is_word_byte(byte)).unwrap_or(self.bytes.len());
                return (!STATEMENTS.contains(&&self.bytes[self.at..end])).then_some(());
            }
            Some(_) => self.indent(self.at - start)?,
        }
        if self.levels.is_empty() {
            self.level = BracketLevel::default();
        }
        self.check_limit(0)
    }

    fn indent(&mut self, width: usize) -> Option<()> {
        while self.indents.last().is_some_and(|last| *last > width) {
            self.indents.pop();
            // The lexer rejects indentation between two levels.
            (self.indents.last().copied().unwrap_or_default() >= width).then_some(())?;
        }
        if self.indents.last().copied().unwrap_or_default() < width {
            self.indents.push(width);
        }
        Some(())
    }

    /// Reads a name, a keyword or the prefix of a string. Each counts as an operator, which is rarely too
    /// much.
    fn word(&mut self) -> Option<()> {
        let start = self.at;
        self.at = self.position(|byte| !is_word_byte(byte)).unwrap_or(self.bytes.len());
        match (&self.bytes[start..self.at], self.bytes.get(self.at)) {
            (prefix, Some(&quote @ (b'"' | b'\''))) if is_interpolated(prefix) => self.interpolated(quote),
            (b"lambda", _) => {
                self.level.lambdas += 1;
                self.check_limit(0)
            }
            _ => self.count(1),
        }
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.at = self.position(|byte| !is_word_byte(byte)).unwrap_or(self.bytes.len());
        // A lambda or a string with any prefix may follow directly. After a decimal point, the lexer may
        // split an underscore from a name.
        let (number, rest) = (&self.bytes[start..self.at], &self.bytes[self.at..]);
        let is_certain = !number.contains(&b'l') && !matches!(rest, [b'"' | b'\'', ..] | [b'.', b'_', ..]);
        is_certain.then_some(())?;
        self.count(if number.len() > 1 { NUMBER_TOKENS } else { 1 })
    }

    /// Whether there are three quotes.
    fn is_triple(&self, at: usize, quote: u8) -> bool {
        self.bytes[at..].starts_with(&[quote; 3])
    }

    fn string(&mut self, quote: u8) -> Option<()> {
        let triple = self.is_triple(self.at, quote);
        let quotes = if triple { 3 } else { 1 };
        self.at += quotes;
        loop {
            self.at = if triple {
                self.position(|byte| byte == quote || byte == b'\\')?
            } else {
                self.position(|byte| byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'))?
            };
            match self.bytes[self.at] {
                b'\\' => self.at += 2,
                b'\n' | b'\r' if !triple => return None,
                _ if triple && !self.is_triple(self.at, quote) => self.at += 1,
                _ => break,
            }
        }
        self.at += quotes;
        Some(())
    }

    /// Reads a string with replacement fields.
    fn interpolated(&mut self, quote: u8) -> Option<()> {
        self.count(1)?;
        let triple = self.is_triple(self.at, quote);
        let quotes = if triple { 3 } else { 1 };
        self.at += quotes;
        let mut fields = 0;
        loop {
            let byte = *self.bytes.get(self.at)?;
            let next = self.bytes.get(self.at + 1).copied();
            match byte {
                // A backslash does not escape braces, and names of characters contain braces.
                b'\\' if matches!(next, Some(b'{' | b'}' | b'N' | b'\r')) => return None,
                b'\\' => self.at += 2,
                b'{' | b'}' if next == Some(byte) => self.at += 2,
                b'{' => {
                    fields += 1;
                    self.field(quote, fields)?;
                }
                b'}' => return None,
                b'\n' | b'\r' if !triple => return None,
                _ if byte == quote && (!triple || self.is_triple(self.at, quote)) => break,
                _ => self.at += 1,
            }
        }
        self.at += quotes;
        Some(())
    }

    /// Reads a replacement field, if it ends at the same offset both as code and, after a colon, as text.
    fn field(&mut self, quote: u8, before: usize) -> Option<()> {
        self.closers.clear();
        let mut operators = before;
        loop {
            let byte = *self.bytes.get(self.at)?;
            match CLASSES[usize::from(byte)] {
                ByteClass::Letter | ByteClass::Digit => {
                    operators += if byte.is_ascii_digit() { NUMBER_TOKENS } else { 1 };
                    self.at = self.position(|byte| !is_word_byte(byte))?;
                    continue;
                }
                ByteClass::Quote => {
                    self.inner(byte, quote)?;
                    operators += 1;
                    continue;
                }
                ByteClass::Open => self.closers.push(closing_bracket(byte)),
                ByteClass::Close if self.closers.pop() != Some(byte) => return None,
                ByteClass::Newline | ByteClass::Comment | ByteClass::Backslash | ByteClass::Other => {
                    return None;
                }
                _ => {}
            }
            operators += 1;
            self.at += 1;
            self.check_limit(operators)?;
            if self.closers.is_empty() {
                return Some(());
            }
        }
    }

    /// Reads a string in a field, or two quotes in the text of a field.
    fn inner(&mut self, quote: u8, outer: u8) -> Option<()> {
        (quote != outer && !self.is_triple(self.at, quote)).then_some(())?;
        self.at += 1;
        self.at = self.position(|byte| {
            byte == quote || byte == outer || matches!(byte, b'{' | b'}' | b'\\' | b'\n' | b'\r')
        })?;
        (self.bytes[self.at] == quote).then_some(())?;
        self.at += 1;
        Some(())
    }
}
