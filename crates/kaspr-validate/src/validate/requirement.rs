//! Requirements: arguments of `pip install`.

use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl};
use url::Url;

use crate::install_contract::{Variable, first_variable};

/// The version control systems that pip can install from.
const VERSION_CONTROL: &[&str] = &["git+", "hg+", "svn+", "bzr+"];

/// Message about an invalid requirement.
const ALLOWED: &str =
    "must be a requirement such as 'pandas>=2', or a direct reference such as 'git+https://host/repo@v1'";

/// Upper bound of the length of a requirement that a person writes.
const LONGEST: usize = 4096;

/// Upper bound of the number of conditions in a marker that a person writes. The parser recurses into
/// parentheses, and builds a decision diagram that can double in size with each condition.
const MOST_CONDITIONS: usize = 16;

/// Checks a PEP 508 requirement or a direct reference. It may contain variables of the install container,
/// such as `https://${TOKEN}@host/pkg.whl`.
///
/// # Errors
///
/// Returns what is wrong and what is allowed. The text before an `@` may be a password, so the message never
/// contains it.
pub(super) fn check(text: &str) -> Result<(), String> {
    check_characters(text)?;
    let plain = without_variables(text)?;
    if let Some(system) = VERSION_CONTROL.iter().find(|system| plain.starts_with(**system)) {
        return check_reference(&plain[system.len()..], ReferenceKind::Repository);
    }
    if let Some((name, url)) = plain.split_once('@').filter(|(name, url)| is_named_reference(name, url)) {
        return check_named_reference(name.trim(), url.trim());
    }
    if plain.contains("://") {
        return check_reference(&plain, ReferenceKind::File);
    }
    if plain.starts_with("git@") {
        return Err("must be written as 'git+ssh://git@host/org/repo'".to_owned());
    }
    if plain.contains('@') {
        return Err("must contain a URL after '@', such as 'https://host/package.whl'".to_owned());
    }
    if plain.starts_with(['/', '.'])
        || [".whl", ".tar.gz", ".zip"].iter().any(|suffix| plain.ends_with(suffix))
    {
        return Err(
            "must be a URL when it is a file: 'https://host/package.whl' or 'file:///path/package.whl'"
                .to_owned(),
        );
    }
    parse(&plain).map(drop)
}

fn check_characters(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    if text.trim().is_empty() {
        return Err(ALLOWED.to_owned());
    }
    if text.trim() != text {
        return Err("must not start or end with a space".to_owned());
    }
    if text.starts_with('-') {
        return Err(format!("{ALLOWED}: options of pip are not allowed"));
    }
    if text.contains(|c: char| c.is_control() || matches!(c, '`' | '\\')) {
        return Err("must not contain '`', '\\' or control characters".to_owned());
    }
    // The parser panics on some other characters when it searches for quotes.
    match text.chars().find(|c| !c.is_ascii()) {
        Some(other) => Err(format!("must not contain '{other}': only ASCII is allowed")),
        None => Ok(()),
    }
}

/// Whether a text is of the form `name @ url`, in contrast to `git@host` or `scheme://user@host`.
fn is_named_reference(name: &str, url: &str) -> bool {
    !name.contains("://") && !name.contains(';') && url.contains("://")
}

/// Checks `name @ url ; marker`.
fn check_named_reference(name: &str, url: &str) -> Result<(), String> {
    if parse(name)?.version_or_url.is_some() {
        return Err("must not have both a version and a URL".to_owned());
    }
    let (url, marker) = url.split_once(" ;").map_or((url, None), |(url, marker)| (url.trim(), Some(marker)));
    if let Some(marker) = marker {
        parse(&format!("a ;{marker}"))?;
    }
    match VERSION_CONTROL.iter().find(|system| url.starts_with(**system)) {
        Some(system) => check_reference(&url[system.len()..], ReferenceKind::Repository),
        None => check_reference(url, ReferenceKind::File),
    }
}

/// Kind of a direct reference.
#[derive(Clone, Copy, PartialEq)]
enum ReferenceKind {
    Repository,
    File,
}

/// Checks a URL that pip can install from.
fn check_reference(text: &str, kind: ReferenceKind) -> Result<(), String> {
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || "$\"'<>(){}|;^".contains(*c)) {
        return Err(format!("must not contain '{bad}' in a URL: write it percent-encoded"));
    }
    if kind == ReferenceKind::Repository && text.starts_with("git@") {
        return Err("must be written as 'git+ssh://git@host/org/repo'".to_owned());
    }
    let url = Url::parse(text).map_err(|e| format!("must contain a URL: {e}"))?;
    match (url.scheme(), kind) {
        ("http" | "https" | "file", _) | ("ssh" | "git", ReferenceKind::Repository) => {}
        ("ssh" | "git", ReferenceKind::File) => {
            return Err(format!("must start with 'git+{}://'", url.scheme()));
        }
        (other, _) => return Err(format!("must use one of http, https, ssh, git and file, not '{other}'")),
    }
    if url.scheme() != "file" && url.host_str().unwrap_or_default().is_empty() {
        return Err("must name a host".to_owned());
    }
    Ok(())
}

/// Parses a requirement.
fn parse(text: &str) -> Result<Requirement<VerbatimUrl>, String> {
    let conditions =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| matches!(*word, "and" | "or")).count();
    if conditions >= MOST_CONDITIONS || text.matches('(').count() > MOST_CONDITIONS {
        return Err(format!("must have at most {MOST_CONDITIONS} conditions in its marker"));
    }
    check_names(text)?;
    Requirement::from_str(text).map_err(|e| describe_parse_error(&e.to_string()))
}

/// Checks the name and the extras, because the parser panics on a name that ends with punctuation.
fn check_names(text: &str) -> Result<(), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let extras = text[end..].trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let extras = extras.into_iter().flat_map(|(extras, _)| extras.split([',', ' ']));
    for name in [&text[..end]].into_iter().chain(extras.map(str::trim).filter(|extra| !extra.is_empty())) {
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !name.ends_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Err(
                "must start with a name that starts and ends with a letter or digit, such as 'pandas>=2'"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

/// Returns the first line of the parser's message. The other lines mark a position in the requirement.
fn describe_parse_error(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    format!("must be a requirement such as 'pandas>=2': {first}")
}

/// Returns the names of the variables in a text that are in braces. Another `$NAME` may be part of a password,
/// which no message may show.
pub(super) fn variable_names(text: &str) -> impl Iterator<Item = &str> {
    let variables = std::iter::successors(first_variable(text), |variable| first_variable(variable.after));
    variables.filter(|variable| variable.in_braces).map(|variable| variable.name)
}

/// Replaces each `${NAME}` and `$NAME` with `1`, which is valid as a name, a version and a port.
///
/// # Errors
///
/// Returns a message for any other `$`, because a shell would execute `$(…)`.
pub(super) fn without_variables(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(Variable { before, after, .. }) = first_variable(rest) {
        plain.push_str(before);
        plain.push('1');
        rest = after;
    }
    plain.push_str(rest);
    if plain.contains('$') {
        return Err(
            "must not contain '$' other than in '${NAME}', a variable of the install container".to_owned()
        );
    }
    Ok(plain)
}
