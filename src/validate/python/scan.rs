//! Whether code is plainly shallow, told from its bytes at a fraction of what its tokens cost.
//!
//! The scan follows brackets, strings and lines as the lexer does, and counts no less than
//! [`depth`](super::depth) would. What it is not sure of it leaves to the lexer, by giving up.

use super::nesting::Level;

/// What a byte outside of strings and comments may be.
#[derive(Clone, Copy)]
enum Class {
    Space,
    Newline,
    Letter,
    Digit,
    Quote,
    Comment,
    Open,
    Close,
    Comma,
    Semicolon,
    Backslash,
    Operator,
    /// Of an identifier of any script, or nothing that Python knows.
    Other,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b' ' | b'\t' | b'\x0c' => Class::Space,
            b'\n' | b'\r' => Class::Newline,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'"' | b'\'' => Class::Quote,
            b'#' => Class::Comment,
            b'(' | b'[' | b'{' => Class::Open,
            b')' | b']' | b'}' => Class::Close,
            b',' => Class::Comma,
            b';' => Class::Semicolon,
            b'\\' => Class::Backslash,
            b'!'..=b'~' => Class::Operator,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// The keywords after which the parser takes a bracket before them for unclosed.
const STATEMENTS: [&[u8]; 15] = [
    b"assert",
    b"break",
    b"class",
    b"continue",
    b"def",
    b"del",
    b"global",
    b"import",
    b"nonlocal",
    b"pass",
    b"raise",
    b"return",
    b"try",
    b"while",
    b"with",
];

/// The most tokens that letters after digits, such as `0xor`, may turn out to be.
const NUMBER: usize = 3;

/// Whether the code's depth is certainly less than a limit.
pub fn is_below(limit: usize, source: &str) -> bool {
    Scan { bytes: source.as_bytes(), limit, ..Scan::default() }.run().is_some()
}

/// Its methods give nothing where they are not sure.
#[derive(Default)]
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    limit: usize,
    indents: Vec<usize>,
    /// Of the brackets context, and their sum.
    levels: Vec<Level>,
    outer: usize,
    level: Level,
    /// What closes the brackets that are open in a replacement field.
    closers: Vec<u8>,
}

impl Scan<'_> {
    fn run(mut self) -> Option<()> {
        self.starts_line()?;
        while let Some(&byte) = self.bytes.get(self.at) {
            match CLASSES[usize::from(byte)] {
                Class::Letter => {
                    self.word()?;
                    continue;
                }
                Class::Digit => {
                    self.number()?;
                    continue;
                }
                Class::Quote => {
                    self.string(byte)?;
                    continue;
                }
                Class::Comment => {
                    self.at = self.position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(self.bytes.len());
                    continue;
                }
                Class::Newline => {
                    self.at += 1;
                    self.starts_line()?;
                    continue;
                }
                Class::Space => {}
                Class::Open => self.open()?,
                Class::Close => self.close()?,
                Class::Comma => self.level.operators = 0,
                Class::Semicolon => self.level = Level::default(),
                Class::Backslash => {
                    self.at += 1;
                    (self.bytes.get(self.at) == Some(&b'\n') && self.at + 1 < self.bytes.len())
                        .then_some(())?;
                }
                Class::Operator => self.count(1)?,
                Class::Other => return None,
            }
            self.at += 1;
        }
        self.levels.is_empty().then_some(())
    }

    /// Where the next such byte is.
    fn position(&self, is: impl Fn(u8) -> bool) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        rest.iter().position(|&byte| is(byte)).map(|length| self.at + length)
    }

    fn count(&mut self, operators: usize) -> Option<()> {
        self.level.operators += operators;
        self.holds(0)
    }

    /// Whether the depth is below the limit even when there is more.
    fn holds(&self, more: usize) -> Option<()> {
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
                let end = self.position(|byte| !is_word(byte)).unwrap_or(self.bytes.len());
                return (!STATEMENTS.contains(&&self.bytes[self.at..end])).then_some(());
            }
            Some(_) => self.indent(self.at - start)?,
        }
        if self.levels.is_empty() {
            self.level = Level::default();
        }
        self.holds(0)
    }

    fn indent(&mut self, width: usize) -> Option<()> {
        while self.indents.last().is_some_and(|last| *last > width) {
            self.indents.pop();
            // The lexer refuses a line between two levels.
            (self.indents.last().copied().unwrap_or_default() >= width).then_some(())?;
        }
        if self.indents.last().copied().unwrap_or_default() < width {
            self.indents.push(width);
        }
        Some(())
    }

    /// A name, a keyword or what stands before a string; each counts, for a line that is deep all the same is rare.
    fn word(&mut self) -> Option<()> {
        let start = self.at;
        self.at = self.position(|byte| !is_word(byte)).unwrap_or(self.bytes.len());
        match (&self.bytes[start..self.at], self.bytes.get(self.at)) {
            (prefix, Some(&quote @ (b'"' | b'\''))) if is_interpolated(prefix) => self.interpolated(quote),
            (b"lambda", _) => {
                self.level.lambdas += 1;
                self.holds(0)
            }
            _ => self.count(1),
        }
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.at = self.position(|byte| !is_word(byte)).unwrap_or(self.bytes.len());
        // A lambda may follow at once, or a string with any prefix; after a point the lexer may take
        // an underscore away from a name.
        let (number, rest) = (&self.bytes[start..self.at], &self.bytes[self.at..]);
        let is_clear = !number.contains(&b'l') && !matches!(rest, [b'"' | b'\'', ..] | [b'.', b'_', ..]);
        is_clear.then_some(())?;
        self.count(if number.len() > 1 { NUMBER } else { 1 })
    }

    /// Whether there are three such quotes.
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

    /// A string with replacement fields.
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
                // A backslash leaves braces alone, and names of characters hold some.
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

    /// A replacement field, if it ends at the same place whether it holds code or, after a colon,
    /// text.
    fn field(&mut self, quote: u8, before: usize) -> Option<()> {
        self.closers.clear();
        let mut operators = before;
        loop {
            let byte = *self.bytes.get(self.at)?;
            match CLASSES[usize::from(byte)] {
                Class::Letter | Class::Digit => {
                    operators += if byte.is_ascii_digit() { NUMBER } else { 1 };
                    self.at = self.position(|byte| !is_word(byte))?;
                    continue;
                }
                Class::Quote => {
                    self.inner(byte, quote)?;
                    operators += 1;
                    continue;
                }
                Class::Open => self.closers.push(closer(byte)),
                Class::Close if self.closers.pop() != Some(byte) => return None,
                Class::Newline | Class::Comment | Class::Backslash | Class::Other => return None,
                _ => {}
            }
            operators += 1;
            self.at += 1;
            self.holds(operators)?;
            if self.closers.is_empty() {
                return Some(());
            }
        }
    }

    /// A string in a field, or two quotes in its text.
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

fn is_word(byte: u8) -> bool {
    matches!(CLASSES[usize::from(byte)], Class::Letter | Class::Digit)
}

fn closer(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// Whether the letters before a quote make it one of a string with replacement fields.
fn is_interpolated(prefix: &[u8]) -> bool {
    matches!(
        prefix,
        [b'f' | b'F' | b't' | b'T']
            | [b'f' | b'F' | b't' | b'T', b'r' | b'R']
            | [b'r' | b'R', b'f' | b'F' | b't' | b'T']
    )
}
