//! What CPython's compiler refuses in code that parses: `return` outside of a function and its kin.
//!
//! The checker is that of Ruff; this keeps the scopes that it asks for. What it leaves to others
//! (names that are both global and nonlocal, or used before they are declared so) is added here.

use std::{
    cell::{OnceCell, RefCell},
    collections::{HashMap, HashSet},
};

use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, InterpolatedStringElement, ModModule, Number, Pattern,
    PythonVersion, Stmt, TypeParams,
    visitor::{self, Visitor},
};
use ruff_python_parser::semantic_errors::{
    LazyImportContext, SemanticSyntaxChecker, SemanticSyntaxContext, SemanticSyntaxError,
};
use ruff_text_size::{Ranged, TextRange};

use super::names;

/// The checker compares each with each; nobody writes as many.
const MOST_TYPE_PARAMETERS: usize = 200;
/// The same.
const MOST_LOOPS: usize = 100;
/// CPython refuses more.
const MOST_BLOCKS: usize = 20;
/// CPython refuses to read longer ones.
const MOST_DIGITS: usize = 4300;

/// A mistake, and where it is in bytes.
pub type Mistake = (TextRange, String);

/// All mistakes of a module that parses.
pub fn check(source: &str, module: &ModModule) -> Vec<Mistake> {
    let future = module.body.iter().any(|stmt| {
        matches!(stmt, Stmt::ImportFrom(import) if import.module.as_deref() == Some("__future__")
            && import.names.iter().any(|alias| &*alias.name == "annotations"))
    });
    let mut checker = Checker {
        source,
        future,
        checker: SemanticSyntaxChecker::new(),
        scopes: vec![Scope::new(Kind::Module, &module.body)],
        mistakes: RefCell::default(),
    };
    checker.visit_body(&module.body);
    let mut mistakes = checker.mistakes.into_inner();
    mistakes.sort_by_key(|(range, _)| range.start());
    mistakes
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Module,
    Function { is_async: bool },
    Lambda,
    Class,
    Comprehension { is_async: bool, is_generator: bool },
}

struct Scope<'a> {
    kind: Kind,
    body: &'a [Stmt],
    parameters: HashSet<&'a str>,
    globals: HashMap<&'a str, TextRange>,
    nonlocals: HashMap<&'a str, TextRange>,
    /// What the body binds, once somebody asks.
    bound: OnceCell<HashSet<&'a str>>,
    in_loop: bool,
    in_except_star: bool,
    /// Loops, `with` and `try` around the statement.
    blocks: usize,
}

impl<'a> Scope<'a> {
    fn new(kind: Kind, body: &'a [Stmt]) -> Self {
        let (globals, nonlocals) = names::declared(body);
        let (parameters, bound) = Default::default();
        let (in_loop, in_except_star, blocks) = Default::default();
        Self { kind, body, parameters, globals, nonlocals, bound, in_loop, in_except_star, blocks }
    }

    fn binds(&self, name: &str) -> bool {
        let bound = || names::bound(self.body).into_iter().map(|(name, _)| name).collect();
        self.parameters.contains(name)
            || self.nonlocals.contains_key(name)
            || !self.globals.contains_key(name) && self.bound.get_or_init(bound).contains(name)
    }
}

struct Checker<'a> {
    source: &'a str,
    future: bool,
    checker: SemanticSyntaxChecker,
    scopes: Vec<Scope<'a>>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Checker<'a> {
    /// The scope, then those around it.
    fn outwards(&self) -> impl Iterator<Item = Kind> {
        self.scopes.iter().rev().map(|scope| scope.kind)
    }

    fn report(&self, range: TextRange, what: impl Into<String>) {
        self.mistakes.borrow_mut().push((range, what.into()));
    }

    fn within(&mut self, scope: Scope<'a>, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(scope);
        visit(self);
        self.scopes.pop();
    }

    fn set_loop(&mut self, in_loop: bool) -> bool {
        self.scopes.last_mut().is_some_and(|scope| std::mem::replace(&mut scope.in_loop, in_loop))
    }

    fn looping(&mut self, body: &'a [Stmt], orelse: &'a [Stmt]) {
        let star = self.scopes.last_mut().is_some_and(|scope| std::mem::take(&mut scope.in_except_star));
        let before = self.set_loop(true);
        self.block(body);
        self.set_loop(before);
        self.set_except_star(star);
        self.visit_body(orelse);
    }

    fn set_except_star(&mut self, star: bool) -> bool {
        self.scopes.last_mut().is_some_and(|scope| std::mem::replace(&mut scope.in_except_star, star))
    }

    fn nest(&mut self, by: isize) -> usize {
        let Some(scope) = self.scopes.last_mut() else { return 0 };
        scope.blocks = scope.blocks.saturating_add_signed(by);
        scope.blocks
    }

    /// A body that CPython keeps count of.
    fn block(&mut self, body: &'a [Stmt]) {
        let blocks = self.nest(1);
        if let Some(first) = body.first().filter(|_| blocks == MOST_BLOCKS + 1) {
            self.report(
                first.range(),
                format!("must not nest more than {MOST_BLOCKS} loops, 'with' and 'try'"),
            );
        }
        self.visit_body(body);
        self.nest(-1);
    }

    /// What Ruff's checker leaves out.
    fn check_stmt(&self, stmt: &Stmt) {
        let in_except_star = self.scopes.last().is_some_and(|scope| scope.in_except_star);
        match stmt {
            Stmt::Expr(each) if each.value.is_starred_expr() => {
                self.report(each.range, "starred expression cannot be used here");
            }
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::Return(_) if in_except_star => {
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
    fn declarations(&self) {
        let Some(scope) = self.scopes.last() else { return };
        for (name, range) in &scope.nonlocals {
            if scope.globals.contains_key(name) {
                self.report(*range, format!("name '{name}' is nonlocal and global"));
            }
        }
        for (name, range) in names::annotated(scope.body) {
            for (declared, how) in [(&scope.globals, "global"), (&scope.nonlocals, "nonlocal")] {
                if declared.contains_key(name) {
                    self.report(range, format!("annotated name '{name}' can't be {how}"));
                }
            }
        }
    }

    fn too_many(&self, parameters: Option<&TypeParams>) -> bool {
        let Some(parameters) = parameters.filter(|all| all.type_params.len() > MOST_TYPE_PARAMETERS) else {
            return false;
        };
        self.report(
            parameters.range(),
            format!("must not have more than {MOST_TYPE_PARAMETERS} type parameters"),
        );
        true
    }

    fn comprehension(
        &mut self,
        loops: &'a [Comprehension],
        parts: [Option<&'a Expr>; 2],
        is_generator: bool,
    ) {
        // The first iterable is evaluated outside.
        if let Some(first) = loops.first() {
            self.visit_expr(&first.iter);
        }
        let is_async = loops.iter().any(|each| each.is_async);
        self.within(Scope::new(Kind::Comprehension { is_async, is_generator }, &[]), |checker| {
            for (i, each) in loops.iter().enumerate() {
                if i > 0 {
                    checker.visit_expr(&each.iter);
                }
                checker.visit_expr(&each.target);
                for test in &each.ifs {
                    checker.visit_expr(test);
                }
            }
            for part in parts.into_iter().flatten() {
                checker.visit_expr(part);
            }
        });
    }
}

impl<'a> Visitor<'a> for Checker<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let parameters = match stmt {
            Stmt::FunctionDef(def) => def.type_params.as_deref(),
            Stmt::ClassDef(def) => def.type_params.as_deref(),
            Stmt::TypeAlias(alias) => alias.type_params.as_deref(),
            _ => None,
        };
        if self.too_many(parameters) {
            return;
        }
        self.check_stmt(stmt);
        let mut checker = std::mem::take(&mut self.checker);
        checker.visit_stmt(stmt, self);
        self.checker = checker;
        match stmt {
            Stmt::FunctionDef(def) => {
                for decorator in &def.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(parameters) = &def.type_params {
                    self.visit_type_params(parameters);
                }
                self.visit_parameters(&def.parameters);
                if let Some(returns) = &def.returns {
                    self.visit_annotation(returns);
                }
                let mut scope = Scope::new(Kind::Function { is_async: def.is_async }, &def.body);
                scope.parameters = def.parameters.iter().map(|each| each.name().as_str()).collect();
                self.within(scope, |checker| {
                    checker.declarations();
                    checker.visit_body(&def.body);
                });
            }
            Stmt::ClassDef(def) => {
                for decorator in &def.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(parameters) = &def.type_params {
                    self.visit_type_params(parameters);
                }
                if let Some(arguments) = &def.arguments {
                    self.visit_arguments(arguments);
                }
                self.within(Scope::new(Kind::Class, &def.body), |checker| {
                    checker.declarations();
                    checker.visit_body(&def.body);
                });
            }
            Stmt::For(each) => {
                self.visit_expr(&each.iter);
                self.visit_expr(&each.target);
                self.looping(&each.body, &each.orelse);
            }
            Stmt::While(each) => {
                self.visit_expr(&each.test);
                self.looping(&each.body, &each.orelse);
            }
            Stmt::With(each) => {
                each.items.iter().for_each(|item| self.visit_with_item(item));
                self.block(&each.body);
            }
            Stmt::Try(each) => {
                self.block(&each.body);
                for handler in &each.handlers {
                    let before = self.set_except_star(each.is_star);
                    self.visit_except_handler(handler);
                    self.set_except_star(before);
                }
                self.visit_body(&each.orelse);
                self.visit_body(&each.finalbody);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
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
        visitor::walk_pattern(self, pattern);
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        if let InterpolatedStringElement::Interpolation(each) = element
            && each.expression.is_starred_expr()
        {
            self.report(each.range, "starred expression cannot be used here");
        }
        visitor::walk_interpolated_string_element(self, element);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let loops: &[Comprehension] = match expr {
            Expr::ListComp(each) => &each.generators,
            Expr::SetComp(each) => &each.generators,
            Expr::DictComp(each) => &each.generators,
            Expr::Generator(each) => &each.generators,
            _ => &[],
        };
        if loops.len() > MOST_LOOPS {
            self.report(
                expr.range(),
                format!("must not have more than {MOST_LOOPS} loops in a comprehension"),
            );
            return;
        }
        let mut checker = std::mem::take(&mut self.checker);
        checker.visit_expr(expr, self);
        self.checker = checker;
        match expr {
            Expr::Lambda(lambda) => {
                let mut scope = Scope::new(Kind::Lambda, &[]);
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                    scope.parameters = parameters.iter().map(|each| each.name().as_str()).collect();
                }
                self.within(scope, |checker| checker.visit_expr(&lambda.body));
            }
            Expr::ListComp(each) => self.comprehension(loops, [Some(&each.elt), None], false),
            Expr::SetComp(each) => self.comprehension(loops, [Some(&each.elt), None], false),
            Expr::DictComp(each) => {
                self.comprehension(loops, [each.key.as_deref(), Some(&each.value)], false);
            }
            Expr::Generator(each) => self.comprehension(loops, [Some(&each.elt), None], true),
            Expr::Name(name) => {
                let declared = self.scopes.last().and_then(|scope| scope.nonlocals.get(name.id.as_str()));
                if declared.is_some_and(|declared| name.range.start() < declared.start()) {
                    let how = if name.ctx == ExprContext::Store { "assigned to" } else { "used" };
                    self.report(
                        name.range,
                        format!("name '{}' is {how} prior to nonlocal declaration", name.id),
                    );
                }
            }
            Expr::NumberLiteral(number) if matches!(number.value, Number::Int(_)) => {
                let text = &self.source[number.range];
                if text.len() > MOST_DIGITS && !text.starts_with(['0']) {
                    self.report(
                        number.range,
                        format!("must not be a number of more than {MOST_DIGITS} digits"),
                    );
                }
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

impl SemanticSyntaxContext for Checker<'_> {
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
        self.scopes.last().and_then(|scope| scope.globals.get(name).copied())
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
        self.scopes.last().is_some_and(|scope| scope.parameters.contains(name))
    }
}
