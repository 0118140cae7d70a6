//! Which names a body of code binds, and to what.

use std::collections::HashMap;

use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, ExprLambda, Pattern, Stmt, StmtClassDef,
    StmtFunctionDef,
    visitor::{self, Visitor},
};
use ruff_text_size::TextRange;

/// What a name is bound to.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// `def` or `async def`.
    Function(&'a StmtFunctionDef),
    /// `class`.
    Class(&'a StmtClassDef),
    /// A lambda that is assigned.
    Lambda(&'a ExprLambda),
    /// A number, text or collection, which can't be called.
    Constant,
    /// An imported module, which is not called either.
    Module,
    /// Anything, such as what a call returns or a module holds.
    Unknown,
}

/// Names that the body binds in its own scope, in order; a name that is bound twice stands twice.
pub fn bound(body: &[Stmt]) -> Vec<(&str, What<'_>)> {
    let mut binder = Binder::default();
    binder.visit_body(body);
    binder.bound
}

#[derive(Default)]
struct Binder<'a> {
    bound: Vec<(&'a str, What<'a>)>,
}

impl<'a> Binder<'a> {
    fn bind(&mut self, name: &'a str, what: What<'a>) {
        self.bound.push((name, what));
    }

    fn assign(&mut self, target: &'a Expr, value: &'a Expr) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value_of(value)),
            other => self.visit_expr(other),
        }
    }
}

/// What an expression is, as far as it shows.
fn value_of(expr: &Expr) -> What<'_> {
    match expr {
        Expr::Lambda(lambda) => What::Lambda(lambda),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_)
        | Expr::FString(_)
        | Expr::TString(_)
        | Expr::List(_)
        | Expr::Tuple(_)
        | Expr::Set(_)
        | Expr::Dict(_)
        | Expr::ListComp(_)
        | Expr::SetComp(_)
        | Expr::DictComp(_)
        | Expr::Generator(_)
        | Expr::Compare(_) => What::Constant,
        _ => What::Unknown,
    }
}

impl<'a> Visitor<'a> for Binder<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
                self.visit_parameters(&def.parameters);
                self.bind(&def.name, What::Function(def));
            }
            Stmt::ClassDef(def) => {
                def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
                def.arguments.iter().for_each(|each| self.visit_arguments(each));
                self.bind(&def.name, What::Class(def));
            }
            Stmt::Assign(assign) => {
                self.visit_expr(&assign.value);
                assign.targets.iter().for_each(|target| self.assign(target, &assign.value));
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.visit_expr(value);
                    self.assign(&assign.target, value);
                }
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let first = alias.name.split('.').next().unwrap_or_default();
                    self.bind(alias.asname.as_deref().unwrap_or(first), What::Module);
                }
            }
            Stmt::ImportFrom(import) => {
                let future = import.module.as_deref() == Some("__future__");
                for alias in import.names.iter().filter(|alias| &*alias.name != "*") {
                    let name = alias.asname.as_deref().unwrap_or(&alias.name);
                    self.bind(name, if future { What::Constant } else { What::Unknown });
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_) => {}
            Expr::Named(named) => {
                self.visit_expr(&named.value);
                self.assign(&named.target, &named.value);
            }
            // A name that is deleted may be gone or not.
            Expr::Name(name) if name.ctx != ExprContext::Load => {
                self.bind(name.id.as_str(), What::Unknown);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        self.visit_expr(&comprehension.iter);
        comprehension.ifs.iter().for_each(|test| self.visit_expr(test));
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(each) = handler;
        if let Some(name) = &each.name {
            self.bind(name, What::Unknown);
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(each) => each.name.as_ref(),
            Pattern::MatchStar(each) => each.name.as_ref(),
            Pattern::MatchMapping(each) => each.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name, What::Unknown);
        }
        visitor::walk_pattern(self, pattern);
    }
}

/// The names that the body declares `global` and `nonlocal`, and those that it annotates.
pub fn declared(body: &[Stmt]) -> Declared<'_> {
    let mut found = Declared::default();
    found.visit_body(body);
    found
}

/// What the statements of a body say of names, and where.
#[derive(Default)]
pub struct Declared<'a> {
    /// Those that belong to the module.
    pub globals: HashMap<&'a str, TextRange>,
    /// Those of a function context.
    pub nonlocals: HashMap<&'a str, TextRange>,
    /// Those with a type.
    pub annotated: Vec<(&'a str, TextRange)>,
}

impl<'a> Visitor<'a> for Declared<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::Global(global) => {
                global.names.iter().for_each(|name| _ = self.globals.entry(name).or_insert(global.range));
            }
            Stmt::Nonlocal(nonlocal) => {
                nonlocal
                    .names
                    .iter()
                    .for_each(|name| _ = self.nonlocals.entry(name).or_insert(nonlocal.range));
            }
            Stmt::AnnAssign(assign) => match &*assign.target {
                Expr::Name(name) if assign.simple => self.annotated.push((name.id.as_str(), name.range)),
                _ => {}
            },
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// Names that functions may bind in the module, as its statements and expressions show.
#[derive(Default)]
pub struct Hidden<'a> {
    /// Those that are declared.
    pub globals: Vec<&'a str>,
    /// Whether others can appear that no statement shows.
    pub any: bool,
}

impl<'a> Hidden<'a> {
    /// Takes a statement into account, but not those in it.
    pub fn see_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Global(global) => self.globals.extend(global.names.iter().map(|name| name.as_str())),
            Stmt::ImportFrom(import) => self.any |= import.names.iter().any(|alias| &*alias.name == "*"),
            _ => {}
        }
    }

    /// Takes a name into account.
    pub fn see_name(&mut self, name: &str) {
        self.any |= matches!(
            name,
            "exec" | "eval" | "globals" | "locals" | "vars" | "setattr" | "__builtins__" | "__import__"
        );
    }

    /// Takes the name of an attribute into account.
    pub fn see_attribute(&mut self, name: &str) {
        self.any |= matches!(name, "__dict__" | "__globals__" | "modules" | "f_globals" | "f_locals");
    }
}
