//! Calls: whether a function accepts the arguments of the framework.

use serde_json::{Value, json};

use super::{assert_messages, errors, map_messages, validate, validate_processors, warnings};
use crate::{
    api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView},
    validate::Findings,
};

#[test]
fn calls() {
    let rows: &[(&str, &[&str], &str)] = &[
        (
            "N = 0\ndef f():\n    global N",
            &[],
            ".python: Invalid value: \"def f():\": is called with 1 value, but 'f' takes ()",
        ),
        (
            "def f(): return 1",
            &[],
            ".python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
        (
            "def f(v): return v",
            &["counts"],
            ".python: Invalid value: \"def f(v): return v\": is called with 1 value and the keyword 'counts', but 'f' takes (v)",
        ),
        (
            "def f(v, w): return v",
            &[],
            ".python: Invalid value: \"def f(v, w): return v\": is called with 1 value, but 'f' takes (v, w)",
        ),
        (
            "def f(v, count): return v",
            &["counts"],
            ".python: Invalid value: \"def f(v, count): return v\": is called with 1 value and the keyword 'counts', but 'f' takes (v, count)",
        ),
        (
            "def f(counts): return 1",
            &["counts"],
            ".python: Invalid value: \"def f(counts): return 1\": is called with 1 value and the keyword 'counts', but 'f' takes (counts)",
        ),
        (
            "def f(v, counts, /): return v",
            &["counts"],
            ".python: Invalid value: \"def f(v, counts, /): return v\": is called with 1 value and the keyword 'counts', but 'f' takes (v, counts, /)",
        ),
        (
            "def f(*, counts): return 1",
            &["counts"],
            ".python: Invalid value: \"def f(*, counts): return 1\": is called with 1 value and the keyword 'counts', but 'f' takes (*, counts)",
        ),
        (
            "def f(v, *, must, counts): return v",
            &["counts"],
            ".python: Invalid value: \"def f(v, *, must, counts): return v\": is called with 1 value and the keyword 'counts', but 'f' takes (v, *, must, counts)",
        ),
        (
            "def f(v, *a): return v",
            &["a"],
            ".python: Invalid value: \"def f(v, *a): return v\": is called with 1 value and the keyword 'a', but 'f' takes (v, *a)",
        ),
        (
            "def f(**k): return k",
            &[],
            ".python: Invalid value: \"def f(**k): return k\": is called with 1 value, but 'f' takes (**k)",
        ),
        (
            "def f(v, w, x=1, *a, k, l=2, **m): return v",
            &[],
            ".python: Invalid value: \"def f(v, w, x=1, *a, k, l=2, **m): return v\": is called with 1 value, but 'f' takes (v, w, x=…, *a, k, l=…, **m)",
        ),
        (
            "async def f(v):\n    yield v",
            &["a", "b"],
            ".python: Invalid value: \"async def f(v):\": is called with 1 value and the keywords 'a', 'b', but 'f' takes (v)",
        ),
        (
            "f = lambda: 1",
            &[],
            ".python: Invalid value: \"f = lambda: 1\": is called with 1 value, but 'f' takes ()",
        ),
        (
            "class F:\n    def __init__(self): pass",
            &[],
            ".python: Invalid value: \"class F:\": is called with 1 value, but 'F' takes ()",
        ),
        (
            "class F(object):\n    def __init__(self, v, x): pass",
            &[],
            ".python: Invalid value: \"class F(object):\": is called with 1 value, but 'F' takes (v, x)",
        ),
    ];
    let line = |python: &str, tables: &[&str]| map_messages(None, &json!({ "python": python }), tables);
    assert_messages(
        rows.iter()
            .map(|(python, tables, expected)| ((*python).to_owned(), line(python, tables), *expected))
            .collect(),
    );
    assert_eq!(
        map_messages(Some("def g(v, w): return v"), &json!({ "entrypoint": "g", "python": "x = 1" }), &[]),
        [".entrypoint: Invalid value: \"g\": is called with 1 value, but 'g' takes (v, w)"]
    );
    let accepted: &[(&str, &[&str])] = &[
        ("def f(v, counts): return v", &["counts"]),
        ("def f(v, w=1, *, counts=None): return v", &["counts"]),
        ("def f(*a, **k): return 1", &["a", "k"]),
        ("def f(v, /, **k): return 1", &["v", "counts"]),
        ("def f(*a, counts): return 1", &["counts"]),
        ("def f(v, a, b): return v", &["b", "a"]),
        ("async def f(v): yield v", &[]),
        ("f = lambda v, counts: v", &["counts"]),
        ("class F:\n    def __init__(self, v, counts): pass", &["counts"]),
        ("class F(Base):\n    def __init__(self): pass", &[]),
        ("class F(metaclass=M):\n    def __init__(self): pass", &[]),
        ("class F:\n    def __new__(cls, *a): pass\n    def __init__(self): pass", &[]),
        ("@dataclass\nclass F:\n    x: int", &[]),
        ("@decorated\ndef f(): pass", &["counts"]),
        ("def f(): pass\nf = decorated(f)", &[]),
        ("if x:\n    def f(): pass\nelse:\n    def f(v): pass", &[]),
        ("def f(): pass\nfrom a import *", &[]),
        ("f = partial(g, 1)", &["counts"]),
        ("from a import f", &["counts"]),
    ];
    for (python, tables) in accepted {
        assert_eq!(line(python, tables), Vec::<String>::new(), "{python}");
    }
}

const NO_ARGUMENT: &str = "def f(): return 1";
const ONE_VALUE: &str = "def f(v): return v";
const VALUE_AND_TABLE: &str = "def f(v, t): return v";
const ONLY_TABLE: &str = "def f(t): return t";

fn code(python: &str) -> Value {
    json!({ "python": python })
}

fn all_messages(found: &Findings) -> Vec<String> {
    [errors(found), warnings(found)].concat()
}

/// A row of a table of calls: name, messages, expected messages.
fn row<'a>(name: &str, found: &Findings, expected: &'a str) -> (String, Vec<String>, &'a str) {
    (name.to_owned(), all_messages(found), expected)
}

#[test]
fn selectors_of_topics() {
    let send = |python: &str, tables: &Value| {
        let topic = json!({ "name": "t", "predicate": code(python), "keySelector": code(python) });
        let operation = json!({ "name": "a", "tables": tables, "topicSend": topic });
        validate_processors(&json!({ "pipeline": ["a"], "operations": [operation] }))
    };
    let output = |python: &str| {
        let input = json!({ "topic": { "name": "t" } });
        let output = json!({ "topics": [{ "name": "t", "valueSelector": code(python) }] });
        let operations = json!([{ "name": "a", "map": code(ONE_VALUE) }]);
        let processors = json!({ "pipeline": ["a"], "operations": operations });
        validate::<KasprAgent>(&json!({ "input": input, "output": output, "processors": processors }))
    };
    assert_messages(vec![
        row(
            "send without table",
            &send(VALUE_AND_TABLE, &json!([])),
            "spec.processors.operations[0].topicSend.keySelector.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)\n\
             spec.processors.operations[0].topicSend.predicate.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)",
        ),
        row("send", &send(VALUE_AND_TABLE, &json!([{ "name": "t", "paramName": "t" }])), ""),
        row(
            "output",
            &output(VALUE_AND_TABLE),
            "spec.output.topics[0].valueSelector.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)",
        ),
        row("output", &output(ONE_VALUE), ""),
    ]);
}

#[test]
fn operations_that_are_not_in_the_pipeline() {
    let operations =
        json!([{ "name": "a", "map": code(ONE_VALUE) }, { "name": "b", "map": code(NO_ARGUMENT) }]);
    let found = validate_processors(&json!({ "pipeline": ["a"], "operations": operations }));
    assert_messages(vec![row(
        "not in the pipeline",
        &found,
        "spec.processors.operations[1].name: is not in pipeline: the operation never runs",
    )]);
}

/// What never runs cannot fail: only its syntax is checked.
#[test]
fn code_that_never_runs() {
    let idle = [
        json!({ "name": "b", "map": code("def f(v): return missing") }),
        json!({ "name": "b", "filter": code("def f(v): yield v") }),
        json!({ "name": "b", "topicSend": { "name": "t", "keySelector": code("async def f(v): return missing") } }),
    ];
    for operation in idle {
        let processors =
            json!({ "pipeline": ["a"], "operations": [{ "name": "a", "map": code(ONE_VALUE) }, operation] });
        assert_messages(vec![row(
            "not in the pipeline",
            &validate_processors(&processors),
            "spec.processors.operations[1].name: is not in pipeline: the operation never runs",
        )]);
    }
}

#[test]
fn operations_of_tasks() {
    let task = |first: &str, second: &str| {
        let tables = json!([{ "name": "t", "paramName": "t" }]);
        let operations = json!([
            { "name": "b", "map": code(second) },
            { "name": "a", "map": code(first), "tables": tables },
        ]);
        let processors = json!({ "pipeline": ["a", "b"], "operations": operations });
        validate::<KasprTask>(&json!({ "name": "a", "processors": processors }))
    };
    assert_messages(vec![
        row("task", &task(ONLY_TABLE, ONE_VALUE), ""),
        row(
            "task",
            &task(VALUE_AND_TABLE, NO_ARGUMENT),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()\n\
             spec.processors.operations[1].map.python: Invalid value: \"def f(v, t): return v\": is called with the keyword 't' alone, but 'f' takes (v, t)",
        ),
    ]);
}

#[test]
fn operations_and_selectors_of_webviews() {
    let view = |path: &str, python: &str, selector: &str| {
        let operations =
            json!([{ "name": "a", "map": code(python) }, { "name": "b", "map": code(ONE_VALUE) }]);
        let processors = json!({ "pipeline": ["a", "b"], "operations": operations });
        let response = json!({ "bodySelector": { "onSuccess": code(selector) } });
        let request = json!({ "method": "GET", "path": path });
        validate::<KasprWebView>(
            &json!({ "name": "a", "request": request, "response": response, "processors": processors }),
        )
    };
    assert_messages(vec![
        row("view", &view("/", ONE_VALUE, ONE_VALUE), ""),
        row(
            "view",
            &view("/", "def f(v, id): return v", NO_ARGUMENT),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(v, id): return v\": is called with 1 value, but 'f' takes (v, id)\n\
             spec.response.bodySelector.onSuccess.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
        row("view", &view("/{id}", "def f(v, id): return v", ONE_VALUE), ""),
        row(
            "view",
            &view("/{id}/{x}", ONE_VALUE, ONE_VALUE),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(v): return v\": 'f' must also take 'id', 'x' of request.path",
        ),
        row(
            "view",
            &view("/{id}", "def f(v, id, x): return v", ONE_VALUE),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(v, id, x): return v\": is called with 1 value and the keyword 'id', but 'f' takes (v, id, x)",
        ),
        row(
            "view",
            &view("/{id", "def f(v, id, x): return v", ONE_VALUE),
            "spec.request.path: Invalid value: \"/{id\": must have parameters in braces, each a name of letters, digits and '_', such as '/order/{id}'",
        ),
    ]);
}

#[test]
fn selectors_of_tables_and_joins() {
    // The warning about windows is not part of the rows.
    let table = |default: &str, relative: &str| {
        let relative = code(relative);
        let window =
            json!({ "tumbling": { "size": "1" }, "relativeTo": "custom", "relativeToSelector": relative });
        let spec = json!({ "name": "t", "defaultSelector": code(default), "window": window });
        errors(&validate::<KasprTable>(&spec))
    };
    let join = |python: &str| {
        validate::<KasprJoin>(&json!({ "leftTable": "a", "rightTable": "b", "extractor": code(python) }))
    };
    assert_messages(vec![
        ("table".to_owned(), table("def f(): return int", ONE_VALUE), ""),
        (
            "table".to_owned(),
            table(ONE_VALUE, NO_ARGUMENT),
            "spec.defaultSelector.python: Invalid value: \"def f(v): return v\": is called with nothing, but 'f' takes (v)\n\
             spec.window.relativeToSelector.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
        row("join", &join(ONE_VALUE), ""),
        row(
            "join",
            &join(NO_ARGUMENT),
            "spec.extractor.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
    ]);
}
