//! What CPython's compiler refuses in code that parses: `return` outside of a function and its kin.
//!
//! The checker is that of Ruff; this walks through the code for it. Beside it stands what it leaves
//! to others, and the names that show only on the way.

use ruff_python_ast::{
    Comprehension, Expr, InterpolatedStringElement, ModModule, Pattern, Stmt, StmtClassDef, StmtFunctionDef,
    StmtTry,
    visitor::{self, Visitor},
};
use ruff_python_parser::semantic_errors::SemanticSyntaxChecker;

use super::{
    names::Hidden,
    scopes::{Context, Kind, Mistake},
};

/// All mistakes of a module that parses, or if there are none what it may bind beside its own
/// statements. It must be known whether it declares any names `global` or `nonlocal`.
pub fn check<'a>(source: &'a str, module: &'a ModModule, declares: bool) -> Result<Hidden<'a>, Vec<Mistake>> {
    let future = module.body.iter().any(|stmt| {
        matches!(stmt, Stmt::ImportFrom(import) if import.module.as_deref() == Some("__future__")
            && import.names.iter().any(|alias| &*alias.name == "annotations"))
    });
    let mut checker = Checker {
        checker: SemanticSyntaxChecker::new(),
        context: Context::new(source, future, declares),
        hidden: Hidden::default(),
    };
    checker.context.enter(Kind::Module, &module.body, None);
    checker.visit_body(&module.body);
    let mut mistakes = checker.context.into_mistakes();
    mistakes.sort_by_key(|(range, _)| range.start());
    if mistakes.is_empty() { Ok(checker.hidden) } else { Err(mistakes) }
}

struct Checker<'a> {
    checker: SemanticSyntaxChecker,
    context: Context<'a>,
    hidden: Hidden<'a>,
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

    fn nest(&mut self, by: isize) -> usize {
        let Some(scope) = self.context.scope_mut() else { return 0 };
        scope.blocks = scope.blocks.saturating_add_signed(by);
        scope.blocks
    }

    /// A body that CPython keeps count of.
    fn block(&mut self, body: &'a [Stmt]) {
        let blocks = self.nest(1);
        self.context.check_nesting(blocks, body);
        self.visit_body(body);
        self.nest(-1);
    }

    fn looping(&mut self, body: &'a [Stmt], orelse: &'a [Stmt]) {
        let star = self.set_except_star(false);
        let before = self.set_loop(true);
        self.block(body);
        self.set_loop(before);
        self.set_except_star(star);
        self.visit_body(orelse);
    }

    fn trying(&mut self, stmt: &'a StmtTry) {
        self.block(&stmt.body);
        for handler in &stmt.handlers {
            let before = self.set_except_star(stmt.is_star);
            self.visit_except_handler(handler);
            self.set_except_star(before);
        }
        self.visit_body(&stmt.orelse);
        self.visit_body(&stmt.finalbody);
    }

    fn function(&mut self, def: &'a StmtFunctionDef) {
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
        self.context.enter(Kind::Function { is_async: def.is_async }, &def.body, Some(&def.parameters));
        self.context.check_declarations();
        self.visit_body(&def.body);
        self.context.leave();
    }

    fn class(&mut self, def: &'a StmtClassDef) {
        for decorator in &def.decorator_list {
            self.visit_decorator(decorator);
        }
        if let Some(parameters) = &def.type_params {
            self.visit_type_params(parameters);
        }
        if let Some(arguments) = &def.arguments {
            self.visit_arguments(arguments);
        }
        self.context.enter(Kind::Class, &def.body, None);
        self.context.check_declarations();
        self.visit_body(&def.body);
        self.context.leave();
    }

    fn comprehension(
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
        self.context.enter(Kind::Comprehension { is_async, is_generator }, &[], None);
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
        self.hidden.see_stmt(stmt);
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(def) => self.class(def),
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
            Stmt::Try(each) => self.trying(each),
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
                return self.comprehension(expr, &each.generators, [Some(&each.elt), None], false);
            }
            Expr::SetComp(each) => {
                return self.comprehension(expr, &each.generators, [Some(&each.elt), None], false);
            }
            Expr::DictComp(each) => {
                let parts = [each.key.as_deref(), Some(&*each.value)];
                return self.comprehension(expr, &each.generators, parts, false);
            }
            Expr::Generator(each) => {
                return self.comprehension(expr, &each.generators, [Some(&each.elt), None], true);
            }
            Expr::StringLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) => return,
            Expr::NumberLiteral(number) => return self.context.check_number(number),
            Expr::Attribute(attribute) => {
                self.hidden.see_attribute(&attribute.attr);
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
                self.context.enter(Kind::Lambda, &[], lambda.parameters.as_deref());
                self.visit_expr(&lambda.body);
                self.context.leave();
            }
            Expr::Name(name) => {
                self.hidden.see_name(&name.id);
                self.context.check_name(name);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}
