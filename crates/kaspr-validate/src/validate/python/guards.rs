//! Code that expects a name to be missing, and code that never runs.

use ruff_python_ast::{
    ExceptHandler, Expr, Number, StmtTry, StmtWith,
    visitor::{self, Visitor},
};

/// The failures that the code around a statement expects.
#[derive(Clone, Copy, Default)]
pub(super) struct Guards {
    /// Names that do not exist.
    pub names: bool,
    /// Imports that fail.
    pub imports: bool,
    /// Keys that are missing.
    pub keys: bool,
}

impl Guards {
    /// Returns the guards of the body of a `try`.
    pub(super) fn within_try(self, stmt: &StmtTry) -> Self {
        Self {
            names: self.names || catches(stmt, &["NameError"]),
            imports: self.imports || catches(stmt, &["ImportError", "ModuleNotFoundError"]),
            keys: self.keys || catches(stmt, &["KeyError", "LookupError"]),
        }
    }

    /// Returns the guards of the body of a `with`, which may suppress exceptions as `contextlib.suppress` does.
    pub(super) fn within_with(self, stmt: &StmtWith) -> Self {
        let all = suppresses(stmt);
        Self { names: self.names || all, imports: self.imports || all, keys: self.keys || all }
    }

    /// Returns the guards of the branches of a condition: one may be for another system.
    pub(super) fn within_branch(self, test: &Expr) -> Self {
        let other = tests_environment(test);
        Self { names: self.names || other, imports: self.imports || other, ..self }
    }
}

/// Returns whether a `try` catches one of the exceptions, or all.
fn catches(stmt: &StmtTry, exceptions: &[&str]) -> bool {
    stmt.handlers.iter().any(|ExceptHandler::ExceptHandler(handler)| {
        handler.type_.as_deref().is_none_or(|class| {
            names_any(class, &["Exception", "BaseException"]) || names_any(class, exceptions)
        })
    })
}

fn suppresses(stmt: &StmtWith) -> bool {
    stmt.items.iter().any(|item| match &item.context_expr {
        Expr::Call(call) => matches!(last_name(&call.func), Some("suppress" | "raises" | "assertRaises")),
        _ => false,
    })
}

/// Names and attributes that conditions on the version of Python or the system read.
const ENVIRONMENT: &[&str] = &["PY2", "PY3", "hexversion", "platform", "version_info"];

/// Returns whether a condition tests the version of Python or the system: then either branch may be for another one.
fn tests_environment(test: &Expr) -> bool {
    struct Names(bool);
    impl<'a> Visitor<'a> for Names {
        fn visit_expr(&mut self, expr: &'a Expr) {
            self.0 |= last_name(expr).is_some_and(|name| ENVIRONMENT.contains(&name));
            visitor::walk_expr(self, expr);
        }
    }
    let mut names = Names(false);
    names.visit_expr(test);
    names.0
}

/// Returns whether a condition is never true when the code runs.
pub(super) fn is_never_true(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(literal) => !literal.value,
        Expr::NumberLiteral(literal) => matches!(&literal.value, Number::Int(int) if *int == 0),
        _ => last_name(test) == Some("TYPE_CHECKING"),
    }
}

/// Returns the last part of a dotted name.
pub(super) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(&name.id),
        Expr::Attribute(attribute) => Some(&attribute.attr),
        _ => None,
    }
}

fn names_any(class: &Expr, names: &[&str]) -> bool {
    match class {
        Expr::Tuple(tuple) => tuple.elts.iter().any(|class| names_any(class, names)),
        // A class that is computed may be any.
        _ => last_name(class).is_none_or(|name| names.contains(&name)),
    }
}
