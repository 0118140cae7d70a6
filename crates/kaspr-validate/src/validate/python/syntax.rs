//! Errors that CPython's compiler reports in code that parses, such as `return` outside of a function.
//!
//! The checker is that of Ruff; this file walks through the code for it. It also runs the additional
//! checks, and collects names that functions bind in the module.

use ruff_python_ast::{
    Comprehension, Expr, InterpolatedStringElement, ModModule, Pattern, Stmt, StmtClassDef, StmtFunctionDef,
    StmtTry,
    visitor::{self, Visitor},
};
use ruff_python_parser::semantic_errors::SemanticSyntaxChecker;

use super::{
    annotations,
    names::HiddenBindings,
    scopes::{ScopeKind, SyntaxContext, SyntaxProblem},
};

/// Checks a module that parses. Returns the names that it may bind in addition to its own statements.
/// `declares` is whether it declares any names `global` or `nonlocal`.
///
/// # Errors
///
/// Returns all problems, in the order of the code.
pub(super) fn check<'a>(
    source: &'a str,
    module: &'a ModModule,
    declares: bool,
) -> Result<HiddenBindings<'a>, Vec<SyntaxProblem>> {
    let future = annotations::are_lazy(module);
    let mut checker = Checker {
        checker: SemanticSyntaxChecker::new(),
        context: SyntaxContext::new(source, future, declares),
        hidden: HiddenBindings::default(),
    };
    checker.context.enter(ScopeKind::Module, &module.body, None);
    checker.visit_body(&module.body);
    let mut problems = checker.context.into_problems();
    problems.sort_by_key(|(range, _)| range.start());
    if problems.is_empty() { Ok(checker.hidden) } else { Err(problems) }
}

struct Checker<'a> {
    checker: SemanticSyntaxChecker,
    context: SyntaxContext<'a>,
    hidden: HiddenBindings<'a>,
}

impl<'a> Checker<'a> {
    fn set_loop(&mut self, in_loop: bool) -> bool {
        let scope = self.context.scope_mut();
        scope.is_some_and(|scope| std::mem::replace(&mut scope.in_loop, in_loop))
    }

    fn set_except_star(&mut self, star: bool) -> bool {
        let scope = self.context.scope_mut();
        scope.is_some_and(|scope| std::mem::replace(&mut scope.in_except_star, star))
    }

    fn change_nesting(&mut self, by: isize) -> usize {
        let Some(scope) = self.context.scope_mut() else { return 0 };
        scope.blocks = scope.blocks.saturating_add_signed(by);
        scope.blocks
    }

    /// Visits a body of a block, whose nesting CPython limits.
    fn visit_block(&mut self, body: &'a [Stmt]) {
        let blocks = self.change_nesting(1);
        self.context.check_nesting(blocks, body);
        self.visit_body(body);
        self.change_nesting(-1);
    }

    fn visit_loop(&mut self, body: &'a [Stmt], orelse: &'a [Stmt]) {
        let star = self.set_except_star(false);
        let before = self.set_loop(true);
        self.visit_block(body);
        self.set_loop(before);
        self.set_except_star(star);
        self.visit_body(orelse);
    }

    fn visit_try(&mut self, stmt: &'a StmtTry) {
        self.visit_block(&stmt.body);
        for handler in &stmt.handlers {
            let before = self.set_except_star(stmt.is_star);
            self.visit_except_handler(handler);
            self.set_except_star(before);
        }
        self.visit_body(&stmt.orelse);
        self.visit_body(&stmt.finalbody);
    }

    fn visit_function(&mut self, def: &'a StmtFunctionDef) {
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
        self.context.enter(ScopeKind::Function { is_async: def.is_async }, &def.body, Some(&def.parameters));
        self.context.check_declarations();
        self.visit_body(&def.body);
        self.context.leave();
    }

    fn visit_class(&mut self, def: &'a StmtClassDef) {
        for decorator in &def.decorator_list {
            self.visit_decorator(decorator);
        }
        if let Some(parameters) = &def.type_params {
            self.visit_type_params(parameters);
        }
        if let Some(arguments) = &def.arguments {
            self.visit_arguments(arguments);
        }
        self.context.enter(ScopeKind::Class, &def.body, None);
        self.context.check_declarations();
        self.visit_body(&def.body);
        self.context.leave();
    }

    fn visit_generators(
        &mut self,
        expr: &'a Expr,
        loops: &'a [Comprehension],
        parts: [Option<&'a Expr>; 2],
        is_generator: bool,
    ) {
        if self.context.has_too_many_loops(expr, loops) {
            return;
        }
        self.checker.visit_expr(expr, &self.context);
        // The first iterable is evaluated outside.
        if let Some(first) = loops.first() {
            self.visit_expr(&first.iter);
        }
        let is_async = loops.iter().any(|each| each.is_async);
        self.context.enter(ScopeKind::Comprehension { is_async, is_generator }, &[], None);
        for (i, each) in loops.iter().enumerate() {
            if i > 0 {
                self.visit_expr(&each.iter);
            }
            self.visit_expr(&each.target);
            for test in &each.ifs {
                self.visit_expr(test);
            }
        }
        for part in parts.into_iter().flatten() {
            self.visit_expr(part);
        }
        self.context.leave();
    }
}

impl<'a> Visitor<'a> for Checker<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.context.has_too_many_parameters(stmt) {
            return;
        }
        self.context.check_stmt(stmt);
        self.checker.visit_stmt(stmt, &self.context);
        self.hidden.record_stmt(stmt);
        match stmt {
            Stmt::FunctionDef(def) => self.visit_function(def),
            Stmt::ClassDef(def) => self.visit_class(def),
            Stmt::For(each) => {
                self.visit_expr(&each.iter);
                self.visit_expr(&each.target);
                self.visit_loop(&each.body, &each.orelse);
            }
            Stmt::While(each) => {
                self.visit_expr(&each.test);
                self.visit_loop(&each.body, &each.orelse);
            }
            Stmt::With(each) => {
                each.items.iter().for_each(|item| self.visit_with_item(item));
                self.visit_block(&each.body);
            }
            Stmt::Try(each) => self.visit_try(each),
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.context.check_pattern(pattern);
        visitor::walk_pattern(self, pattern);
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        self.context.check_field(element);
        visitor::walk_interpolated_string_element(self, element);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::ListComp(each) => {
                return self.visit_generators(expr, &each.generators, [Some(&each.elt), None], false);
            }
            Expr::SetComp(each) => {
                return self.visit_generators(expr, &each.generators, [Some(&each.elt), None], false);
            }
            Expr::DictComp(each) => {
                let parts = [each.key.as_deref(), Some(&*each.value)];
                return self.visit_generators(expr, &each.generators, parts, false);
            }
            Expr::Generator(each) => {
                return self.visit_generators(expr, &each.generators, [Some(&each.elt), None], true);
            }
            Expr::StringLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) => return,
            Expr::NumberLiteral(number) => return self.context.check_number(number),
            Expr::Attribute(attribute) => {
                self.hidden.record_attribute(&attribute.attr);
                return self.visit_expr(&attribute.value);
            }
            _ => {}
        }
        self.checker.visit_expr(expr, &self.context);
        match expr {
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                }
                self.context.enter(ScopeKind::Lambda, &[], lambda.parameters.as_deref());
                self.visit_expr(&lambda.body);
                self.context.leave();
            }
            Expr::Name(name) => {
                self.hidden.record_name(&name.id);
                self.context.check_name(name);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}
