//! The checks of linters, chosen for code that a member runs in its event loop.

use std::collections::HashSet;

use ruff_python_ast::{
    CmpOp, ExceptHandler, Expr, ExprCall, ExprCompare, ExprFString, FStringPart, ModModule, Operator,
    Parameters, Stmt, StmtFunctionDef, StmtTry,
    visitor::{self, Visitor},
};
use ruff_text_size::{Ranged, TextRange};

use super::{
    format_args,
    guards::last_name,
    lint::{Lint, LintCheck},
    names::Binding,
};

/// Functions of modules that wait and block the event loop, with what to use instead.
const BLOCKING: &[(&str, &[&str], &str)] = &[
    ("time", &["sleep"], "await asyncio.sleep()"),
    ("requests", &["get", "post", "put", "patch", "delete", "head", "request"], "an asynchronous client"),
    ("httpx", &["get", "post", "put", "patch", "delete", "head", "request"], "httpx.AsyncClient"),
    ("subprocess", &["run", "call", "check_call", "check_output"], "asyncio.create_subprocess_exec()"),
    ("urllib.request", &["urlopen"], "an asynchronous client"),
    ("os", &["system"], "asyncio.create_subprocess_shell()"),
];

/// Functions of `asyncio` that return a coroutine.
const COROUTINES: &[&str] = &["sleep", "gather", "wait_for", "wait", "open_connection", "to_thread"];

/// Runs the checks on a module.
pub(super) fn check<'a>(module: &'a ModModule, bindings: &[(&'a str, Binding<'a>)]) -> Vec<Lint> {
    let is_async = |binding: &Binding<'_>| matches!(binding, Binding::Function(def) if def.is_async && def.decorator_list.is_empty());
    let (coroutines, others): (Vec<&(&str, _)>, Vec<&(&str, _)>) =
        bindings.iter().partition(|(_, binding)| is_async(binding));
    let others: HashSet<&str> = others.into_iter().map(|(name, _)| *name).collect();
    let coroutines = coroutines.into_iter().map(|(name, _)| *name).filter(|name| !others.contains(name));
    let mut linter = Linter { coroutines: coroutines.collect(), lints: Vec::new(), is_async: false };
    linter.visit_body(&module.body);
    linter.lints
}

struct Linter<'a> {
    /// Names that are bound only to `async def`.
    coroutines: HashSet<&'a str>,
    lints: Vec<Lint>,
    /// Whether the code is directly in an `async def`.
    is_async: bool,
}

impl<'a> Linter<'a> {
    fn report(&mut self, check: LintCheck, range: TextRange, text: impl Into<String>) {
        self.lints.push(Lint { check, at: range.start().to_usize(), text: text.into() });
    }

    fn visit_function(&mut self, def: &'a StmtFunctionDef) {
        self.check_defaults(&def.parameters);
        let outer = std::mem::replace(&mut self.is_async, def.is_async);
        def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
        self.visit_parameters(&def.parameters);
        self.visit_body(&def.body);
        self.is_async = outer;
    }

    fn check_defaults(&mut self, parameters: &Parameters) {
        let all = parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs);
        for parameter in all {
            let Some(default) = parameter.default.as_deref() else { continue };
            let is_call = |call: &ExprCall| {
                matches!(&*call.func, Expr::Name(name) if matches!(name.id.as_str(), "dict" | "list" | "set"))
                    && call.arguments.args.is_empty()
                    && call.arguments.keywords.is_empty()
            };
            let is_mutable = match default {
                Expr::List(_) | Expr::Dict(_) | Expr::Set(_) => true,
                Expr::Call(call) => is_call(call),
                _ => false,
            };
            if is_mutable {
                let name = &parameter.parameter.name;
                let text = format!("the default value of '{name}' is shared by all calls: use None");
                self.report(LintCheck::MutableDefault, default.range(), text);
            }
        }
    }

    /// A call whose coroutine is dropped.
    fn check_statement(&mut self, expr: &Expr) {
        let Expr::Call(call) = expr else { return };
        let name = match &*call.func {
            Expr::Name(name) if self.coroutines.contains(name.id.as_str()) => name.id.to_string(),
            Expr::Attribute(attribute)
                if is_module(&attribute.value, "asyncio") && COROUTINES.contains(&&*attribute.attr) =>
            {
                format!("asyncio.{}", attribute.attr)
            }
            _ => return,
        };
        self.report(
            LintCheck::NotAwaited,
            call.range(),
            format!("{name}() is never awaited: it does nothing"),
        );
    }

    fn check_call(&mut self, call: &ExprCall) {
        let Expr::Attribute(function) = &*call.func else { return };
        if self.is_async {
            let blocking = BLOCKING.iter().find(|(module, functions, _)| {
                is_module(&function.value, module) && functions.contains(&&*function.attr)
            });
            if let Some((module, _, instead)) = blocking {
                let text = format!("{module}.{}() blocks the member: use {instead}", function.attr);
                self.report(LintCheck::Blocking, call.range(), text);
            }
        }
        if let (Expr::StringLiteral(format), "format") = (&*function.value, &*function.attr)
            && let Some(text) = format_args::check_format(format.value.to_str(), &call.arguments)
        {
            self.report(LintCheck::Format, call.range(), text);
        }
    }

    fn check_compare(&mut self, compare: &ExprCompare) {
        let mut left = &*compare.left;
        for (op, right) in compare.ops.iter().zip(&compare.comparators) {
            if matches!(op, CmpOp::Is | CmpOp::IsNot) && (is_value(left) || is_value(right)) {
                let (is, instead) = if *op == CmpOp::Is { ("is", "==") } else { ("is not", "!=") };
                let text = format!("'{is}' compares identity, not the value: use '{instead}'");
                self.report(LintCheck::IsLiteral, right.range(), text);
            }
            left = right;
        }
    }

    fn check_handlers(&mut self, stmt: &StmtTry) {
        if !self.is_async {
            return;
        }
        for ExceptHandler::ExceptHandler(handler) in &stmt.handlers {
            let class = handler.type_.as_deref();
            // A handler above the others has caught the cancellation already.
            if class.is_some_and(|class| last_name(class) == Some("CancelledError")) {
                return;
            }
            let mut raises = Raises(false);
            raises.visit_body(&handler.body);
            if !raises.0 && class.is_none_or(|class| last_name(class) == Some("BaseException")) {
                let what = if class.is_none() { "except:" } else { "except BaseException" };
                let text = format!("'{what}' swallows cancellation: use 'except Exception'");
                self.report(LintCheck::Cancellation, handler.range, text);
            }
        }
    }

    fn check_f_string(&mut self, f_string: &ExprFString) {
        let has_field = f_string.value.iter().any(|part| match part {
            FStringPart::FString(part) => part.elements.iter().any(|element| element.is_interpolation()),
            FStringPart::Literal(_) => false,
        });
        if !has_field {
            self.report(LintCheck::FString, f_string.range, "f-string without placeholders");
        }
    }
}

/// Whether an expression is the name of a module, which may be dotted.
fn is_module(expr: &Expr, module: &str) -> bool {
    match (expr, module.rsplit_once('.')) {
        (Expr::Name(name), None) => name.id.as_str() == module,
        (Expr::Attribute(attribute), Some((parent, last))) => {
            &*attribute.attr == last && is_module(&attribute.value, parent)
        }
        _ => false,
    }
}

/// Whether an expression is a literal whose identity means nothing.
fn is_value(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::FString(_)
            | Expr::List(_)
            | Expr::Dict(_)
            | Expr::Set(_)
            | Expr::Tuple(_)
    )
}

/// Whether a body raises an exception.
struct Raises(bool);

impl<'a> Visitor<'a> for Raises {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Raise(_) => self.0 = true,
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }
}

impl<'a> Visitor<'a> for Linter<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => return self.visit_function(def),
            Stmt::Expr(each) => self.check_statement(&each.value),
            Stmt::Try(each) => self.check_handlers(each),
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => self.check_call(call),
            Expr::Compare(compare) => self.check_compare(compare),
            Expr::FString(f_string) => self.check_f_string(f_string),
            Expr::BinOp(each) if each.op == Operator::Mod => {
                if let Expr::StringLiteral(format) = &*each.left
                    && let Some(text) = format_args::check_percent(format.value.to_str(), &each.right)
                {
                    self.report(LintCheck::Format, each.range, text);
                }
            }
            Expr::Lambda(_) => {
                let outer = std::mem::replace(&mut self.is_async, false);
                visitor::walk_expr(self, expr);
                self.is_async = outer;
                return;
            }
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}
