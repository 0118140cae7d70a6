//! Entrypoints: which function the framework calls.

use serde_json::json;

use super::{assert_messages, map_messages};
use crate::validate::{entrypoint_of, entrypoint_to_render};

#[test]
fn entrypoints() {
    let named = |init: Option<&str>, name: &str, python: &str| {
        map_messages(init, &json!({ "entrypoint": name, "python": python }), &[])
    };
    let rows = [
        (
            None,
            "g",
            "def f(v): return v",
            ".entrypoint: Invalid value: \"g\": must be the name of a function, class or other callable in python: 'f'",
        ),
        (
            None,
            "g",
            "def f(v): return v\nclass C: pass\nh = lambda v: v",
            ".entrypoint: Invalid value: \"g\": must be the name of a function, class or other callable in python: one of 'f', 'C', 'h'",
        ),
        (
            None,
            "g",
            "import f",
            ".entrypoint: Invalid value: \"g\": must be the name of a function, class or other callable in python: none exist",
        ),
        (
            None,
            "rate",
            "rate = 2\ndef f(v): return v",
            ".entrypoint: Invalid value: \"rate\": must be the name of a function, class or other callable in python: 'f'",
        ),
        (
            None,
            "x",
            "def f(v):\n    x = 1",
            ".entrypoint: Invalid value: \"x\": must be the name of a function, class or other callable in python: 'f'",
        ),
        (
            None,
            "m",
            "class C:\n    def m(self, v): return v",
            ".entrypoint: Invalid value: \"m\": must be the name of a function, class or other callable in python: 'C'",
        ),
        (
            None,
            "x",
            "def f(v): return [x for x in v]",
            ".entrypoint: Invalid value: \"x\": must be the name of a function, class or other callable in python: 'f'",
        ),
        (
            None,
            "x",
            "x: int\ndef f(v): return v",
            ".entrypoint: Invalid value: \"x\": must be the name of a function, class or other callable in python: 'f'",
        ),
        (
            None,
            "a.b",
            "def f(v): return v",
            ".entrypoint: Invalid value: \"a.b\": must be the name of a function, class or other callable in python",
        ),
        (
            Some("def g(v): return v"),
            "h",
            "def f(v): return v",
            ".entrypoint: Invalid value: \"h\": must be the name of a function, class or other callable in python: one of 'f', 'g'",
        ),
    ];
    assert_messages(
        rows.into_iter()
            .map(|(init, name, python, expected)| (python.to_owned(), named(init, name, python), expected))
            .collect(),
    );
    for (init, name, python) in [
        (None, "f", "async def f(v): return v"),
        (None, "f", "class f:\n    def __init__(self, v): pass"),
        (None, "f", "f: object = lambda v: v"),
        (None, "f", "a = f = lambda v: v"),
        (None, "f", "if x:\n    def f(v): return v\nelse:\n    f = None"),
        (None, "f", "try:\n    from a import f\nexcept ImportError:\n    def f(v): return v"),
        (None, "f", "with a as f: pass"),
        (None, "f", "for f in a: pass"),
        (None, "f", "import a as f"),
        (None, "f", "from a import b as f"),
        (None, "f", "f, g = make()"),
        (None, "f", "[*f] = make()"),
        (None, "f", "g = (f := make())"),
        (None, "f", "[f := x for x in y]"),
        (None, "f", "match a:\n    case {'f': f}: pass"),
        (None, "f", "f = functools.partial(g, 1)"),
        (None, "f", "from a import *"),
        (None, "f", "exec('def f(v): pass')"),
        (None, "f", "globals()['f'] = print"),
        (None, "f", "def g():\n    global f\n    f = print\ng()"),
        (None, "größe", "def größe(v): return v"),
        (Some("def f(v): return v"), "f", "pass"),
        (Some("from a import *"), "f", "pass"),
        (Some("from a import f"), "f", "x = 1"),
        (Some("f = 1"), "f", "def f(v): return v"),
    ] {
        assert_eq!(named(init, name, python), Vec::<String>::new(), "{init:?} {python}");
    }
}

#[test]
fn no_entrypoint() {
    let unnamed = |init: Option<&str>, python: &str| {
        map_messages(init, &json!({ "python": python, "entrypoint": "" }), &[])
    };
    let rows = [
        (None, "x = 1", ".python: Invalid value: \"x = 1\": must define a function"),
        (
            None,
            "\n# def f(v): return v",
            ".python: Invalid value: \"# def f(v): return v\": must define a function",
        ),
        (None, "import json", ".python: Invalid value: \"import json\": must define a function"),
        (Some("def f(v): return v"), "x = 1", ".python: Invalid value: \"x = 1\": must define a function"),
        (
            None,
            "def g(v): return v\ndef f(v): return g(v)",
            ".entrypoint: Required value: must name the function to call, for python defines several: one of 'g', 'f'",
        ),
        (
            None,
            "class C: pass\nf = lambda v: v",
            ".entrypoint: Required value: must name the function to call, for python defines several: one of 'C', 'f'",
        ),
        (None, "from a import b, c", ": has no entrypoint: the framework calls the first callable"),
        (
            Some("from a import b"),
            "f = partial(b, 1)",
            ": has no entrypoint: the framework calls the first callable",
        ),
    ];
    assert_messages(
        rows.into_iter()
            .map(|(init, python, expected)| (python.to_owned(), unnamed(init, python), expected))
            .collect(),
    );
    for (init, python) in [
        (None, "f = lambda v: v"),
        (None, "class F:\n    def __init__(self, v): pass"),
        (None, "from datetime import datetime\nRATE = 2\ndef f(v): return v"),
        (None, "if x:\n    def f(v): return v\nelse:\n    def f(v): return None"),
        (None, "from a import f"),
        (None, "f = partial(print)"),
        (None, "from a import *"),
        (Some("def g(v): return v"), "def f(v): return g(v)"),
    ] {
        assert_eq!(unnamed(init, python), Vec::<String>::new(), "{python}");
    }
}

#[test]
fn rendered_entrypoints() {
    for (init, python, own, rendered) in [
        (None, "def f(v): return v", Some("f"), None),
        (None, "import json\nRATE = 2\ndef f(v): return v", Some("f"), None),
        (None, "from datetime import datetime\ndef f(v): return v", Some("f"), Some("f")),
        (None, "from __future__ import annotations\ndef f(v): return v", Some("f"), None),
        (None, "def f(v): return v\nx = partial(f)", Some("f"), None),
        (None, "N = 0\ndef f(v):\n    global N\n    N += 1", Some("f"), None),
        (None, "from a import *\ndef f(v): return v", Some("f"), Some("f")),
        (Some("import json\nRATE = 2\n"), "def f(v): return v", Some("f"), None),
        (Some("def g(v): return v"), "def f(v): return v", Some("f"), Some("f")),
        (Some("from a import b"), "def f(v): return v", Some("f"), Some("f")),
        (Some("not ("), "def f(v): return v", Some("f"), Some("f")),
        (None, "def g(v): return v\ndef f(v): return v", None, None),
        (None, "x = 1", None, None),
        (None, "def f(v)", None, None),
    ] {
        assert_eq!(entrypoint_of(python).as_deref(), own, "{python}");
        assert_eq!(entrypoint_to_render(init, python).as_deref(), rendered, "{init:?} {python}");
    }
}

/// Only the syntax of `init` is validated.
#[test]
fn init() {
    let one = json!({ "python": "def f(v): return v" });
    assert_eq!(
        map_messages(Some("import os\ndef g(): pass\ndef h(): pass"), &one, &[]),
        Vec::<String>::new()
    );
    assert_messages(vec![(
        "init".to_owned(),
        map_messages(Some("import os\nreturn"), &one, &[]),
        "spec.processors.init.python: Invalid value: \"return\": line 2, column 1: 'return' statement outside of a function",
    )]);
}
