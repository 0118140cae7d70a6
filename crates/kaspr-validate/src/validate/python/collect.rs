//! Walks through the syntax tree of a block and collects its facts.
//!
//! Names are resolved as Python does: a function sees its own names, those of the functions around it, and those of
//! the block; a class body sees its own names only while it runs. What a name might be is left out of the facts if
//! that depends on the flow of the program.

use std::collections::HashSet;

use ruff_python_ast::{
    Comprehension, Expr, ExprContext, ExprLambda, ExprSubscript, ModModule, Parameters, Stmt, StmtClassDef,
    StmtFunctionDef, StmtIf, StmtTry,
    visitor::{self, Visitor},
};

use super::{
    facts::{CallResult, Facts, Import, Read, Unit},
    guards::{self, Guards},
    known_names,
    name_scope::{NameScope, NameScopeKind},
    names::{self, Binding},
    results,
};
use crate::validate::similar;

/// What must be named for nested code to run.
#[derive(Clone, Copy)]
enum Condition<'a> {
    /// A nested function or class.
    Name(&'a str),
    /// A method.
    Method(&'a str),
}

struct Collector<'a> {
    facts: Facts,
    scopes: Vec<NameScope<'a>>,
    unit: usize,
    conditions: Vec<Condition<'a>>,
    /// Names that each unit reads, its own included.
    loads: Vec<HashSet<&'a str>>,
    /// Reads with the unit and the nested functions that they belong to.
    reads: Vec<(usize, Read, Vec<&'a str>)>,
    guards: Guards,
}

/// Collects the facts of a module, but for its newer syntax and its lints.
pub(super) fn collect<'a>(module: &'a ModModule, bindings: &[(&'a str, Binding<'a>)]) -> Facts {
    let mut collector = Collector {
        facts: Facts::default(),
        scopes: vec![NameScope::of_module(bindings)],
        unit: 0,
        conditions: Vec::new(),
        loads: Vec::new(),
        reads: Vec::new(),
        guards: Guards::default(),
    };
    collector.add_unit("", CallResult::Value);
    collector.visit_body(&module.body);
    collector.finish()
}

impl<'a> Collector<'a> {
    fn add_unit(&mut self, name: &str, result: CallResult) -> usize {
        let unit = self.facts.units.len();
        if unit > 0 {
            self.facts.places.entry(name.into()).or_default().push(unit);
        }
        self.facts.units.push(Unit { result, reads: Vec::new() });
        self.loads.push(HashSet::new());
        unit
    }

    /// Drops what only unused nested functions read, and returns the facts.
    fn finish(mut self) -> Facts {
        for (unit, read, nested) in self.reads {
            if nested.iter().all(|name| self.loads[unit].contains(name)) {
                self.facts.units[unit].reads.push(read);
            }
        }
        self.facts
    }

    fn is_at_top(&self) -> bool {
        self.scopes.len() == 1
    }

    /// Records that a name is read, unless a function or class around it binds the name.
    fn read(&mut self, name: &'a str, at: usize, key: Option<&str>) {
        self.loads[self.unit].insert(name);
        let mut innermost = true;
        for scope in self.scopes.iter().rev() {
            let is_visible = scope.kind != NameScopeKind::Class || innermost;
            if scope.kind == NameScopeKind::Module || scope.globals.contains(name) {
                break;
            }
            if is_visible && scope.bound.contains(name) {
                return;
            }
            innermost &= scope.kind == NameScopeKind::Comprehension;
        }
        let is_known = self.scopes[0].bound.contains(name) || known_names::is_builtin(name);
        let locals = self.scopes.iter().skip(1).flat_map(|scope| scope.bound.iter().copied());
        let nearest = if is_known { None } else { similar::misspelled(name, locals) };
        let methods = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Method(name) => Some((*name).into()),
            Condition::Name(_) => None,
        });
        let nested = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Name(name) => Some(*name),
            Condition::Method(_) => None,
        });
        let read = Read {
            name: name.into(),
            at,
            guarded: self.guards.names,
            methods: methods.collect(),
            key: key.map(Into::into),
            nearest: nearest.map(Into::into),
        };
        self.reads.push((self.unit, read, nested.collect()));
    }

    /// Visits code in a scope of its own.
    fn within(&mut self, scope: NameScope<'a>, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(scope);
        visit(self);
        self.scopes.pop();
    }

    fn visit_function(&mut self, def: &'a StmtFunctionDef) {
        def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
        self.visit_defaults(&def.parameters);
        let scope = NameScope::of_function(def);
        let class_unit = self.scopes.last().and_then(|scope| scope.unit);
        if self.is_at_top() {
            let unit = self.add_unit(&def.name, results::of_function(def));
            self.visit_unit(unit, &[], scope, |this| this.visit_body(&def.body));
        } else if let Some(unit) = class_unit {
            let method = (!names::is_special(&def.name)).then(|| Condition::Method(&def.name));
            self.visit_unit(unit, method.as_slice(), scope, |this| this.visit_body(&def.body));
        } else {
            let is_method = self.scopes.last().is_some_and(|scope| scope.kind == NameScopeKind::Class);
            let condition = match def.name.as_str() {
                name if !is_method => Some(Condition::Name(name)),
                name => (!names::is_special(name)).then_some(Condition::Method(name)),
            };
            self.conditions.extend(condition);
            self.within(scope, |this| this.visit_body(&def.body));
            self.conditions.truncate(self.conditions.len() - usize::from(condition.is_some()));
        }
    }

    /// Visits code that belongs to another unit, and to no function around it.
    fn visit_unit(
        &mut self,
        unit: usize,
        conditions: &[Condition<'a>],
        scope: NameScope<'a>,
        visit: impl FnOnce(&mut Self),
    ) {
        let outer = (self.unit, std::mem::replace(&mut self.conditions, conditions.to_vec()), self.guards);
        (self.unit, self.guards) = (unit, Guards::default());
        self.within(scope, visit);
        (self.unit, self.conditions, self.guards) = outer;
    }

    fn visit_class(&mut self, def: &'a StmtClassDef) {
        def.decorator_list.iter().for_each(|each| self.visit_decorator(each));
        def.arguments.iter().for_each(|each| self.visit_arguments(each));
        let unit = self.is_at_top().then(|| self.add_unit(&def.name, CallResult::Value));
        let scope = NameScope { unit, ..NameScope::of_class(def) };
        let nested = unit.is_none();
        if nested {
            self.conditions.push(Condition::Name(&def.name));
        }
        self.within(scope, |this| this.visit_body(&def.body));
        if nested {
            self.conditions.pop();
        }
    }

    /// Visits the default values of parameters, which Python evaluates where the function is defined.
    fn visit_defaults(&mut self, parameters: &'a Parameters) {
        let all = parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs);
        all.filter_map(|each| each.default.as_deref()).for_each(|default| self.visit_expr(default));
    }

    fn visit_lambda(&mut self, lambda: &'a ExprLambda) {
        if let Some(parameters) = &lambda.parameters {
            self.visit_defaults(parameters);
        }
        self.within(NameScope::of_lambda(lambda), |this| this.visit_expr(&lambda.body));
    }

    /// Visits code in which failures are expected.
    fn guarded(&mut self, guards: Guards, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.guards, guards);
        visit(self);
        self.guards = outer;
    }

    fn visit_try(&mut self, stmt: &'a StmtTry) {
        self.guarded(self.guards.within_try(stmt), |this| this.visit_body(&stmt.body));
        stmt.handlers.iter().for_each(|handler| self.visit_except_handler(handler));
        self.visit_body(&stmt.orelse);
        self.visit_body(&stmt.finalbody);
    }

    fn visit_if(&mut self, stmt: &'a StmtIf) {
        self.visit_expr(&stmt.test);
        self.guarded(self.guards.within_branch(&stmt.test), |this| {
            if !guards::is_never_true(&stmt.test) {
                this.visit_body(&stmt.body);
            }
            stmt.elif_else_clauses.iter().for_each(|clause| this.visit_elif_else_clause(clause));
        });
    }

    fn visit_generators(&mut self, loops: &'a [Comprehension], parts: &[&'a Expr]) {
        if let Some(first) = loops.first() {
            self.visit_expr(&first.iter);
        }
        self.within(NameScope::of_loops(loops), |this| {
            for (i, each) in loops.iter().enumerate() {
                if i > 0 {
                    this.visit_expr(&each.iter);
                }
                each.ifs.iter().for_each(|test| this.visit_expr(test));
            }
            parts.iter().for_each(|part| this.visit_expr(part));
        });
    }

    fn visit_subscript(&mut self, subscript: &'a ExprSubscript) {
        if let (Expr::Name(name), Expr::StringLiteral(key)) = (&*subscript.value, &*subscript.slice) {
            let is_read = subscript.ctx == ExprContext::Load;
            self.facts.changes_context |= !is_read && name.id.as_str() == "context";
            // The code around it may expect that the key is missing.
            let key = Some(key.value.to_str()).filter(|_| is_read && !self.guards.keys);
            return self.read(&name.id, name.range.start().to_usize(), key);
        }
        self.visit_expr(&subscript.value);
        self.visit_expr(&subscript.slice);
    }

    fn import(&mut self, module: &str, at: usize) {
        // An import in a `try` has an alternative.
        if !self.guards.imports && !module.is_empty() {
            let module = module.split('.').next().unwrap_or_default();
            self.facts.imports.push(Import { module: module.into(), at });
        }
    }
}

impl<'a> Visitor<'a> for Collector<'a> {
    fn visit_body(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.visit_stmt(stmt);
            // What follows never runs.
            if matches!(stmt, Stmt::Return(_) | Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_)) {
                break;
            }
        }
    }

    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.visit_function(def),
            Stmt::ClassDef(def) => self.visit_class(def),
            Stmt::If(each) => self.visit_if(each),
            Stmt::Try(each) => self.visit_try(each),
            Stmt::With(each) => {
                each.items.iter().for_each(|item| self.visit_with_item(item));
                self.guarded(self.guards.within_with(each), |this| this.visit_body(&each.body));
            }
            // Whether an annotation is evaluated depends on the version of Python.
            Stmt::AnnAssign(each) => {
                each.value.iter().for_each(|value| self.visit_expr(value));
                if !matches!(&*each.target, Expr::Name(_)) {
                    self.visit_expr(&each.target);
                }
            }
            Stmt::TypeAlias(_) => {}
            Stmt::Global(each) => {
                let at = each.range.start().to_usize();
                self.facts.globals.extend(each.names.iter().map(|name| (name.as_str().into(), at)));
            }
            Stmt::Import(each) => {
                for alias in &each.names {
                    self.import(&alias.name, alias.range.start().to_usize());
                }
            }
            Stmt::ImportFrom(each) => {
                if let Some(module) = each.module.as_ref().filter(|_| each.level == 0) {
                    self.import(module, module.range.start().to_usize());
                }
            }
            // `x += 1` reads x.
            Stmt::AugAssign(each) => {
                if let Expr::Name(name) = &*each.target {
                    self.read(&name.id, name.range.start().to_usize(), None);
                } else {
                    self.visit_expr(&each.target);
                }
                self.visit_expr(&each.value);
            }
            Stmt::Assign(each) => match (&*each.targets, &*each.value) {
                ([Expr::Name(target)], Expr::Lambda(lambda)) if self.is_at_top() => {
                    lambda.parameters.iter().for_each(|parameters| self.visit_defaults(parameters));
                    let unit = self.add_unit(&target.id, results::of_lambda(lambda));
                    self.visit_unit(unit, &[], NameScope::of_lambda(lambda), |this| {
                        this.visit_expr(&lambda.body)
                    });
                }
                _ => visitor::walk_stmt(self, stmt),
            },
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx == ExprContext::Load => {
                self.read(&name.id, name.range.start().to_usize(), None);
            }
            Expr::Attribute(attribute) => {
                self.facts.changes_context |= guards::last_name(&attribute.value) == Some("context")
                    && matches!(attribute.attr.as_str(), "update" | "setdefault");
                self.facts.attributes.insert(attribute.attr.as_str().into());
                self.visit_expr(&attribute.value);
            }
            Expr::Subscript(subscript) => self.visit_subscript(subscript),
            Expr::Lambda(lambda) => self.visit_lambda(lambda),
            Expr::If(each) => self.guarded(self.guards.within_branch(&each.test), |this| {
                visitor::walk_expr(this, expr);
            }),
            Expr::ListComp(each) => self.visit_generators(&each.generators, &[&each.elt]),
            Expr::SetComp(each) => self.visit_generators(&each.generators, &[&each.elt]),
            Expr::Generator(each) => self.visit_generators(&each.generators, &[&each.elt]),
            Expr::DictComp(each) => {
                let parts: Vec<&Expr> = each.key.iter().map(|key| &**key).chain([&*each.value]).collect();
                self.visit_generators(&each.generators, &parts);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}
