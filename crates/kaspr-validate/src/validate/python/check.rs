//! Rules of the code in a resource.

use super::{
    block::{BindingKind, Block, BoundName},
    call::Call,
    names::is_identifier,
    position::{LONGEST_LINE, line_and_column, truncated},
};
use crate::{
    api::Code,
    validate::{
        findings::{Findings, shortened},
        path::Path,
        rule, shared,
    },
};

/// Message about an invalid entrypoint.
const ENTRYPOINT: &str = "must be the name of a function, class or other callable in python";

/// The names that the `init` code of a resource binds, for the blocks that follow.
#[derive(Debug, Default)]
pub(crate) struct Init(Block);

impl Init {
    /// Reads the code of `init`. Only its syntax is validated.
    pub(crate) fn check(code: Option<&Code>, at: &Path, found: &mut Findings) -> Self {
        match code {
            None => Self::default(),
            Some(code) => Self(read_block(code, at, found).unwrap_or_else(Block::unknown)),
        }
    }
}

/// Validates code that the framework calls; `call` has the arguments, if they are known.
pub(crate) fn check(code: Option<&Code>, at: &Path, init: &Init, call: Option<&Call>, found: &mut Findings) {
    let Some(code) = code else { return };
    let block = read_block(code, at, found);
    // The framework treats an empty entrypoint as missing.
    let entrypoint = code.entrypoint.as_deref().filter(|name| !name.is_empty());
    if let Some(entrypoint) = entrypoint.filter(|name| !is_identifier(name)) {
        found.invalid(rule::PYTHON_ENTRYPOINT, at.child("entrypoint"), entrypoint, ENTRYPOINT);
        return;
    }
    let Some(block) = block else { return };
    let name = match entrypoint {
        Some(name) => Some(name).filter(|name| check_is_bound(name, &block, init, at, found)),
        None => choose_callable(&block, init, code, at, found),
    };
    if let (Some(name), Some(call)) = (name, call) {
        check_call(name, (code, &block), init, call, at, found);
    }
}

/// Parses code. Adds its syntax errors, and returns `None` if there are any.
fn read_block(code: &Code, at: &Path, found: &mut Findings) -> Option<Block> {
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

/// Checks that the code binds the entrypoint of the author. Returns whether it does.
fn check_is_bound(name: &str, block: &Block, init: &Init, at: &Path, found: &mut Findings) -> bool {
    let mut bindings = block.bindings(name).chain(init.0.bindings(name));
    if block.dynamic || init.0.dynamic || bindings.any(|bound| bound.kind != BindingKind::Constant) {
        return true;
    }
    let mut callables = block.callables();
    callables.extend(init.0.callables());
    let known = match callables.as_slice() {
        [only] => shared::quoted([*only].into_iter()),
        _ => shared::one_of(callables.iter().copied()),
    };
    found.invalid(rule::PYTHON_ENTRYPOINT, at.child("entrypoint"), name, format!("{ENTRYPOINT}: {known}"));
    false
}

/// Chooses the function to call if the author does not name one.
fn choose_callable<'a>(
    block: &'a Block,
    init: &Init,
    code: &Code,
    at: &Path,
    found: &mut Findings,
) -> Option<&'a str> {
    match block.callables().as_slice() {
        [name] => return Some(name),
        [] => {
            let others = block.names.iter().filter(|bound| bound.kind.may_be_callable()).count();
            if others == 0 && !block.dynamic {
                let line = code.python.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let at = at.child("python");
                found.invalid(rule::PYTHON_FUNCTION, at, truncated(line), "must define a function");
            } else if others > 1 || init.0.names.iter().any(|bound| bound.kind.may_be_callable()) {
                found.warn(
                    rule::PYTHON_GUESS,
                    at.clone(),
                    "has no entrypoint: the framework calls the first callable",
                );
            }
        }
        names => {
            let names = shared::quoted(names.iter().copied());
            let why = format!("must name the function to call, for python defines several: one of {names}");
            found.required(rule::PYTHON_FUNCTION, at.child("entrypoint"), &why);
        }
    }
    None
}

/// Compares the signature of the function with the arguments of the call.
fn check_call(
    name: &str,
    (code, block): (&Code, &Block),
    init: &Init,
    call: &Call,
    at: &Path,
    found: &mut Findings,
) {
    let is_in_block = block.bindings(name).next().is_some();
    let mut bindings = block.bindings(name).chain(init.0.bindings(name));
    let (Some(BoundName { signature: Some(signature), line, at: start, .. }), None) =
        (bindings.next(), bindings.next())
    else {
        return;
    };
    if block.dynamic || init.0.dynamic || signature.accepts(call) {
        return;
    }
    if signature.accepts(&call.without_parameters()) {
        let names: Vec<&str> = call.parameters.iter().map(String::as_str).collect();
        let text = format!("'{name}' must also take {} of request.path", shared::quoted(names.into_iter()));
        found.warn(rule::PATH_PARAMETER, at.clone(), shortened(&text, LONGEST_LINE - 10));
        return;
    }
    let (at, value, within) = if is_in_block {
        (at.child("python"), line.as_str(), Some(line_and_column(&code.python, *start)))
    } else {
        (at.child("entrypoint"), name, None)
    };
    let detail = format!("is called with {call}, but '{name}' takes {signature}");
    found.invalid_within(rule::PYTHON_CALL, at, value, detail, within);
}
