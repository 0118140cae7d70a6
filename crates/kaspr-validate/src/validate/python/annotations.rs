//! Names in annotations that the top level of a block evaluates.
//!
//! Source: Python evaluates the annotations of a function where it is defined, up to version 3.13; from 3.14 on, or with
//! `from __future__ import annotations`, only when something asks for them.

use ruff_python_ast::{
    Expr, ExprContext, ModModule, Stmt, StmtFunctionDef,
    visitor::{self, Visitor},
};

/// Returns the names, with their offsets in bytes.
pub(super) fn names(module: &ModModule) -> Vec<(Box<str>, usize)> {
    let mut names = Names::default();
    if !are_lazy(module) {
        module.body.iter().for_each(|stmt| match stmt {
            Stmt::FunctionDef(def) => names.visit_signature(def),
            Stmt::AnnAssign(each) => names.visit_expr(&each.annotation),
            _ => {}
        });
    }
    names.0
}

/// Returns whether code imports `annotations` from `__future__`.
pub(super) fn are_lazy(module: &ModModule) -> bool {
    module.body.iter().any(|stmt| {
        matches!(stmt, Stmt::ImportFrom(import) if import.module.as_deref() == Some("__future__")
            && import.names.iter().any(|alias| &*alias.name == "annotations"))
    })
}

#[derive(Default)]
struct Names(Vec<(Box<str>, usize)>);

impl Names {
    fn visit_signature(&mut self, def: &StmtFunctionDef) {
        // Annotations may name the type parameters.
        if def.type_params.is_none() {
            let annotations = def.parameters.iter().filter_map(|each| each.annotation());
            annotations.chain(def.returns.as_deref()).for_each(|annotation| self.visit_expr(annotation));
        }
    }
}

impl Visitor<'_> for Names {
    fn visit_expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Name(name) if name.ctx == ExprContext::Load => {
                self.0.push((name.id.as_str().into(), name.range.start().to_usize()));
            }
            // They have scopes of their own.
            Expr::Lambda(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_) => {}
            _ => visitor::walk_expr(self, expr),
        }
    }
}
