//! Checks in addition to Ruff's checker: errors that it does not report, and limits for code that it
//! would check too slowly.

use std::fmt;

use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, ExprName, ExprNumberLiteral, InterpolatedStringElement,
    Number, Pattern, Stmt, TypeParams,
};
use ruff_python_parser::semantic_errors::SemanticSyntaxContext;
use ruff_text_size::{Ranged, TextRange};

use super::scopes::SyntaxContext;

/// Ruff's checker compares all pairs of type parameters; no real code has as many.
const MOST_TYPE_PARAMETERS: usize = 200;
/// Ruff's checker compares all pairs of loops; no real code has as many.
const MOST_LOOPS: usize = 100;
/// Source: CPython's limit of nested blocks.
const MOST_BLOCKS: usize = 20;
/// Source: CPython's limit of the digits of an integer.
const MOST_DIGITS: usize = 4300;

impl SyntaxContext<'_> {
    /// Checks statements that are not allowed in their place.
    pub(super) fn check_stmt(&self, stmt: &Stmt) {
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

    /// Checks declarations of a new scope that contradict each other.
    pub(super) fn check_declarations(&self) {
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

    /// Checks a name that is declared later.
    pub(super) fn check_name(&self, name: &ExprName) {
        let declared = self.declared().and_then(|declared| declared.nonlocals.get(name.id.as_str()));
        if declared.is_some_and(|declared| name.range.start() < declared.start()) {
            let how = if name.ctx == ExprContext::Store { "assigned to" } else { "used" };
            let what = format!("name '{}' is {how} prior to nonlocal declaration", name.id);
            self.report(name.range, what);
        }
    }

    /// Checks that a number is not too long.
    pub(super) fn check_number(&self, number: &ExprNumberLiteral) {
        let is_long = number.range.len().to_usize() > MOST_DIGITS;
        if is_long && matches!(number.value, Number::Int(_)) && !self.source()[number.range].starts_with('0')
        {
            let what = format!("must not be a number of more than {MOST_DIGITS} digits");
            self.report(number.range, what);
        }
    }

    /// Checks patterns that match nothing or everything.
    pub(super) fn check_pattern(&self, pattern: &Pattern) {
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

    /// Checks a replacement field of a string.
    pub(super) fn check_field(&self, element: &InterpolatedStringElement) {
        if let InterpolatedStringElement::Interpolation(each) = element
            && each.expression.is_starred_expr()
        {
            self.report(each.range, "starred expression cannot be used here");
        }
    }

    /// Checks the nesting of a body; `blocks` is the number of enclosing blocks, including the body.
    pub(super) fn check_nesting(&self, blocks: usize, body: &[Stmt]) {
        // Reported only once, at the first body that is too deep.
        if let Some(first) = body.first().filter(|_| blocks == MOST_BLOCKS + 1) {
            let what = format!("must not nest more than {MOST_BLOCKS} loops, 'with' and 'try'");
            self.report(first.range(), what);
        }
    }

    /// Whether a statement has more type parameters than can be checked.
    pub(super) fn has_too_many_parameters(&self, stmt: &Stmt) -> bool {
        let parameters: Option<&TypeParams> = match stmt {
            Stmt::FunctionDef(def) => def.type_params.as_deref(),
            Stmt::ClassDef(def) => def.type_params.as_deref(),
            Stmt::TypeAlias(alias) => alias.type_params.as_deref(),
            _ => None,
        };
        let too_many = parameters.filter(|all| all.type_params.len() > MOST_TYPE_PARAMETERS);
        self.report_if(
            too_many.map(Ranged::range),
            format_args!("must not have more than {MOST_TYPE_PARAMETERS} type parameters"),
        )
    }

    /// Whether a comprehension has more loops than can be checked.
    pub(super) fn has_too_many_loops(&self, expr: &Expr, loops: &[Comprehension]) -> bool {
        self.report_if(
            (loops.len() > MOST_LOOPS).then(|| expr.range()),
            format_args!("must not have more than {MOST_LOOPS} loops in a comprehension"),
        )
    }

    fn report_if(&self, range: Option<TextRange>, what: fmt::Arguments<'_>) -> bool {
        if let Some(range) = range {
            self.report(range, what.to_string());
        }
        range.is_some()
    }
}
