//! Rules of the code in a resource.

use super::{
    block::{BindingKind, Block, BoundName},
    body,
    call::Call,
    init::Init,
    located::{LocatedCode, read_block},
    names::is_identifier,
    position::{line_and_column, truncated},
    role::Role,
};
use crate::{
    api::Code,
    validate::{findings::Findings, path::Path, rule, shared},
};

/// Message about an invalid entrypoint.
const ENTRYPOINT: &str = "must be the name of a function, class or other callable in python";

/// Validates code that the framework calls; `call` has the arguments, if they are known.
pub(crate) fn check(
    code: Option<&Code>,
    at: &Path,
    (init, role): (&Init, Role),
    call: Option<&Call>,
    found: &mut Findings,
) {
    let Some(code) = code else { return };
    let block = read_block(code, at, found);
    let nothing = Block::default();
    let seen = if role.sees_init() { init.block() } else { &nothing };
    // The framework treats an empty entrypoint as missing.
    let entrypoint = code.entrypoint.as_deref().filter(|name| !name.is_empty());
    if let Some(entrypoint) = entrypoint.filter(|name| !is_identifier(name)) {
        found.invalid(rule::PYTHON_ENTRYPOINT, at.child("entrypoint"), entrypoint, ENTRYPOINT);
        return;
    }
    let Some(block) = block else { return };
    let name = match entrypoint {
        Some(name) => Some(name).filter(|name| check_is_bound(name, &block, seen, at, found)),
        None => choose_callable(&block, seen, code, at, found),
    };
    if let (Some(name), Some(call)) = (name, call)
        && !check_call(name, (code, &block), seen, call, at, found)
    {
        // The call fails before anything in the function runs.
        return;
    }
    let located = LocatedCode { python: &code.python, at: &at.child("python") };
    body::check(&located, &block, name, init, role, found);
}

/// Checks that the code binds the entrypoint of the author. Returns whether it does.
fn check_is_bound(name: &str, block: &Block, init: &Block, at: &Path, found: &mut Findings) -> bool {
    let mut bindings = block.bindings(name).chain(init.bindings(name));
    if block.dynamic || init.dynamic || bindings.any(|bound| bound.kind != BindingKind::Constant) {
        return true;
    }
    let mut callables = block.callables();
    callables.extend(init.callables());
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
    init: &Block,
    code: &Code,
    at: &Path,
    found: &mut Findings,
) -> Option<&'a str> {
    match block.callables().as_slice() {
        [name] => {
            warn_of_class(name, block, at, found);
            return Some(name);
        }
        [] => {
            let others = block.names.iter().filter(|bound| bound.kind.may_be_callable()).count();
            if others == 0 && !block.dynamic {
                let line = code.python.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let at = at.child("python");
                found.invalid(rule::PYTHON_FUNCTION, at, truncated(line), "must define a function");
            } else if others > 1 || init.names.iter().any(|bound| bound.kind.may_be_callable()) {
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

/// Warns about a class next to other values that may be callable: the framework calls the class.
fn warn_of_class(name: &str, block: &Block, at: &Path, found: &mut Findings) {
    let is_class = block.bindings(name).all(|bound| bound.kind == BindingKind::Class);
    if is_class && block.names.iter().any(|bound| bound.kind == BindingKind::Unknown) {
        let text = format!("has no entrypoint: the framework calls the class '{name}'");
        found.warn_shortened(rule::PYTHON_GUESS, at.clone(), &text);
    }
}

/// Compares the signature of the function with the arguments of the call. Returns whether the call can succeed.
fn check_call(
    name: &str,
    (code, block): (&Code, &Block),
    init: &Block,
    call: &Call,
    at: &Path,
    found: &mut Findings,
) -> bool {
    let is_in_block = block.bindings(name).next().is_some();
    let mut bindings = block.bindings(name).chain(init.bindings(name));
    let (Some(BoundName { signature: Some(signature), line, at: start, .. }), None) =
        (bindings.next(), bindings.next())
    else {
        return true;
    };
    if block.dynamic || init.dynamic || signature.accepts(call) {
        return true;
    }
    let (at, value, within) = if is_in_block {
        (at.child("python"), line.as_str(), Some(line_and_column(&code.python, *start)))
    } else {
        (at.child("entrypoint"), name, None)
    };
    if signature.accepts(&call.without_parameters()) {
        let names: Vec<&str> = call.parameters.iter().map(String::as_str).collect();
        let detail = format!("'{name}' must also take {} of request.path", shared::quoted(names.into_iter()));
        found.invalid_within(rule::PATH_PARAMETER, at, value, detail, within);
    } else {
        let detail = format!("is called with {call}, but '{name}' takes {signature}");
        found.invalid_within(rule::PYTHON_CALL, at, value, detail, within);
    }
    false
}
