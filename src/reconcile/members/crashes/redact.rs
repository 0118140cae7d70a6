//! What of an exception may be shown: its type, and of its message only what cannot come from data. Pure.
//!
//! The status is read by more people than the messages of a topic. CPython's own messages consist of few words; a
//! message with any other word may contain data, and is left out. Values in CPython's messages are replaced.

/// In place of a value.
const VALUE: &str = "…";

/// The longest name of a type that is shown.
const MAX_TYPE: usize = 100;

/// The longest message that is read; no message of CPython without data is longer.
const MAX_MESSAGE: usize = 400;

/// Exceptions about names in code, whose messages quote these names.
const ABOUT_NAMES: [&str; 5] =
    ["AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "UnboundLocalError"];

/// Built-in types, which messages about types quote.
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "Decimal", "NoneType", "UUID", "bool", "builtin_function_or_method", "bytes", "coroutine", "date", "datetime",
    "datetime.date", "datetime.datetime", "decimal.Decimal", "dict", "float", "function", "generator", "int", "list",
    "method", "module", "object", "set", "str", "tuple", "type",
];

/// The words of CPython's own messages.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "Expecting", "Extra", "JSON", "NaN", "None", "No", "Object", "a", "access", "an", "and", "any", "are", "argument", "arguments", "as",
    "assignment", "associated", "async", "attribute", "base", "be", "been", "before", "between", "but", "by", "call",
    "callable", "can", "can't", "cannot", "char", "coerced", "column", "concatenate", "convert", "could", "data", "defined",
    "delimiter", "dictionary", "division", "does", "empty", "enclosing", "enough", "expected", "expression", "float()", "for", "found", "free", "from", "given", "got", "has",
    "have", "hashable", "import", "in", "index", "indices", "infinity", "instance", "instances", "int()", "integer", "integers",
    "invalid", "is", "it", "item", "items", "iterable", "key", "keyword", "length", "line", "literal", "local", "many", "match",
    "math", "missing", "modulo", "module", "must", "name", "named", "negative", "no", "non-iterable", "not", "number",
    "object", "objects", "of", "on", "only", "operand", "or", "out", "partially", "positional", "range", "referenced",
    "required", "requires", "sequence", "serializable", "set", "size", "slices", "string", "subscript", "subscriptable",
    "support", "supported", "takes", "than", "that", "the", "to", "too", "tuple", "type", "type(s)", "unexpected",
    "unhashable", "unknown", "unpack", "unsupported", "use", "value", "values", "variable", "was", "were", "when", "where",
    "with", "zero",
];

/// Describes an exception that Python's `repr` printed: `KeyError: …`.
pub(super) fn exception(repr: &str) -> String {
    let is_type = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let end = repr.find(|c| !is_type(c)).unwrap_or(repr.len());
    let (name, rest) = repr.split_at(end);
    let name = name.rsplit('.').next().unwrap_or_default();
    if name.is_empty() || name.len() > MAX_TYPE || name.starts_with(|c: char| c.is_ascii_digit()) {
        return "an exception".to_owned();
    }
    match rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).and_then(literal) {
        Some(Literal::Text(text)) => match message(name, &text) {
            Some(message) if !message.is_empty() => format!("{name}: {message}"),
            _ => name.to_owned(),
        },
        Some(Literal::Value) => format!("{name}: {VALUE}"),
        None => name.to_owned(),
    }
}

/// Describes an exception as the last line of a traceback prints it: `KeyError: 'x'`.
pub(crate) fn printed(line: &str) -> String {
    let (name, text) = line.trim_end().split_once(": ").unwrap_or((line.trim_end(), ""));
    let is_type =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let name = name.rsplit('.').next().unwrap_or_default();
    if !is_type || name.is_empty() || name.len() > MAX_TYPE || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return "an exception".to_owned();
    }
    match message(name, text).filter(|message| !text.is_empty() && !message.is_empty()) {
        Some(message) => format!("{name}: {message}"),
        None => name.to_owned(),
    }
}

/// The only argument of an exception.
enum Literal {
    Text(String),
    /// Not text, or a key, which is always a value.
    Value,
}

/// Reads the only argument of an exception; `None` without one.
fn literal(arguments: &str) -> Option<Literal> {
    let arguments = arguments.strip_suffix(',').unwrap_or(arguments);
    let quote = arguments.chars().next()?;
    if !matches!(quote, '\'' | '"') {
        return Some(Literal::Value);
    }
    let mut text = String::new();
    let mut letters = arguments[1..].chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                text.push(letters.next().filter(|c| matches!(c, '\\' | '\'' | '"')).unwrap_or('\u{fffd}'))
            }
            letter if letter == quote => {
                // Text with something behind it is the first of several arguments.
                return Some(if letters.next().is_none() { Literal::Text(text) } else { Literal::Value });
            }
            letter => text.push(letter),
        }
    }
    Some(Literal::Value)
}

/// Returns a message without its values; `None` if it may contain further data.
fn message(exception: &str, text: &str) -> Option<String> {
    if exception == "KeyError" {
        return Some(VALUE.to_owned());
    }
    if text.len() > MAX_MESSAGE {
        return None;
    }
    let about_names = ABOUT_NAMES.contains(&exception);
    // Wrong calls begin with the function: `f() missing 1 required positional argument: 'x'`.
    let called = text.split_once("() ").filter(|(name, _)| exception == "TypeError" && is_name(name));
    let (mut shown, mut rest) = match called {
        Some((name, rest)) => (format!("{name}() "), rest),
        None => (String::new(), text),
    };
    while let Some(at) = rest.find(['\'', '"']).filter(|at| begins_quote(rest, *at)) {
        shown.push_str(&words(&rest[..at])?);
        let quote = &rest[at..=at];
        let (quoted, after) = rest[at + 1..].split_once(quote)?;
        let keeps = TYPES.contains(&quoted) || (about_names && is_name(quoted));
        shown.push_str(&if keeps { format!("{quote}{quoted}{quote}") } else { VALUE.to_owned() });
        rest = after;
    }
    shown.push_str(&words(rest)?);
    Some(shown)
}

/// Returns whether a quotation mark begins a quoted text, and is no apostrophe.
fn begins_quote(text: &str, at: usize) -> bool {
    !text[..at].ends_with(char::is_alphanumeric)
}

/// Returns text outside of quotes with its numbers replaced; `None` if it has a word that is not CPython's.
fn words(text: &str) -> Option<String> {
    let mut shown = String::new();
    for piece in text.split_inclusive(' ') {
        let word = piece.trim_end_matches(' ');
        let bare = word.trim_end_matches([',', ':', ';', '.']).trim_start_matches('(');
        let bare = if WORDS.contains(&bare) { bare } else { bare.trim_end_matches(')') };
        if bare.is_empty() || WORDS.contains(&bare) || TYPES.contains(&bare) || is_operator(bare) {
            shown.push_str(piece);
        } else if bare.starts_with(|c: char| c.is_ascii_digit()) {
            shown.push_str(&piece.replace(bare, VALUE));
        } else {
            return None;
        }
    }
    Some(shown)
}

/// Returns whether a word is an operator of Python, such as `+=` or `**`.
fn is_operator(word: &str) -> bool {
    word.len() <= 3 && word.chars().all(|c| "+-*/%<>=!&|^~@()[]".contains(c))
}

/// Returns whether text is a name in code, with dots.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.len() <= MAX_TYPE && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_python_are_shown_without_values() {
        for (repr, expected) in [
            (r#"NameError("name 'x' is not defined")"#, "NameError: name 'x' is not defined"),
            (
                r#"AttributeError("'dict' object has no attribute 'foo'")"#,
                "AttributeError: 'dict' object has no attribute 'foo'",
            ),
            (r#"ModuleNotFoundError("No module named 'a.b'")"#, "ModuleNotFoundError: No module named 'a.b'"),
            (
                r#"UnboundLocalError("cannot access local variable 'x' where it is not associated with a value")"#,
                "UnboundLocalError: cannot access local variable 'x' where it is not associated with a value",
            ),
            ("KeyError('alice@example.com')", "KeyError: …"),
            ("KeyError(17)", "KeyError: …"),
            (
                r#"ValueError("invalid literal for int() with base 10: '4711x'")"#,
                "ValueError: invalid literal for int() with base …: …",
            ),
            (
                r#"TypeError("unsupported operand type(s) for +: 'int' and 'str'")"#,
                "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
            ),
            (
                r#"TypeError("'NoneType' object is not subscriptable")"#,
                "TypeError: 'NoneType' object is not subscriptable",
            ),
            (
                "TypeError('can only concatenate str (not \"int\") to str')",
                "TypeError: can only concatenate str (not \"int\") to str",
            ),
            ("IndexError('list index out of range')", "IndexError: list index out of range"),
            ("ZeroDivisionError('division by zero')", "ZeroDivisionError: division by zero"),
            (
                "ValueError('not enough values to unpack (expected 2, got 1)')",
                "ValueError: not enough values to unpack (expected …, got …)",
            ),
            (
                r#"TypeError("f() missing 1 required positional argument: 'x'")"#,
                "TypeError: f() missing … required positional argument: …",
            ),
            (
                "TypeError('Object of type Decimal is not JSON serializable')",
                "TypeError: Object of type Decimal is not JSON serializable",
            ),
            (
                "JSONDecodeError('Expecting value: line 1 column 17 (char 16)')",
                "JSONDecodeError: Expecting value: line … column … (char …)",
            ),
            ("RuntimeError()", "RuntimeError"),
        ] {
            assert_eq!(exception(repr), expected, "{repr}");
        }
    }

    #[test]
    fn what_may_be_data_is_not_shown() {
        for (repr, expected) in [
            ("ValueError('no price for alice')", "ValueError"),
            ("ValueError('alice', 'secret')", "ValueError: …"),
            (r#"NameError("name 'alice smith' is not defined")"#, "NameError: name … is not defined"),
            (
                r#"AttributeError("'dict' object has no attribute '4711'")"#,
                "AttributeError: 'dict' object has no attribute …",
            ),
            (r#"TypeError("'secret' object is not callable")"#, "TypeError: … object is not callable"),
            ("ValueError(\"it's alice's\")", "ValueError"),
            ("ValueError('4111 1111')", "ValueError: … …"),
            ("ValueError('name \\'alice\\nsmith\\' is')", "ValueError: name … is"),
            ("ValueError('unterminated", "ValueError"),
            ("shop.errors.NoPrice('alice')", "NoPrice"),
            ("NoPrice(customer='alice')", "NoPrice: …"),
            ("<alice>", "an exception"),
            ("", "an exception"),
            ("4711", "an exception"),
        ] {
            assert_eq!(exception(repr), expected, "{repr}");
        }
        assert_eq!(exception(&"A".repeat(1000)), "an exception");
        assert_eq!(exception(&format!("ValueError('{}')", "a ".repeat(1000))), "ValueError");
    }
}
