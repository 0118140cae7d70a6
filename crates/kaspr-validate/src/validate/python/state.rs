//! State at the top level of an operation: the framework runs the whole code anew for every value, in a fresh scope.

use std::collections::HashSet;

use ruff_python_ast::{
    Expr, ExprContext, ModModule, Stmt, StmtFunctionDef,
    visitor::{self, Visitor},
};
use ruff_text_size::TextRange;

use super::{
    guards::last_name,
    lint::{Lint, LintCheck},
    name_scope::NameScope,
    names::Binding,
};

/// Calls that are cheap, or whose result is a constant.
const CHEAP: &[&str] = &[
    "Decimal",
    "Fraction",
    "NewType",
    "Path",
    "PurePath",
    "TypeVar",
    "ZoneInfo",
    "bool",
    "bytearray",
    "bytes",
    "compile",
    "date",
    "datetime",
    "dict",
    "float",
    "frozenset",
    "getLogger",
    "get_logger",
    "getenv",
    "int",
    "len",
    "list",
    "max",
    "min",
    "namedtuple",
    "partial",
    "range",
    "set",
    "sorted",
    "str",
    "struct",
    "sum",
    "time",
    "timedelta",
    "timezone",
    "tuple",
    "Struct",
    "attrgetter",
    "itemgetter",
    "get",
    "join",
    "split",
    "defaultdict",
    "deque",
    "Counter",
    "OrderedDict",
    "lower",
    "upper",
    "strip",
    "format",
    "replace",
    "keys",
    "values",
    "items",
    "now",
    "utcnow",
    "perf_counter",
    "monotonic",
    "type",
    "object",
    "property",
    "cast",
];

/// Methods that change a collection.
const CHANGES: &[&str] =
    &["add", "append", "extend", "insert", "setdefault", "update", "pop", "popleft", "appendleft"];

/// Warns about state that an operation loses.
pub(super) fn check(module: &ModModule, bindings: &[(&str, Binding<'_>)]) -> Vec<Lint> {
    let mut changes = Changes::default();
    changes.visit_body(&module.body);
    let defined = bindings.iter().filter(|(_, binding)| {
        matches!(binding, Binding::Function(_) | Binding::Class(_) | Binding::Lambda(_))
    });
    let defined: HashSet<&str> = defined.map(|(name, _)| *name).collect();
    let mut lints = Vec::new();
    let mut report = |range: TextRange, text: String| {
        lints.push(Lint { check: LintCheck::State, at: range.start().to_usize(), text });
    };
    for stmt in &module.body {
        let (target, value) = match stmt {
            Stmt::Assign(each) => match &*each.targets {
                [Expr::Name(target)] => (target, &*each.value),
                _ => continue,
            },
            Stmt::AnnAssign(each) => match (&*each.target, &each.value) {
                (Expr::Name(target), Some(value)) => (target, &**value),
                _ => continue,
            },
            _ => continue,
        };
        let name = target.id.as_str();
        if changes.globals.contains(name) {
            report(
                target.range,
                format!("'{name}' is set again for every value: keep it in an object of init"),
            );
        } else if is_collection(value) && changes.changed.contains(name) {
            report(target.range, format!("'{name}' is empty again for every value: move it to init"));
        } else if is_costly(value, &defined) {
            report(target.range, format!("'{name}' is created for every value: move it to init"));
        }
    }
    lints
}

fn is_collection(value: &Expr) -> bool {
    match value {
        Expr::List(_) | Expr::Dict(_) | Expr::Set(_) => true,
        Expr::Call(call) => matches!(
            last_name(&call.func),
            Some("dict" | "list" | "set" | "defaultdict" | "deque" | "Counter" | "OrderedDict")
        ),
        _ => false,
    }
}

/// Whether an expression calls something that the code only imports, and that may be costly.
fn is_costly(value: &Expr, defined: &HashSet<&str>) -> bool {
    match value {
        Expr::Call(call) => {
            last_name(&call.func).is_some_and(|name| !CHEAP.contains(&name) && !defined.contains(name))
        }
        Expr::Await(_) => true,
        _ => false,
    }
}

/// What functions change of the top level.
#[derive(Default)]
struct Changes<'a> {
    globals: HashSet<&'a str>,
    changed: HashSet<&'a str>,
    /// Scopes of the functions around the code.
    functions: Vec<NameScope<'a>>,
}

impl<'a> Changes<'a> {
    fn change(&mut self, object: &'a Expr) {
        if let Expr::Name(name) = object
            && !self.functions.is_empty()
            && !self.functions.iter().any(|scope| scope.binds(&name.id))
        {
            self.changed.insert(&name.id);
        }
    }

    fn visit_function(&mut self, def: &'a StmtFunctionDef) {
        self.functions.push(NameScope::of_function(def));
        self.visit_body(&def.body);
        self.functions.pop();
    }
}

impl<'a> Visitor<'a> for Changes<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => return self.visit_function(def),
            Stmt::Global(each) => self.globals.extend(each.names.iter().map(|name| name.as_str())),
            Stmt::AugAssign(each) => self.change(&each.target),
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Subscript(each) if each.ctx == ExprContext::Store => self.change(&each.value),
            Expr::Call(call) => {
                if let Expr::Attribute(method) = &*call.func
                    && CHANGES.contains(&&*method.attr)
                {
                    self.change(&method.value);
                }
            }
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}
