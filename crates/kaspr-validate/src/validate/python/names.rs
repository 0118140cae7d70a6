//! Names that code binds, and their values.

use std::collections::HashMap;

use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, ExprLambda, Pattern, Stmt, StmtClassDef,
    StmtFunctionDef,
    visitor::{self, Visitor},
};
use ruff_text_size::TextRange;

/// Value of a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binding<'a> {
    /// `def` or `async def`.
    Function(&'a StmtFunctionDef),
    /// `class`.
    Class(&'a StmtClassDef),
    /// A lambda that is assigned.
    Lambda(&'a ExprLambda),
    /// A number, string or collection, which is not callable.
    Constant,
    /// An imported module, which is not callable either.
    Module,
    /// Anything else, such as the result of a call or a member of a module.
    Unknown,
}

/// Python's keywords, which are not valid as names of arguments.
/// Source: `keyword.kwlist` of CPython 3.11.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Whether a text is valid as a Python name.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&text)
}

/// Returns whether Python itself may call a method of this name.
pub(super) fn is_special(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

/// Returns the names that a body binds in its own scope, in order. A name that is bound twice occurs twice.
pub(super) fn find_bindings(body: &[Stmt]) -> Vec<(&str, Binding<'_>)> {
    let mut binder = Binder::default();
    binder.visit_body(body);
    binder.bound
}

#[derive(Default)]
struct Binder<'a> {
    bound: Vec<(&'a str, Binding<'a>)>,
}

impl<'a> Binder<'a> {
    fn bind(&mut self, name: &'a str, binding: Binding<'a>) {
        self.bound.push((name, binding));
    }

    fn assign(&mut self, target: &'a Expr, value: &'a Expr) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), binding_of(value)),
            other => self.visit_expr(other),
        }
    }
}

/// Classifies the value of an expression.
fn binding_of(expr: &Expr) -> Binding<'_> {
    match expr {
        Expr::Lambda(lambda) => Binding::Lambda(lambda),
        Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_)
        | Expr::TString(_)
        | Expr::Generator(_)
        | Expr::Compare(_) => Binding::Constant,
        _ if is_value(expr) => Binding::Constant,
        _ => Binding::Unknown,
    }
}

/// Returns whether an expression is a number, a text, a truth value or a collection.
pub(super) fn is_value(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::FString(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Set(_)
            | Expr::Dict(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
    )
}

impl<'a> Visitor<'a> for Binder<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
                self.visit_parameters(&def.parameters);
                self.bind(&def.name, Binding::Function(def));
            }
            Stmt::ClassDef(def) => {
                def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
                def.arguments.iter().for_each(|each| self.visit_arguments(each));
                self.bind(&def.name, Binding::Class(def));
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
                    self.bind(alias.asname.as_deref().unwrap_or(first), Binding::Module);
                }
            }
            Stmt::ImportFrom(import) => {
                let future = import.module.as_deref() == Some("__future__");
                for alias in import.names.iter().filter(|alias| &*alias.name != "*") {
                    let name = alias.asname.as_deref().unwrap_or(&alias.name);
                    self.bind(name, if future { Binding::Constant } else { Binding::Unknown });
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
            // `del` is a binding too: whether the name still exists afterwards is unknown.
            Expr::Name(name) if name.ctx != ExprContext::Load => {
                self.bind(name.id.as_str(), Binding::Unknown);
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
            self.bind(name, Binding::Unknown);
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
            self.bind(name, Binding::Unknown);
        }
        visitor::walk_pattern(self, pattern);
    }
}

/// Returns the names that a body declares `global` and `nonlocal`, and those that it annotates.
pub(super) fn find_declarations(body: &[Stmt]) -> Declarations<'_> {
    let mut found = Declarations::default();
    found.visit_body(body);
    found
}

/// Declarations in a body, with their positions.
#[derive(Default)]
pub(super) struct Declarations<'a> {
    /// Names that are declared `global`.
    pub globals: HashMap<&'a str, TextRange>,
    /// Names that are declared `nonlocal`.
    pub nonlocals: HashMap<&'a str, TextRange>,
    /// Names with a type annotation.
    pub annotated: Vec<(&'a str, TextRange)>,
}

impl<'a> Visitor<'a> for Declarations<'a> {
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

/// Names that functions may bind in the module, in addition to the module's own statements.
#[derive(Default)]
pub(super) struct HiddenBindings<'a> {
    /// Names that a function declares `global`.
    pub globals: Vec<&'a str>,
    /// Whether the code may bind names dynamically.
    pub any: bool,
}

impl<'a> HiddenBindings<'a> {
    /// Records a statement, without the statements in it.
    pub(super) fn record_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Global(global) => self.globals.extend(global.names.iter().map(|name| name.as_str())),
            Stmt::ImportFrom(import) => self.any |= import.names.iter().any(|alias| &*alias.name == "*"),
            _ => {}
        }
    }

    /// Records a name.
    pub(super) fn record_name(&mut self, name: &str) {
        self.any |= matches!(
            name,
            "exec"
                | "eval"
                | "globals"
                | "locals"
                | "vars"
                | "setattr"
                | "builtins"
                | "__builtins__"
                | "__import__"
                | "global_enum"
        );
    }

    /// Records the name of an attribute.
    pub(super) fn record_attribute(&mut self, name: &str) {
        // The last two bind the members of an enum.
        self.any |= matches!(
            name,
            "__dict__" | "__globals__" | "modules" | "f_globals" | "f_locals" | "global_enum" | "_convert_"
        );
    }
}
