//! What Ruff's checker leaves to others, and what it would take too long to check.

use std::fmt;

use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, ExprName, ExprNumberLiteral, InterpolatedStringElement,
    Number, Pattern, Stmt, TypeParams,
};
use ruff_python_parser::semantic_errors::SemanticSyntaxContext;
use ruff_text_size::{Ranged, TextRange};

use super::scopes::Context;

/// The checker compares each with each; nobody writes as many.
const MOST_TYPE_PARAMETERS: usize = 200;
/// The same.
const MOST_LOOPS: usize = 100;
/// CPython refuses more.
const MOST_BLOCKS: usize = 20;
/// CPython refuses to read longer ones.
const MOST_DIGITS: usize = 4300;

impl Context<'_> {
    /// Statements in the wrong place.
    pub fn check_stmt(&self, stmt: &Stmt) {
        match stmt {
            Stmt::Expr(each) if each.value.is_starred_expr() => {
                self.report(each.range, "starred expression cannot be used here");
            }
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::Return(_)
                if self.scope().is_some_and(|scope| scope.in_except_star) =>
            {
                let what = "'break', 'continue' and 'return' cannot be used in an 'except*' block";
                self.report(stmt.range(), what);
            }
            Stmt::Try(each) => {
                let others = each.handlers.split_last().map_or(&[][..], |(_, others)| others);
                for ExceptHandler::ExceptHandler(handler) in others.iter() {
                    if handler.type_.is_none() {
                        self.report(handler.range, "'except:' must be the last");
                    }
                }
            }
            _ => {}
        }
    }

    /// What the declarations of a new scope contradict.
    pub fn check_declarations(&self) {
        let Some(declared) = self.declared() else { return };
        for (name, range) in &declared.nonlocals {
            if declared.globals.contains_key(name) {
                self.report(*range, format!("name '{name}' is nonlocal and global"));
            }
        }
        for (name, range) in &declared.annotated {
            for (declared, how) in [(&declared.globals, "global"), (&declared.nonlocals, "nonlocal")] {
                if declared.contains_key(name) {
                    self.report(*range, format!("annotated name '{name}' can't be {how}"));
                }
            }
        }
    }

    /// A name that is declared later.
    pub fn check_name(&self, name: &ExprName) {
        let declared = self.declared().and_then(|declared| declared.nonlocals.get(name.id.as_str()));
        if declared.is_some_and(|declared| name.range.start() < declared.start()) {
            let how = if name.ctx == ExprContext::Store { "assigned to" } else { "used" };
            let what = format!("name '{}' is {how} prior to nonlocal declaration", name.id);
            self.report(name.range, what);
        }
    }

    /// A number that is too long to be read.
    pub fn check_number(&self, number: &ExprNumberLiteral) {
        let is_long = number.range.len().to_usize() > MOST_DIGITS;
        if is_long && matches!(number.value, Number::Int(_)) && !self.source()[number.range].starts_with('0')
        {
            let what = format!("must not be a number of more than {MOST_DIGITS} digits");
            self.report(number.range, what);
        }
    }

    /// Patterns that match nothing or everything.
    pub fn check_pattern(&self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchValue(each) if each.value.is_f_string_expr() => {
                self.report(each.range, "patterns may only match literals and attributes");
            }
            Pattern::MatchOr(each) => {
                for early in each.patterns.iter().rev().skip(1).filter(|each| each.is_irrefutable()) {
                    self.report(early.range(), "makes remaining patterns unreachable");
                }
            }
            _ => {}
        }
    }

    /// A replacement field of a string.
    pub fn check_field(&self, element: &InterpolatedStringElement) {
        if let InterpolatedStringElement::Interpolation(each) = element
            && each.expression.is_starred_expr()
        {
            self.report(each.range, "starred expression cannot be used here");
        }
    }

    /// A body that has as many blocks context it, itself included.
    pub fn check_nesting(&self, blocks: usize, body: &[Stmt]) {
        // Once is enough.
        if let Some(first) = body.first().filter(|_| blocks == MOST_BLOCKS + 1) {
            let what = format!("must not nest more than {MOST_BLOCKS} loops, 'with' and 'try'");
            self.report(first.range(), what);
        }
    }

    /// Whether a statement has more type parameters than can be checked.
    pub fn has_too_many_parameters(&self, stmt: &Stmt) -> bool {
        let parameters: Option<&TypeParams> = match stmt {
            Stmt::FunctionDef(def) => def.type_params.as_deref(),
            Stmt::ClassDef(def) => def.type_params.as_deref(),
            Stmt::TypeAlias(alias) => alias.type_params.as_deref(),
            _ => None,
        };
        let too_many = parameters.filter(|all| all.type_params.len() > MOST_TYPE_PARAMETERS);
        self.refuses(
            too_many.map(Ranged::range),
            format_args!("must not have more than {MOST_TYPE_PARAMETERS} type parameters"),
        )
    }

    /// Whether a comprehension has more loops than can be checked.
    pub fn has_too_many_loops(&self, expr: &Expr, loops: &[Comprehension]) -> bool {
        self.refuses(
            (loops.len() > MOST_LOOPS).then(|| expr.range()),
            format_args!("must not have more than {MOST_LOOPS} loops in a comprehension"),
        )
    }

    fn refuses(&self, range: Option<TextRange>, what: fmt::Arguments<'_>) -> bool {
        if let Some(range) = range {
            self.report(range, what.to_string());
        }
        range.is_some()
    }
}
