//! Rules of what code does when the framework calls it.

use super::{
    block::{BindingKind, Block},
    facts::CallResult,
    init::Init,
    lint::{self, LintCheck},
    located::{LocatedCode, MOST_ERRORS, describe_key, describe_undefined},
    meaning::Program,
    position::line_at,
    role::Role,
};
use crate::validate::{findings::Findings, rule};

/// Checks what code does when the framework calls its function `entry`.
pub(super) fn check(
    code: &LocatedCode<'_>,
    block: &Block,
    entry: Option<&str>,
    init: &Init,
    role: Role,
    found: &mut Findings,
) {
    if role == Role::Idle {
        return;
    }
    if let Some(entry) = entry {
        check_result(code, block, entry, role, found);
    }
    let sees_init = role.sees_init();
    if block.dynamic {
        if sees_init {
            init.record_reader(None);
        }
    } else {
        let program = Program { block, init: sees_init.then(|| init.block()), has_context: sees_init };
        check_names(code, program, entry, init, found);
    }
    code.warn_lints(block, |check| sees_init || check != LintCheck::State, found);
    if sees_init {
        check_globals(code, block, init, found);
    }
}

/// Warns about `global` names of `init`: the scope is a copy, so what the code assigns is lost with the value.
fn check_globals(code: &LocatedCode<'_>, block: &Block, init: &Init, found: &mut Findings) {
    let assigned = |name: &str| block.facts.variables.iter().any(|(variable, _)| &**variable == name);
    for (name, at) in &block.facts.globals {
        if init.block().bindings(name).next().is_some() && !assigned(name) {
            let text = format!("'{name}' is reset for every value: keep it in an object of init");
            code.warn(rule::PYTHON_STATE, *at, &text, found);
        }
    }
}

fn check_names(
    code: &LocatedCode<'_>,
    program: Program<'_>,
    entry: Option<&str>,
    init: &Init,
    found: &mut Findings,
) {
    let reading = program.read(entry);
    let undefined = reading
        .undefined
        .iter()
        .filter(|name| !name.in_init && !lint::is_name_accepted(line_at(code.python, name.read.at).0));
    for name in undefined.take(MOST_ERRORS) {
        let read = name.read;
        let in_init = program.init.is_none()
            && (&*read.name == "context" || init.block().bindings(&read.name).next().is_some());
        if in_init {
            let what = if &*read.name == "context" { "context" } else { "the names of init" };
            let detail = format!(
                "'{}' is not defined: a selector does not see {what}, so define it in this code",
                read.name
            );
            code.error(rule::PYTHON_SELECTOR_SCOPE, read.at, &detail, found);
        } else {
            code.error(rule::PYTHON_NAME, read.at, &describe_undefined(read, program), found);
        }
    }
    let is_changed = program.block.facts.changes_context || init.block().facts.changes_context;
    for key in reading.context_keys.iter().filter(|key| !key.in_init && !is_changed) {
        if let Some(detail) = describe_key(key.read, init.context_keys) {
            code.error(rule::PYTHON_CONTEXT, key.read.at, &detail, found);
        }
    }
    if program.init.is_some() {
        init.record_reader(Some(&reading));
    }
}

/// Compares what a call of the function gives with what the framework does with it.
fn check_result(code: &LocatedCode<'_>, block: &Block, entry: &str, role: Role, found: &mut Findings) {
    if block.dynamic || block.bindings(entry).any(|bound| bound.kind != BindingKind::Function) {
        return;
    }
    let mut results = block.facts.units_of(entry);
    let Some(result) = results.next().map(|unit| unit.result) else { return };
    let Some(bound) = block.bindings(entry).next().filter(|_| results.all(|unit| unit.result == result))
    else {
        return;
    };
    let (rule, detail) = match (role, result) {
        (Role::Selector | Role::Predicate | Role::DefaultSelector, CallResult::Coroutine) => (
            rule::PYTHON_ASYNC,
            format!("'{entry}' must not be async: the framework uses its coroutine without awaiting it"),
        ),
        (Role::Predicate | Role::Filter, CallResult::Generator) => {
            (rule::PYTHON_GENERATOR, format!("'{entry}' must not yield: a generator is always true"))
        }
        (Role::DefaultSelector, CallResult::NotCallable) => (
            rule::TABLE_DEFAULT,
            format!("'{entry}' must return a class or function, such as int, that makes the default value"),
        ),
        _ => return,
    };
    code.error(rule, bound.at, &detail, found);
}
