//! Code that expects a name to be missing, and code that never runs.

use ruff_python_ast::{
    ExceptHandler, Expr, Number, StmtTry, StmtWith,
    visitor::{self, Visitor},
};

/// Classes of exceptions that include `NameError`.
const CATCH_ALL: &[&str] = &["NameError", "Exception", "BaseException"];

/// Returns whether a `try` catches a `NameError`, or the error of an import that fails.
pub(super) fn catches_name_error(stmt: &StmtTry) -> bool {
    stmt.handlers.iter().any(|ExceptHandler::ExceptHandler(handler)| {
        handler.type_.as_deref().is_none_or(|class| names_any(class, CATCH_ALL))
    })
}

/// Returns whether a `try` catches the error of an import that fails.
pub(super) fn catches_import_error(stmt: &StmtTry) -> bool {
    stmt.handlers.iter().any(|ExceptHandler::ExceptHandler(handler)| {
        handler.type_.as_deref().is_none_or(|class| {
            names_any(class, CATCH_ALL) || names_any(class, &["ImportError", "ModuleNotFoundError"])
        })
    })
}

/// Returns whether a `with` may suppress exceptions, as `contextlib.suppress` does.
pub(super) fn suppresses(stmt: &StmtWith) -> bool {
    stmt.items.iter().any(|item| match &item.context_expr {
        Expr::Call(call) => matches!(last_name(&call.func), Some("suppress" | "raises" | "assertRaises")),
        _ => false,
    })
}

/// Names and attributes that conditions on the version of Python or the system read.
const ENVIRONMENT: &[&str] = &["PY2", "PY3", "hexversion", "platform", "version_info"];

/// Returns whether a condition tests the version of Python or the system: then either branch may be for another one.
pub(super) fn tests_environment(test: &Expr) -> bool {
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
