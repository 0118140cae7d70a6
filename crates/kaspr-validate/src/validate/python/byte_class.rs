//! Classes of the bytes of Python source code.

/// Class of a byte outside of strings and comments.
#[derive(Clone, Copy)]
pub(super) enum ByteClass {
    /// Space, tab or form feed.
    Space,
    /// Newline or carriage return.
    Newline,
    /// ASCII letter or underscore.
    Letter,
    /// ASCII digit.
    Digit,
    /// Quote of a string.
    Quote,
    /// Start of a comment.
    Comment,
    /// Opening bracket.
    Open,
    /// Closing bracket.
    Close,
    /// Comma.
    Comma,
    /// Semicolon.
    Semicolon,
    /// Backslash.
    Backslash,
    /// Any other ASCII punctuation.
    Operator,
    /// Part of an identifier that is not ASCII, or not valid in Python.
    Other,
}

/// The class of each byte.
pub(super) static CLASSES: [ByteClass; 256] = {
    let mut classes = [ByteClass::Other; 256];
    let mut byte = 0u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b' ' | b'\t' | b'\x0c' => ByteClass::Space,
            b'\n' | b'\r' => ByteClass::Newline,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => ByteClass::Letter,
            b'0'..=b'9' => ByteClass::Digit,
            b'"' | b'\'' => ByteClass::Quote,
            b'#' => ByteClass::Comment,
            b'(' | b'[' | b'{' => ByteClass::Open,
            b')' | b']' | b'}' => ByteClass::Close,
            b',' => ByteClass::Comma,
            b';' => ByteClass::Semicolon,
            b'\\' => ByteClass::Backslash,
            b'!'..=b'~' => ByteClass::Operator,
            _ => ByteClass::Other,
        };
        byte += 1;
    }
    classes
};

/// Keywords of statements. If one follows an open bracket, the parser considers the bracket unclosed.
pub(super) const STATEMENTS: [&[u8]; 15] = [
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

/// Whether a byte is part of a name or a number.
pub(super) fn is_word_byte(byte: u8) -> bool {
    matches!(CLASSES[usize::from(byte)], ByteClass::Letter | ByteClass::Digit)
}

/// Returns the bracket that closes an opening bracket.
pub(super) fn closing_bracket(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// Whether letters before a quote are the prefix of a string with replacement fields.
pub(super) fn is_interpolated(prefix: &[u8]) -> bool {
    matches!(
        prefix,
        [b'f' | b'F' | b't' | b'T']
            | [b'f' | b'F' | b't' | b'T', b'r' | b'R']
            | [b'r' | b'R', b'f' | b'F' | b't' | b'T']
    )
}
