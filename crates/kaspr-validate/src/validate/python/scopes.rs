//! The scopes that enclose a piece of code, for Ruff's checker.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashSet,
};

use ruff_python_ast::{Parameters, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{LazyImportContext, SemanticSyntaxContext, SemanticSyntaxError};
use ruff_text_size::TextRange;

use super::names::{self, Declarations};

/// A syntax error, with its range in bytes.
pub(super) type SyntaxProblem = (TextRange, String);

/// Kind of a scope.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum ScopeKind {
    /// The whole code.
    Module,
    /// `def` or `async def`.
    Function {
        /// Whether the function is `async def`.
        is_async: bool,
    },
    /// `lambda`.
    Lambda,
    /// `class`.
    Class,
    /// A comprehension or a generator expression.
    Comprehension {
        /// Whether the comprehension has a loop with `async for`.
        is_async: bool,
        /// Whether it is a generator, which runs later.
        is_generator: bool,
    },
}

/// A scope, and the position of the checker in it.
pub(super) struct SyntaxScope<'a> {
    kind: ScopeKind,
    body: &'a [Stmt],
    parameters: Option<&'a Parameters>,
    /// Declarations of the body. `None` if the module has none.
    declared: Option<Declarations<'a>>,
    /// Names that the body binds, computed on first use.
    bound: OnceCell<HashSet<&'a str>>,
    /// Names of the parameters, computed on first use.
    parameter_names: OnceCell<HashSet<&'a str>>,
    /// Whether the statement is in a loop.
    pub in_loop: bool,
    /// Whether the nearest block is `except*`.
    pub in_except_star: bool,
    /// Number of loops, `with` and `try` that enclose the statement.
    pub blocks: usize,
}

impl<'a> SyntaxScope<'a> {
    fn has_parameter(&self, name: &str) -> bool {
        let parameter_names =
            || self.parameters.iter().flat_map(|all| all.iter()).map(|each| each.name().as_str());
        self.parameters.is_some()
            && self.parameter_names.get_or_init(|| parameter_names().collect()).contains(name)
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        self.declared.as_ref()?.globals.get(name).copied()
    }

    fn nonlocal(&self, name: &str) -> Option<TextRange> {
        self.declared.as_ref()?.nonlocals.get(name).copied()
    }

    fn binds(&self, name: &str) -> bool {
        let bound = || names::find_bindings(self.body).into_iter().map(|(name, _)| name).collect();
        self.has_parameter(name)
            || self.nonlocal(name).is_some()
            || self.global(name).is_none() && self.bound.get_or_init(bound).contains(name)
    }
}

/// The position of the checker, and the problems that it found.
pub(super) struct SyntaxContext<'a> {
    source: &'a str,
    /// Whether annotations are not evaluated.
    future: bool,
    declares: bool,
    scopes: Vec<SyntaxScope<'a>>,
    problems: RefCell<Vec<SyntaxProblem>>,
}

impl<'a> SyntaxContext<'a> {
    /// Creates a context outside of all scopes. Declarations are collected only if the code `declares`
    /// any names `global` or `nonlocal`.
    pub(super) fn new(source: &'a str, future: bool, declares: bool) -> Self {
        Self { source, future, declares, scopes: Vec::new(), problems: RefCell::default() }
    }

    /// Returns the problems that were found.
    pub(super) fn into_problems(self) -> Vec<SyntaxProblem> {
        self.problems.into_inner()
    }

    /// Adds a problem.
    pub(super) fn report(&self, range: TextRange, what: impl Into<String>) {
        self.problems.borrow_mut().push((range, what.into()));
    }

    /// Enters a scope.
    pub(super) fn enter(&mut self, kind: ScopeKind, body: &'a [Stmt], parameters: Option<&'a Parameters>) {
        let declared = self.declares.then(|| names::find_declarations(body));
        let (bound, parameter_names) = Default::default();
        let (in_loop, in_except_star, blocks) = Default::default();
        let scope = SyntaxScope {
            kind,
            body,
            parameters,
            declared,
            bound,
            parameter_names,
            in_loop,
            in_except_star,
            blocks,
        };
        self.scopes.push(scope);
    }

    /// Leaves the innermost scope.
    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Returns the innermost scope.
    pub(super) fn scope(&self) -> Option<&SyntaxScope<'a>> {
        self.scopes.last()
    }

    /// Returns the innermost scope, to update the position in it.
    pub(super) fn scope_mut(&mut self) -> Option<&mut SyntaxScope<'a>> {
        self.scopes.last_mut()
    }

    /// Returns the declarations of the innermost scope.
    pub(super) fn declared(&self) -> Option<&Declarations<'a>> {
        self.scopes.last()?.declared.as_ref()
    }

    /// Returns the kinds of the scopes, from the innermost to the outermost.
    fn innermost_first(&self) -> impl Iterator<Item = ScopeKind> {
        self.scopes.iter().rev().map(|scope| scope.kind)
    }
}

impl SemanticSyntaxContext for SyntaxContext<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.future
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        None
    }

    fn python_version(&self) -> PythonVersion {
        // The newest version that accepts everything that older versions accept.
        PythonVersion::PY313
    }

    fn source(&self) -> &str {
        self.source
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        self.scopes.last()?.global(name)
    }

    fn has_nonlocal_binding(&self, name: &str) -> bool {
        let [outer @ .., _] = self.scopes.as_slice() else { return true };
        outer
            .iter()
            .filter(|scope| matches!(scope.kind, ScopeKind::Function { .. } | ScopeKind::Lambda))
            .any(|scope| scope.binds(name))
            || name == "__class__" && outer.iter().any(|scope| scope.kind == ScopeKind::Class)
    }

    fn in_async_context(&self) -> bool {
        self.innermost_first()
            .find_map(|kind| match kind {
                ScopeKind::Class | ScopeKind::Lambda => Some(false),
                ScopeKind::Function { is_async } => Some(is_async),
                ScopeKind::Module | ScopeKind::Comprehension { .. } => None,
            })
            .unwrap_or(false)
    }

    fn in_await_allowed_context(&self) -> bool {
        self.innermost_first()
            .find_map(|kind| match kind {
                ScopeKind::Class => Some(false),
                ScopeKind::Function { .. } | ScopeKind::Lambda => Some(true),
                ScopeKind::Module | ScopeKind::Comprehension { .. } => None,
            })
            .unwrap_or(false)
    }

    fn in_yield_allowed_context(&self) -> bool {
        matches!(self.innermost_first().next(), Some(ScopeKind::Function { .. } | ScopeKind::Lambda))
    }

    fn in_sync_comprehension(&self) -> bool {
        self.innermost_first()
            .any(|kind| matches!(kind, ScopeKind::Comprehension { is_async: false, is_generator: false }))
    }

    fn in_class_body_comprehension(&self) -> bool {
        self.innermost_first().find(|kind| !matches!(kind, ScopeKind::Comprehension { .. }))
            == Some(ScopeKind::Class)
    }

    fn in_module_scope(&self) -> bool {
        self.scopes.len() == 1
    }

    fn in_function_scope(&self) -> bool {
        matches!(self.innermost_first().next(), Some(ScopeKind::Function { .. } | ScopeKind::Lambda))
    }

    fn in_generator_context(&self) -> bool {
        self.innermost_first()
            .take_while(|kind| matches!(kind, ScopeKind::Comprehension { .. }))
            .any(|kind| matches!(kind, ScopeKind::Comprehension { is_generator: true, .. }))
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        self.report(error.range, error.to_string());
    }

    fn in_loop_context(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.in_loop)
    }

    fn is_bound_parameter(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.has_parameter(name))
    }
}
