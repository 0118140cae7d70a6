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
        ("class F: pass", &[]),
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

/// Each field with code is called with arguments of its own.
#[test]
fn callers() {
    let [no, one, two, keyword] =
        ["def f(): return 1", "def f(v): return v", "def f(v, t): return v", "def f(t): return t"]
            .map(|python| json!({ "python": python }));
    let table = json!([{ "name": "t", "paramName": "t" }]);
    let lines = |found: Findings| [errors(&found), warnings(&found)].concat();
    let input = json!({ "topic": { "name": "t" } });
    let send = |code: &Value, tables: &Value| {
        let topic = json!({ "name": "t", "predicate": code, "keySelector": code });
        let operation = json!({ "name": "a", "tables": tables, "topicSend": topic });
        lines(validate_processors(&json!({ "pipeline": ["a"], "operations": [operation] })))
    };
    let output = |code: &Value| {
        let output = json!({ "topics": [{ "name": "t", "valueSelector": code }] });
        let processors = json!({ "pipeline": ["a"], "operations": [{ "name": "a", "map": one }] });
        lines(validate::<KasprAgent>(&json!({ "input": input, "output": output, "processors": processors })))
    };
    let idle = |code: &Value| {
        let operations = json!([{ "name": "a", "map": one }, { "name": "b", "map": code }]);
        lines(validate_processors(&json!({ "pipeline": ["a"], "operations": operations })))
    };
    let task = |first: &Value, second: &Value| {
        let operations =
            json!([{ "name": "b", "map": second }, { "name": "a", "map": first, "tables": table }]);
        let processors = json!({ "pipeline": ["a", "b"], "operations": operations });
        lines(validate::<KasprTask>(&json!({ "name": "a", "processors": processors })))
    };
    let view = |path: &str, code: &str, selector: &Value| {
        let operations = json!([{ "name": "a", "map": { "python": code } }, { "name": "b", "map": one }]);
        let processors = json!({ "pipeline": ["a", "b"], "operations": operations });
        let response = json!({ "bodySelector": { "onSuccess": selector } });
        let request = json!({ "method": "GET", "path": path });
        lines(validate::<KasprWebView>(
            &json!({ "name": "a", "request": request, "response": response, "processors": processors }),
        ))
    };
    let table_of = |default: &Value, relative: &Value| {
        let window =
            json!({ "tumbling": { "size": "1" }, "relativeTo": "custom", "relativeToSelector": relative });
        errors(&validate::<KasprTable>(&json!({ "name": "t", "defaultSelector": default, "window": window })))
    };
    let join = |code: &Value| {
        lines(validate::<KasprJoin>(&json!({ "leftTable": "a", "rightTable": "b", "extractor": code })))
    };
    let rows = vec![
        (
            "send without table",
            send(&two, &json!([])),
            "spec.processors.operations[0].topicSend.keySelector.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)\n\
             spec.processors.operations[0].topicSend.predicate.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)",
        ),
        ("send", send(&two, &table), ""),
        (
            "output",
            output(&two),
            "spec.output.topics[0].valueSelector.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)",
        ),
        ("output", output(&one), ""),
        ("not in the pipeline", idle(&no), ""),
        ("task", task(&keyword, &one), ""),
        (
            "task",
            task(&two, &no),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()\n\
             spec.processors.operations[1].map.python: Invalid value: \"def f(v, t): return v\": is called with the keyword 't' alone, but 'f' takes (v, t)",
        ),
        ("view", view("/", "def f(v): return v", &one), ""),
        (
            "view",
            view("/", "def f(v, id): return v", &no),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(v, id): return v\": is called with 1 value, but 'f' takes (v, id)\n\
             spec.response.bodySelector.onSuccess.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
        ("view", view("/{id}", "def f(v, id): return v", &one), ""),
        (
            "view",
            view("/{id}/{x}", "def f(v): return v", &one),
            "spec.processors.operations[0].map: 'f' must also take 'id', 'x' of request.path",
        ),
        (
            "view",
            view("/{id}", "def f(v, id, x): return v", &one),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(v, id, x): return v\": is called with 1 value and the keyword 'id', but 'f' takes (v, id, x)",
        ),
        (
            "view",
            view("/{id", "def f(v, id, x): return v", &one),
            "spec.request.path: Invalid value: \"/{id\": must have parameters in braces, each a name of letters, digits and '_', such as '/order/{id}'",
        ),
        ("table", table_of(&no, &one), ""),
        (
            "table",
            table_of(&one, &no),
            "spec.defaultSelector.python: Invalid value: \"def f(v): return v\": is called with nothing, but 'f' takes (v)\n\
             spec.window.relativeToSelector.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
        ("join", join(&one), ""),
        (
            "join",
            join(&no),
            "spec.extractor.python: Invalid value: \"def f(): return 1\": is called with 1 value, but 'f' takes ()",
        ),
    ];
    assert_messages(rows.into_iter().map(|(name, got, expected)| (name.to_owned(), got, expected)).collect());
}
