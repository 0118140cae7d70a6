//! Findings about code, at their lines.

use std::sync::Arc;

use super::{
    block::Block,
    facts::Read,
    known_names,
    lint::{self, LintCheck},
    meaning::{self, Program},
    position::{line_and_column, line_at, truncated},
};
use crate::{
    api::Code,
    validate::{
        findings::Findings,
        path::Path,
        rule::{self, Rule},
        shared,
    },
};

/// Keys of `context` in `init`, and in operations of tasks and webviews.
///
/// Source: the framework's processors.
pub(crate) const CONTEXT_OF_INIT: &[&str] = &["app"];
/// Keys of `context` in operations of agents.
pub(crate) const CONTEXT_OF_AGENTS: &[&str] = &["app", "event"];

/// Number of errors of one kind and block that are reported.
pub(super) const MOST_ERRORS: usize = 10;

/// Code with the path of its field.
pub(super) struct LocatedCode<'a> {
    /// The code.
    pub python: &'a str,
    /// Path of the field with the code.
    pub at: &'a Path,
}

impl LocatedCode<'_> {
    /// Adds an error about the code at an offset in bytes.
    pub(super) fn error(&self, rule: &'static Rule, at: usize, detail: &str, found: &mut Findings) {
        let (line, column) = line_and_column(self.python, at);
        let text = truncated(line_at(self.python, at).0.trim());
        let detail = format!("line {line}, column {column}: {detail}");
        found.invalid_within(rule, self.at.clone(), text, detail, Some((line, column)));
    }

    /// Adds a warning about the code at an offset in bytes.
    pub(super) fn warn(&self, rule: &'static Rule, at: usize, text: &str, found: &mut Findings) {
        let (line, _) = line_and_column(self.python, at);
        let text = format!("line {line}: {text}");
        found.warn_shortened(rule, self.at.clone(), &text);
    }

    /// Adds warnings for the lints that `wanted` selects, unless a comment in their line suppresses them.
    pub(super) fn warn_lints(&self, block: &Block, wanted: impl Fn(LintCheck) -> bool, found: &mut Findings) {
        let lints =
            block.facts.lints.iter().filter(|lint| {
                wanted(lint.check) && !lint.check.is_suppressed(line_at(self.python, lint.at).0)
            });
        for lint in lints.take(MOST_ERRORS) {
            self.warn(lint.check.rule(), lint.at, &lint.text, found);
        }
    }
}

/// Parses code. Adds its syntax errors, and returns `None` if there are any.
pub(super) fn read_block(code: &Code, at: &Path, found: &mut Findings) -> Option<Arc<Block>> {
    let at = at.child("python");
    if code.python.trim().is_empty() {
        found.required(rule::REQUIRED, at, "must contain Python source");
        return None;
    }
    match Block::read(&code.python) {
        Ok(block) => Some(block),
        Err(lines) => {
            for line in lines {
                found.invalid_line(rule::PYTHON_SYNTAX, at.clone(), line);
            }
            None
        }
    }
}

/// Describes a name that nothing defines.
pub(super) fn describe_undefined(read: &Read, program: Program<'_>) -> String {
    format!("'{}' is not defined{}", read.name, meaning::remedy(read, program))
}

/// Describes a key that `context` does not have. Returns `None` if it has the key, or no key is known.
pub(super) fn describe_key(read: &Read, keys: &[&str]) -> Option<String> {
    let key = read.key.as_deref().filter(|key| !keys.is_empty() && !keys.contains(key))?;
    let known = shared::quoted(keys.iter().copied());
    Some(format!("context has no '{key}' here, only {known}"))
}

/// Checks the annotations of code that runs on the framework's image. `init` is the code whose names it sees.
pub(crate) fn check_annotations(code: &Code, at: &Path, init: Option<&Code>, found: &mut Findings) {
    let Ok(block) = Block::read(&code.python) else { return };
    let init = init.map(|init| Block::read(&init.python)).transpose();
    let Ok(init) = init else { return };
    let blocks = || [Some(&block), init.as_ref()].into_iter().flatten();
    if blocks().any(|block| block.dynamic) {
        return;
    }
    let code = LocatedCode { python: &code.python, at: &at.child("python") };
    let undefined = block.facts.annotations.iter().filter(|(name, at)| {
        let is_bound = blocks().any(|block| block.bindings(name).next().is_some());
        let is_accepted = lint::is_name_accepted(line_at(code.python, *at).0);
        !is_bound && !is_accepted && &**name != "context" && !known_names::is_builtin(name)
    });
    for (name, at) in undefined.take(MOST_ERRORS) {
        let detail = match known_names::is_typing(name) {
            true => format!("'{name}' is not defined: add 'from typing import {name}'"),
            false => {
                format!("'{name}' is not defined: an annotation is evaluated where the function is defined")
            }
        };
        code.error(rule::PYTHON_NAME, *at, &detail, found);
    }
}

/// Checks what code needs of the framework's image. `missing` returns the distribution to add for a module, if the
/// image and the packages of the app lack it.
pub(crate) fn check_image(
    code: &Code,
    at: &Path,
    missing: impl Fn(&str) -> Option<String>,
    found: &mut Findings,
) {
    let Ok(block) = Block::read(&code.python) else { return };
    let code = LocatedCode { python: &code.python, at: &at.child("python") };
    for line in &block.facts.newer_syntax {
        found.invalid_line(rule::PYTHON_VERSION, code.at.clone(), line.clone());
    }
    for import in &block.facts.imports {
        if let Some(distribution) = missing(&import.module) {
            let text =
                format!("'{}' is not in the image: add '{distribution}' to pythonPackages", import.module);
            code.warn(rule::PYTHON_PACKAGE, import.at, &text, found);
        }
    }
}
