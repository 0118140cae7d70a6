//! Regular expressions of Python, as far as it is certain that `re` refuses them.

use std::{iter::Peekable, str::Chars};

/// Letters that some version of Python allows after a backslash.
const ESCAPES: &str = "AbBdDsSwWZzafnrtvxuUN";
/// Those of them that match a position, which cannot be repeated.
const POSITIONS: &str = "AbBZz";

/// What the next quantifier applies to.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Nothing, or a position.
    Nothing,
    /// An item.
    Item,
    /// An item with a quantifier.
    Repeated,
}

/// Checks a regular expression. Accepts what this check does not understand.
///
/// # Errors
///
/// Returns why Python refuses it. Source: the parser of CPython's `re`, whose messages these are.
pub(super) fn check(pattern: &str) -> Result<(), &'static str> {
    let mut chars = pattern.chars().peekable();
    let (mut depth, mut before) = (0_usize, Before::Nothing);
    while let Some(c) = chars.next() {
        before = match c {
            '\\' => escape(chars.next())?,
            '[' => skip_set(&mut chars)?,
            '(' => {
                if chars.peek() == Some(&'?') && !open_extension(&mut chars) {
                    return Ok(());
                }
                depth += 1;
                Before::Nothing
            }
            ')' => {
                depth = depth.checked_sub(1).ok_or("unbalanced parenthesis")?;
                Before::Item
            }
            '|' | '^' | '$' => Before::Nothing,
            '*' | '+' | '?' => quantifier(before, &mut chars)?,
            '{' => match repeat(&mut chars) {
                None => Before::Item,
                Some((least, most)) => {
                    let after = quantifier(before, &mut chars)?;
                    if most.is_some_and(|most| most < least) {
                        return Err("min repeat greater than max repeat");
                    }
                    after
                }
            },
            _ => Before::Item,
        };
    }
    if depth > 0 { Err("missing ), unterminated subpattern") } else { Ok(()) }
}

fn escape(c: Option<char>) -> Result<Before, &'static str> {
    match c {
        None => Err("bad escape (end of pattern)"),
        Some(c) if c.is_ascii_alphabetic() && !ESCAPES.contains(c) => Err("bad escape"),
        Some(c) if POSITIONS.contains(c) => Ok(Before::Nothing),
        Some(_) => Ok(Before::Item),
    }
}

/// Skips a set of characters, after its bracket.
fn skip_set(chars: &mut Peekable<Chars<'_>>) -> Result<Before, &'static str> {
    const UNTERMINATED: &str = "unterminated character set";
    chars.next_if_eq(&'^');
    // A bracket at the beginning is a character of the set.
    chars.next_if_eq(&']');
    loop {
        match chars.next().ok_or(UNTERMINATED)? {
            ']' => return Ok(Before::Item),
            '\\' => drop(chars.next().ok_or(UNTERMINATED)?),
            _ => {}
        }
    }
}

/// Skips the beginning of a group with `(?`. Returns whether the rest can be checked: flags such as `x` change the
/// meaning of all characters, and a comment ends at any parenthesis.
fn open_extension(chars: &mut Peekable<Chars<'_>>) -> bool {
    chars.next();
    match chars.next() {
        Some(':' | '=' | '!' | '>') => true,
        Some('<') => chars.next_if(|c| matches!(c, '=' | '!')).is_some(),
        Some('P') if chars.next_if_eq(&'<').is_some() => chars.any(|c| c == '>'),
        _ => false,
    }
}

/// Skips what may follow a quantifier.
fn quantifier(before: Before, chars: &mut Peekable<Chars<'_>>) -> Result<Before, &'static str> {
    match before {
        Before::Nothing => return Err("nothing to repeat"),
        Before::Repeated => return Err("multiple repeat"),
        Before::Item => {}
    }
    if chars.next_if_eq(&'?').is_none() {
        chars.next_if_eq(&'+');
    }
    Ok(Before::Repeated)
}

/// Reads the bounds of `{least,most}` and skips them. Returns `None`, and skips nothing, if the brace is a character.
fn repeat(chars: &mut Peekable<Chars<'_>>) -> Option<(u64, Option<u64>)> {
    let rest: String = chars.clone().take_while(|c| *c != '}').collect();
    let closes = chars.clone().nth(rest.chars().count()) == Some('}');
    let (least, most) = rest.split_once(',').unwrap_or((&rest, &rest));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !closes || rest.is_empty() || !is_number(least) || !is_number(most) {
        return None;
    }
    // `{,}` repeats like `*`, and `{` alone does not.
    for _ in 0..=rest.chars().count() {
        chars.next();
    }
    Some((least.parse().unwrap_or(0), most.parse().ok()))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_python_refuses() {
        let cases = [
            ("(a", "missing ), unterminated subpattern"),
            ("a)", "unbalanced parenthesis"),
            ("[a", "unterminated character set"),
            ("*a", "nothing to repeat"),
            ("a|*", "nothing to repeat"),
            ("^*", "nothing to repeat"),
            ("a**", "multiple repeat"),
            ("a{2}{3}", "multiple repeat"),
            ("a{3,2}", "min repeat greater than max repeat"),
            ("a\\", "bad escape (end of pattern)"),
            ("\\Q", "bad escape"),
            ("orders-.*", ""),
            ("[]a]{,3}?(?P<n>x+)++", ""),
            ("(?i)a{x}", ""),
            ("(?<=a)b(?!c)[^\\]]", ""),
        ];
        for (pattern, expected) in cases {
            assert_eq!(check(pattern).err().unwrap_or_default(), expected, "{pattern}");
        }
    }

    /// What the check refuses, the `re` of the machine's Python refuses too.
    #[test]
    fn nothing_else_is_refused() {
        let mut runner = TestRunner::deterministic();
        let strategy = "([ab1,(){}\\[\\]*+?|^$.:=!<>P-]|\\\\[a-zA-Z1(]|\\(\\?[:=!<Px]){1,9}";
        let strategy = proptest::string::string_regex(strategy).expect("an expression");
        let patterns: Vec<String> =
            (0..20_000).map(|_| strategy.new_tree(&mut runner).expect("a pattern").current()).collect();
        let refused: Vec<&String> = patterns.iter().filter(|pattern| check(pattern).is_err()).collect();
        assert!(refused.len() > 1000);
        let script = "
import json, re, sys, warnings
warnings.simplefilter('ignore')
for pattern in json.load(sys.stdin):
    try:
        re.compile(pattern)
        print(repr(pattern))
    except (re.error, OverflowError):
        pass
";
        let mut python = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python");
        let mut input = python.stdin.take().expect("an input");
        input.write_all(json!(refused).to_string().as_bytes()).expect("a running Python");
        drop(input);
        let output = python.wait_with_output().expect("an output");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "accepted by Python");
        assert!(output.status.success());
    }
}
