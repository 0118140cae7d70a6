//! The names that functions, classes and comprehensions bind.

use std::collections::HashSet;

use ruff_python_ast::{
    Comprehension, Expr, ExprContext, ExprLambda, ExprName, StmtClassDef, StmtFunctionDef, TypeParams,
    visitor::{self, Visitor},
};

use super::names::{self, Binding};

/// Kind of a scope of names.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum NameScopeKind {
    /// The top level of the code.
    Module,
    /// A function or a lambda.
    Function,
    /// The body of a class.
    Class,
    /// A comprehension or a generator expression.
    Comprehension,
}

/// A scope, with the names that it binds.
pub(super) struct NameScope<'a> {
    /// Its kind.
    pub kind: NameScopeKind,
    /// Names that it binds, those of functions around it that it declares `nonlocal` included.
    pub bound: HashSet<&'a str>,
    /// Names that it declares `global`.
    pub globals: HashSet<&'a str>,
    /// Unit of a class of the top level, which its methods belong to.
    pub unit: Option<usize>,
}

impl<'a> NameScope<'a> {
    fn new(kind: NameScopeKind, bound: HashSet<&'a str>) -> Self {
        Self { kind, bound, globals: HashSet::new(), unit: None }
    }

    /// Returns the scope of a whole module with these bindings.
    pub(super) fn of_module(bindings: &[(&'a str, Binding<'a>)]) -> Self {
        Self::new(NameScopeKind::Module, bindings.iter().map(|(name, _)| *name).collect())
    }

    /// Returns whether a name belongs to the scope.
    pub(super) fn binds(&self, name: &str) -> bool {
        self.bound.contains(name) && !self.globals.contains(name)
    }

    /// Returns the scope of a function.
    pub(super) fn of_function(def: &'a StmtFunctionDef) -> Self {
        let declared = names::find_declarations(&def.body);
        let bound = names::find_bindings(&def.body).into_iter().map(|(name, _)| name);
        let parameters = def.parameters.iter().map(|each| each.name().as_str());
        let types = type_names(def.type_params.as_deref());
        // A method can read the class that it belongs to.
        let bound = bound.chain(parameters).chain(declared.nonlocals.into_keys()).chain(types);
        let bound = bound.chain(["__class__"]).collect();
        Self { globals: declared.globals.into_keys().collect(), ..Self::new(NameScopeKind::Function, bound) }
    }

    /// Returns the scope of a class.
    pub(super) fn of_class(def: &'a StmtClassDef) -> Self {
        let bound = names::find_bindings(&def.body).into_iter().map(|(name, _)| name);
        let bound = bound.chain(type_names(def.type_params.as_deref())).chain(["__module__", "__qualname__"]);
        Self::new(NameScopeKind::Class, bound.collect())
    }

    /// Returns the scope of a lambda.
    pub(super) fn of_lambda(lambda: &'a ExprLambda) -> Self {
        let parameters = lambda.parameters.as_deref().into_iter().flat_map(|all| all.iter());
        let mut stored = Stored(parameters.map(|each| each.name().as_str()).collect());
        stored.visit_expr(&lambda.body);
        Self::new(NameScopeKind::Function, stored.0)
    }

    /// Returns the scope of the loops of a comprehension.
    pub(super) fn of_loops(loops: &'a [Comprehension]) -> Self {
        let mut stored = Stored(HashSet::new());
        loops.iter().for_each(|each| stored.visit_expr(&each.target));
        Self::new(NameScopeKind::Comprehension, stored.0)
    }
}

fn type_names(types: Option<&TypeParams>) -> impl Iterator<Item = &str> {
    types.into_iter().flat_map(|types| types.iter()).map(|each| each.name().as_str())
}

/// The names that an expression stores to.
struct Stored<'a>(HashSet<&'a str>);

impl<'a> Visitor<'a> for Stored<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(ExprName { id, ctx: ExprContext::Store, .. }) = expr {
            self.0.insert(id);
        }
        visitor::walk_expr(self, expr);
    }
}
