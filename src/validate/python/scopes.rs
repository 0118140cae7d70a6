//! The scopes context a piece of code, which Ruff's checker asks for.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashSet,
};

use ruff_python_ast::{Parameters, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{LazyImportContext, SemanticSyntaxContext, SemanticSyntaxError};
use ruff_text_size::TextRange;

use super::names::{self, Declared};

/// A mistake, and where it is in bytes.
pub type Mistake = (TextRange, String);

/// What has names of its own.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Kind {
    /// All of the code.
    Module,
    /// `def` or `async def`.
    Function {
        /// Whether it may `await`.
        is_async: bool,
    },
    /// `lambda`.
    Lambda,
    /// `class`.
    Class,
    /// In brackets, or a generator.
    Comprehension {
        /// Whether a loop of it is `async for`.
        is_async: bool,
        /// Whether it runs later.
        is_generator: bool,
    },
}

/// One of the scopes, and where in it the checker is.
pub struct Scope<'a> {
    kind: Kind,
    body: &'a [Stmt],
    parameters: Option<&'a Parameters>,
    /// Nothing where no code of the module declares.
    declared: Option<Declared<'a>>,
    /// What the body binds, once somebody asks.
    bound: OnceCell<HashSet<&'a str>>,
    /// The names of the parameters, once somebody asks.
    taken: OnceCell<HashSet<&'a str>>,
    /// Whether `break` has a loop to end.
    pub in_loop: bool,
    /// Whether the nearest block is `except*`.
    pub in_except_star: bool,
    /// Loops, `with` and `try` context the statement.
    pub blocks: usize,
}

impl<'a> Scope<'a> {
    fn takes(&self, name: &str) -> bool {
        let taken = || self.parameters.iter().flat_map(|all| all.iter()).map(|each| each.name().as_str());
        self.parameters.is_some() && self.taken.get_or_init(|| taken().collect()).contains(name)
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        self.declared.as_ref()?.globals.get(name).copied()
    }

    fn nonlocal(&self, name: &str) -> Option<TextRange> {
        self.declared.as_ref()?.nonlocals.get(name).copied()
    }

    fn binds(&self, name: &str) -> bool {
        let bound = || names::bound(self.body).into_iter().map(|(name, _)| name).collect();
        self.takes(name)
            || self.nonlocal(name).is_some()
            || self.global(name).is_none() && self.bound.get_or_init(bound).contains(name)
    }
}

/// Where the checker is, and what it found.
pub struct Context<'a> {
    source: &'a str,
    /// Whether annotations are not evaluated.
    future: bool,
    declares: bool,
    scopes: Vec<Scope<'a>>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Context<'a> {
    /// Outside of all scopes; the code's names need not be known where it does not declare any
    /// `global` or `nonlocal`.
    pub fn new(source: &'a str, future: bool, declares: bool) -> Self {
        Self { source, future, declares, scopes: Vec::new(), mistakes: RefCell::default() }
    }

    /// All that was found.
    pub fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    /// Adds a mistake.
    pub fn report(&self, range: TextRange, what: impl Into<String>) {
        self.mistakes.borrow_mut().push((range, what.into()));
    }

    /// Goes into a scope.
    pub fn enter(&mut self, kind: Kind, body: &'a [Stmt], parameters: Option<&'a Parameters>) {
        let declared = self.declares.then(|| names::declared(body));
        let (bound, taken) = Default::default();
        let (in_loop, in_except_star, blocks) = Default::default();
        let scope = Scope { kind, body, parameters, declared, bound, taken, in_loop, in_except_star, blocks };
        self.scopes.push(scope);
    }

    /// Leaves the innermost scope.
    pub fn leave(&mut self) {
        self.scopes.pop();
    }

    /// The innermost scope.
    pub fn scope(&self) -> Option<&Scope<'a>> {
        self.scopes.last()
    }

    /// The innermost scope, to go on in it.
    pub fn scope_mut(&mut self) -> Option<&mut Scope<'a>> {
        self.scopes.last_mut()
    }

    /// What the innermost scope declares.
    pub fn declared(&self) -> Option<&Declared<'a>> {
        self.scopes.last()?.declared.as_ref()
    }

    /// The scope, then those context it.
    fn outwards(&self) -> impl Iterator<Item = Kind> {
        self.scopes.iter().rev().map(|scope| scope.kind)
    }
}

impl SemanticSyntaxContext for Context<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.future
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        None
    }

    fn python_version(&self) -> PythonVersion {
        // The newest that takes what the older ones do.
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
            .filter(|scope| matches!(scope.kind, Kind::Function { .. } | Kind::Lambda))
            .any(|scope| scope.binds(name))
            || name == "__class__" && outer.iter().any(|scope| scope.kind == Kind::Class)
    }

    fn in_async_context(&self) -> bool {
        self.outwards()
            .find_map(|kind| match kind {
                Kind::Class | Kind::Lambda => Some(false),
                Kind::Function { is_async } => Some(is_async),
                Kind::Module | Kind::Comprehension { .. } => None,
            })
            .unwrap_or(false)
    }

    fn in_await_allowed_context(&self) -> bool {
        self.outwards()
            .find_map(|kind| match kind {
                Kind::Class => Some(false),
                Kind::Function { .. } | Kind::Lambda => Some(true),
                Kind::Module | Kind::Comprehension { .. } => None,
            })
            .unwrap_or(false)
    }

    fn in_yield_allowed_context(&self) -> bool {
        matches!(self.outwards().next(), Some(Kind::Function { .. } | Kind::Lambda))
    }

    fn in_sync_comprehension(&self) -> bool {
        self.outwards()
            .any(|kind| matches!(kind, Kind::Comprehension { is_async: false, is_generator: false }))
    }

    fn in_class_body_comprehension(&self) -> bool {
        self.outwards().find(|kind| !matches!(kind, Kind::Comprehension { .. })) == Some(Kind::Class)
    }

    fn in_module_scope(&self) -> bool {
        self.scopes.len() == 1
    }

    fn in_function_scope(&self) -> bool {
        matches!(self.outwards().next(), Some(Kind::Function { .. } | Kind::Lambda))
    }

    fn in_generator_context(&self) -> bool {
        self.outwards()
            .take_while(|kind| matches!(kind, Kind::Comprehension { .. }))
            .any(|kind| matches!(kind, Kind::Comprehension { is_generator: true, .. }))
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
        self.scopes.last().is_some_and(|scope| scope.takes(name))
    }
}
