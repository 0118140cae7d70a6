//! What a call of a function gives, as far as the code shows it.

use ruff_python_ast::{
    Expr, ExprLambda, Stmt, StmtFunctionDef,
    visitor::{self, Visitor},
};

use super::{facts::CallResult, names};

/// Builtin classes whose instances are not callable.
const NOT_CALLABLE: &[&str] =
    &["bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"];

/// Returns what a call of a function gives. Decorators may change that.
pub(super) fn of_function(def: &StmtFunctionDef) -> CallResult {
    let mut body = Body::default();
    body.visit_body(&def.body);
    if !def.decorator_list.is_empty() {
        CallResult::Value
    } else if body.yields {
        CallResult::Generator
    } else if def.is_async {
        CallResult::Coroutine
    } else if body.returns > 0 && body.returns == body.not_callable {
        CallResult::NotCallable
    } else {
        CallResult::Value
    }
}

/// Returns what a call of a lambda gives.
pub(super) fn of_lambda(lambda: &ExprLambda) -> CallResult {
    let mut body = Body::default();
    body.visit_expr(&lambda.body);
    if body.yields {
        CallResult::Generator
    } else if is_not_callable(&lambda.body) {
        CallResult::NotCallable
    } else {
        CallResult::Value
    }
}

fn is_not_callable(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Name(name) if NOT_CALLABLE.contains(&name.id.as_str()))
        }
        _ => names::is_value(expr),
    }
}

/// The returns and yields of a body, without those of the functions in it.
#[derive(Default)]
struct Body {
    yields: bool,
    returns: usize,
    not_callable: usize,
}

impl<'a> Visitor<'a> for Body {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::Return(each) => {
                self.returns += 1;
                self.not_callable += usize::from(each.value.as_deref().is_some_and(is_not_callable));
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_) => return,
            Expr::Yield(_) | Expr::YieldFrom(_) => self.yields = true,
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}
