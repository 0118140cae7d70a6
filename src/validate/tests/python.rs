use proptest::prelude::*;
use serde_json::{Value, json};

use super::{errors, warnings};
use crate::{
    api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView},
    validate::{Findings, ValidateUpdate, entrypoint_of, entrypoint_to_render, review},
};

const MAP: &str = "spec.processors.operations[0].map";

fn found<T: ValidateUpdate + serde::de::DeserializeOwned>(spec: &Value) -> Findings {
    let object = json!({ "metadata": { "name": "a", "labels": { "kaspr.io/app": "a" } }, "spec": spec });
    review::<T>(&serde_json::from_value(object).expect("a resource"), None, None)
}

fn agent_of(processors: &Value) -> Findings {
    found::<KasprAgent>(&json!({ "input": { "topic": { "name": "t" } }, "processors": processors }))
}

/// An agent with one map, which gets the tables by these names.
fn agent(init: Option<&str>, map: &Value, tables: &[&str]) -> Findings {
    let tables: Vec<Value> = tables.iter().map(|name| json!({ "name": name, "paramName": name })).collect();
    let init = init.map(|python| json!({ "python": python }));
    agent_of(
        &json!({ "init": init, "pipeline": ["a"], "operations": [{ "name": "a", "map": map, "tables": tables }] }),
    )
}

/// What is said of code in a map, without its path.
fn said(init: Option<&str>, map: &Value, tables: &[&str]) -> Vec<String> {
    let found = agent(init, map, tables);
    assert!(errors(&found).iter().all(|line| line.starts_with("spec.processors.")), "{found:?}");
    [errors(&found), warnings(&found)].concat().iter().map(|line| line.replacen(MAP, "", 1)).collect()
}

fn code(python: &str) -> Vec<String> {
    said(None, &json!({ "python": python }), &[])
}

#[track_caller]
fn same(rows: Vec<(String, Vec<String>, &str)>) {
    let wrong: Vec<String> = rows
        .into_iter()
        .filter(|(_, got, expected)| got.join("\n") != *expected)
        .map(|(code, got, expected)| {
            format!("{code}\n  expected: {expected}\n  got:      {}", got.join("\n"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn syntax() {
    let rows = [
        (
            "def f(v)\n    return v",
            ".python: Invalid value: \"def f(v)\": line 1, column 9: expected ':', found newline",
        ),
        (
            "def f(v):\n    return v +",
            ".python: Invalid value: \"    return v +\": line 2, column 15: expected an expression",
        ),
        (
            "def f(v):\nreturn v",
            ".python: Invalid value: \"return v\": line 2, column 1: expected an indented block after function definition",
        ),
        (
            "def f(v):\n    x = 1\n   return x",
            ".python: Invalid value: \"   return x\": line 3, column 1: unindent does not match any outer indentation level",
        ),
        (
            "def f(v):\n\tif v:\n        return 1",
            ".python: Invalid value: \"        return 1\": line 3, column 9: tabs and spaces must not be mixed in indentation",
        ),
        (
            "def f(v):\n    return (v",
            ".python: Invalid value: \"    return (v\": line 2, column 14: unexpected EOF while parsing",
        ),
        (
            "def f(v):\n    return 'v",
            ".python: Invalid value: \"    return 'v\": line 2, column 12: missing closing quote in string literal",
        ),
        (
            "def f(v):\n    print 'v'",
            ".python: Invalid value: \"    print 'v'\": line 2, column 11: simple statements must be separated by newlines or semicolons",
        ),
        (
            "def f(v): return größe ? 1",
            ".python: Invalid value: \"def f(v): return größe ? 1\": line 1, column 24: got unexpected token ?",
        ),
        (
            "def f(v): return 'é' é 'é'",
            ".python: Invalid value: \"def f(v): return 'é' é 'é'\": line 1, column 22: simple statements must be separated by newlines or semicolons",
        ),
        (
            "def f(v):",
            ".python: Invalid value: \"def f(v):\": line 1, column 10: expected an indented block after function definition",
        ),
        (
            "def f(v):\r\n    return v\r\n  x",
            ".python: Invalid value: \"  x\": line 3, column 1: unindent does not match any outer indentation level",
        ),
        (
            "def f(v): return f'{v'",
            ".python: Invalid value: \"def f(v): return f'{v'\": line 1, column 22: f-string: expecting '}'",
        ),
        (
            "def f(v):\n    return v\n\u{0}",
            ".python: Invalid value: \"\\u0000\": line 3, column 1: must not hold null characters",
        ),
        (
            "return 1",
            ".python: Invalid value: \"return 1\": line 1, column 1: 'return' statement outside of a function",
        ),
        (
            "def f(v): return v\nawait f(1)",
            ".python: Invalid value: \"await f(1)\": line 2, column 1: 'await' statement outside of a function\n\
             .python: Invalid value: \"await f(1)\": line 2, column 1: 'await' outside of an asynchronous function",
        ),
        (
            "def f(v):\n    await v",
            ".python: Invalid value: \"    await v\": line 2, column 5: 'await' outside of an asynchronous function",
        ),
        (
            "def f(v):\n    [x async for x in v]",
            ".python: Invalid value: \"    [x async for x in v]\": line 2, column 8: asynchronous comprehension outside of an asynchronous function",
        ),
        (
            "yield 1",
            ".python: Invalid value: \"yield 1\": line 1, column 1: 'yield' statement outside of a function",
        ),
        (
            "class C:\n    return 1",
            ".python: Invalid value: \"    return 1\": line 2, column 5: 'return' statement outside of a function",
        ),
        (
            "def f(v):\n    break",
            ".python: Invalid value: \"    break\": line 2, column 5: 'break' outside loop",
        ),
        (
            "for x in y:\n    def f(v):\n        continue",
            ".python: Invalid value: \"        continue\": line 3, column 9: 'continue' outside loop",
        ),
        (
            "while x:\n    pass\nelse:\n    break",
            ".python: Invalid value: \"    break\": line 4, column 5: 'break' outside loop",
        ),
        (
            "nonlocal x",
            ".python: Invalid value: \"nonlocal x\": line 1, column 1: nonlocal declaration not allowed at module level",
        ),
        (
            "def f(v):\n    nonlocal x",
            ".python: Invalid value: \"    nonlocal x\": line 2, column 14: no binding for nonlocal 'x' found",
        ),
        (
            "def f(v, v): return v",
            ".python: Invalid value: \"def f(v, v): return v\": line 1, column 10: duplicate parameter 'v'",
        ),
        (
            "f = lambda v, v: v",
            ".python: Invalid value: \"f = lambda v, v: v\": line 1, column 15: duplicate parameter 'v'",
        ),
        (
            "def f(v): return v(a=1, a=2)",
            ".python: Invalid value: \"def f(v): return v(a=1, a=2)\": line 1, column 25: duplicate keyword argument 'a'",
        ),
        (
            "def f(v):\n    v = 1\n    global v",
            ".python: Invalid value: \"    v = 1\": line 2, column 5: name 'v' is used prior to global declaration\n\
             .python: Invalid value: \"    global v\": line 3, column 12: name 'v' cannot refer to a parameter and a global variable",
        ),
        (
            "def f(v):\n    x = 1\n    global x",
            ".python: Invalid value: \"    x = 1\": line 2, column 5: name 'x' is used prior to global declaration",
        ),
        (
            "def f(v):\n    global x\n    x: int = 1",
            ".python: Invalid value: \"    x: int = 1\": line 3, column 5: annotated name 'x' can't be global\n\
             .python: Invalid value: \"    x: int = 1\": line 3, column 5: annotated name 'x' can't be global",
        ),
        (
            "def g():\n    x = 1\n    def f(v):\n        print(x)\n        nonlocal x",
            ".python: Invalid value: \"        print(x)\": line 4, column 15: name 'x' is used prior to nonlocal declaration",
        ),
        (
            "def f(v):\n    from os import *",
            ".python: Invalid value: \"    from os import *\": line 2, column 5: 'from os import *' only allowed at module level",
        ),
        (
            "x = 1\nfrom __future__ import annotations",
            ".python: Invalid value: \"from __future__ import annotations\": line 2, column 1: __future__ imports must be at the top of the file",
        ),
        (
            "from __future__ import braces",
            ".python: Invalid value: \"from __future__ import braces\": line 1, column 24: future feature 'braces' is not defined",
        ),
        (
            "async def f(v):\n    yield 1\n    return 2",
            ".python: Invalid value: \"    return 2\": line 3, column 5: 'return' with value in async generator",
        ),
        (
            "async def f(v):\n    yield from v",
            ".python: Invalid value: \"    yield from v\": line 2, column 5: 'yield from' statement in async function; use 'async for' instead",
        ),
        (
            "def f(*, **k): pass",
            ".python: Invalid value: \"def f(*, **k): pass\": line 1, column 10: expected one or more keyword parameter after '*' separator",
        ),
        (
            "def f(v=1, w): pass",
            ".python: Invalid value: \"def f(v=1, w): pass\": line 1, column 12: parameter without a default cannot follow a parameter with a default",
        ),
        ("f() = 1", ".python: Invalid value: \"f() = 1\": line 1, column 1: invalid assignment target"),
        (
            "a, *b, *c = v",
            ".python: Invalid value: \"a, *b, *c = v\": line 1, column 1: two starred expressions in assignment",
        ),
        (
            "match v:\n    case _: pass\n    case 1: pass",
            ".python: Invalid value: \"    case _: pass\": line 2, column 10: wildcard makes remaining patterns unreachable",
        ),
        (
            "match v:\n    case a | 1: pass",
            ".python: Invalid value: \"    case a | 1: pass\": line 2, column 10: alternative patterns bind different names\n\
             .python: Invalid value: \"    case a | 1: pass\": line 2, column 10: makes remaining patterns unreachable",
        ),
        (
            "try:\n    pass\nexcept:\n    pass\nexcept E:\n    pass",
            ".python: Invalid value: \"except:\": line 3, column 1: 'except:' must be the last",
        ),
        (
            "for x in y:\n    try: pass\n    except* E: break",
            ".python: Invalid value: \"    except* E: break\": line 3, column 16: 'break', 'continue' and 'return' cannot be used in an 'except*' block",
        ),
        (
            "[x := 1 for x in y]",
            ".python: Invalid value: \"[x := 1 for x in y]\": line 1, column 2: assignment expression cannot rebind comprehension variable",
        ),
        (
            "lazy import os",
            ".python: Invalid value: \"lazy import os\": line 1, column 1: cannot use 'lazy' import statement on Python 3.14 (syntax was added in Python 3.15)",
        ),
        (
            "return 1\nbreak",
            ".python: Invalid value: \"return 1\": line 1, column 1: 'return' statement outside of a function\n\
             .python: Invalid value: \"break\": line 2, column 1: 'break' outside loop",
        ),
    ];
    same(rows.into_iter().map(|(python, expected)| (python.to_owned(), code(python), expected)).collect());
}

#[test]
fn syntax_that_holds() {
    for python in [
        "def f(v): return v",
        "async def f(v):\n    async with v as x:\n        async for y in x:\n            yield await y",
        "async def f(v): return [[y async for y in x] for x in v]",
        "def f(v, /, *, k=1): return v",
        "def f(v):\n    match v:\n        case {'a': [x, *_], **rest} if x: return rest\n        case int() | str(): return v\n        case _: return None",
        "def f(v):\n    if (n := len(v)) > 1: return f'{n!r:>{10}} {v=}'",
        "def f(v):\n    try: pass\n    except* (A, B) as e:\n        for x in e: break\n    finally: return v",
        "def f[T: int, *A, **P](v: T) -> T:\n    type X[T] = list[T]\n    return v",
        "def f(v): return f'{v['a']}{'\\n'.join(v)}'",
        "def f(v):\n    def g():\n        nonlocal v\n        v += 1\n    g()\n    return v",
        "def f(v):\n    class C:\n        nonlocal v\n        v = 1\n    return C",
        "N = 0\ndef f(v):\n    global N\n    N += 1\n    return v",
        "def f(v):\n    for x in v:\n        if x: continue\n        else: break\n    else: return 1",
        "def f(v):\n\tif v:\n\t\treturn 1\n\treturn 2",
        "def f(v):\r\n    return v\r\n",
        "\u{c}\n# größe\ndef f(v): return 0xFF, 1_000, 1e3, 2j, r'\\d', b'\\x00'",
        "with (open('a') as a, open('b') as b):\n    def f(v): return v",
        "@(lambda f: f)\ndef f(v): return v",
        "def f(v):\n    x: int\n    return *v, 1",
        "class C:\n    def __init__(self, v):\n        super().__init__()\n        __class__",
        "def f(v):\n    try: pass\n    except A, B: pass",
        "def f(v): return t'{v}'",
    ] {
        assert_eq!(code(python), Vec::<String>::new(), "{python}");
    }
}

#[test]
fn entrypoints() {
    let named = |init: Option<&str>, name: &str, python: &str| {
        said(init, &json!({ "entrypoint": name, "python": python }), &[])
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
            ".entrypoint: Invalid value: \"g\": must be the name of a function, class or other callable in python: there is none",
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
    same(
        rows.into_iter()
            .map(|(init, name, python, expected)| (python.to_owned(), named(init, name, python), expected))
            .collect(),
    );
    for (init, name, python) in [
        (None, "f", "async def f(v): return v"),
        (None, "f", "class f: pass"),
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
    let unnamed =
        |init: Option<&str>, python: &str| said(init, &json!({ "python": python, "entrypoint": "" }), &[]);
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
        (None, "from a import b, c", ": gives no entrypoint: the first callable is taken"),
        (Some("from a import b"), "f = partial(b, 1)", ": gives no entrypoint: the first callable is taken"),
    ];
    same(
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
    let line = |python: &str, tables: &[&str]| said(None, &json!({ "python": python }), tables);
    same(
        rows.iter()
            .map(|(python, tables, expected)| ((*python).to_owned(), line(python, tables), *expected))
            .collect(),
    );
    assert_eq!(
        said(Some("def g(v, w): return v"), &json!({ "entrypoint": "g", "python": "x = 1" }), &[]),
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

/// Each place where code stands is called in its own way.
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
        lines(agent_of(&json!({ "pipeline": ["a"], "operations": [operation] })))
    };
    let output = |code: &Value| {
        let output = json!({ "topics": [{ "name": "t", "valueSelector": code }] });
        let processors = json!({ "pipeline": ["a"], "operations": [{ "name": "a", "map": one }] });
        lines(found::<KasprAgent>(&json!({ "input": input, "output": output, "processors": processors })))
    };
    let idle = |code: &Value| {
        let operations = json!([{ "name": "a", "map": one }, { "name": "b", "map": code }]);
        lines(agent_of(&json!({ "pipeline": ["a"], "operations": operations })))
    };
    let task = |first: &Value, second: &Value| {
        let operations =
            json!([{ "name": "b", "map": second }, { "name": "a", "map": first, "tables": table }]);
        let processors = json!({ "pipeline": ["a", "b"], "operations": operations });
        lines(found::<KasprTask>(&json!({ "name": "a", "processors": processors })))
    };
    let view = |path: &str, code: &str, selector: &Value| {
        let operations = json!([{ "name": "a", "map": { "python": code } }, { "name": "b", "map": one }]);
        let processors = json!({ "pipeline": ["a", "b"], "operations": operations });
        let response = json!({ "bodySelector": { "onSuccess": selector } });
        let request = json!({ "method": "GET", "path": path });
        lines(found::<KasprWebView>(
            &json!({ "name": "a", "request": request, "response": response, "processors": processors }),
        ))
    };
    let table_of = |default: &Value, relative: &Value| {
        let window =
            json!({ "tumbling": { "size": "1" }, "relativeTo": "custom", "relativeToSelector": relative });
        errors(&found::<KasprTable>(&json!({ "name": "t", "defaultSelector": default, "window": window })))
    };
    let join = |code: &Value| {
        lines(found::<KasprJoin>(&json!({ "leftTable": "a", "rightTable": "b", "extractor": code })))
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
    same(rows.into_iter().map(|(name, got, expected)| (name.to_owned(), got, expected)).collect());
}

/// Only the syntax of `init` counts.
#[test]
fn init() {
    let one = json!({ "python": "def f(v): return v" });
    assert_eq!(said(Some("import os\ndef g(): pass\ndef h(): pass"), &one, &[]), Vec::<String>::new());
    same(vec![(
        "init".to_owned(),
        said(Some("import os\nreturn"), &one, &[]),
        "spec.processors.init.python: Invalid value: \"return\": line 2, column 1: 'return' statement outside of a function",
    )]);
}

#[test]
fn messages_are_short() {
    let long = format!("def f(v): return {}", "ä".repeat(70_000));
    for python in [
        format!("{long} +"),
        format!("{long}\ndef g(v): return v +"),
        format!("def {}(): pass", "f".repeat(1000)),
    ] {
        for line in code(&python) {
            assert!(line.chars().count() < 1500, "{line}");
        }
    }
    assert_eq!(code(&"return 1\n".repeat(1000)).len(), 10);
}

/// The line, nested so many times, with a body.
fn blocks(line: &str, depth: usize) -> String {
    let lines = (0..depth).map(|i| format!("{}{line}\n", " ".repeat(i)));
    lines.chain([" ".repeat(depth) + "pass"]).collect()
}

/// Code that would overflow a stack or take long, were it not bounded.
#[test]
fn hostile() {
    let parts = "( [ { (( a[ a( {1: f'{ - ~ not_ lambda: lambda_a,b= await_ yield_ a_if_b_else_ a** a+ a. a:= * async_ if_a: \
                 class_a: match_ case_ a,( @ x= def_f(a= for_x_in_ print_ return_ import_ a< a_and_ 'a'_ ] ) \\\n ; f(a)( \
                 [a_for_a_in_ t'{ f'{a:{ \" ''' else: try: with_a: while_a: 0x 1_ \n( \nreturn_( (\nreturn_ [\ndef_f( \
                 lambda_x=lambda_y= case_[ case_a| type_a= class_a[";
    let mut all: Vec<String> = Vec::new();
    for part in parts.split(' ').map(|part| part.replace('_', " ")) {
        for count in [50, 180, 1200, 10_000] {
            all.push(part.repeat(count));
            all.push(format!("def f(v):\n    x = {}1", part.repeat(count)));
            all.push(format!("match v:\n    case {}1: pass", part.repeat(count)));
        }
    }
    for line in
        ["if x:", "def f(v):", "class C:", "for x in y:", "try:", "while x:", "match x:", "async def f(v):"]
    {
        all.extend([50, 99, 100, 400].map(|depth| blocks(line, depth)));
    }
    for part in ["a.", "-", "a+", "lambda: ", "not "] {
        all.push(format!("x = {}a", part.repeat(2400)));
    }
    all.push(format!("x = {}1", "a if b else ".repeat(1200)));
    all.push(format!("x = a{}", "(1)".repeat(2400)));
    all.push(format!("class C[{}]: pass", "a,".repeat(60_000)));
    all.push(format!("x = [a {}]", "for a in b if c if c ".repeat(8_000)));
    all.push(format!("x = {}{}{}", "[".repeat(190), "a, ".repeat(50_000), " for a in b]".repeat(190)));
    all.push("if x:\n    pass\n".to_owned() + &"elif x:\n    pass\n".repeat(10_000));
    all.push("def f(v): return v\n".repeat(12_000));
    all.push("def f(v):\n    nonlocal x\n".repeat(8_000));
    all.push(format!("def g():\n x = 1\n def f(v):\n{}", "  nonlocal x\n".repeat(15_000)));
    for python in &all {
        let started = std::time::Instant::now();
        code(python);
        let took = started.elapsed();
        assert!(took.as_secs() < 20, "{took:?}: {}", python.chars().take(60).collect::<String>());
    }
}

/// No code before or context hides how deep the rest is.
#[test]
fn depth_shows() {
    let before = [
        "x = f'{a[\"b\"]:>{width}}'\n",
        "x = f'{\"{\"}' '{'\n",
        "x = f\"\"\"{a!r} }} {{ \" \"\"\" # \"\n",
        "x = f'\\N{DASH}{a}'\n",
        "x = '\\'' # '\n",
        "x = rb'\\\\'\n",
        "x = \"\"\"\n'(\\\"\"\"\n\"\"\"\n",
        "x = (  # )\n)\n",
        "x = a \\\n  + b\n",
        "x = [1if b else 0xfor c]\r\n",
        "x = 1._rf''\n",
        "if a:\n    x = 1\n",
        "if a:\n\tx = 1\n",
        "\u{feff}\u{e9} = 1\n",
    ];
    let deep = format!("{}1{}", "(".repeat(201), ")".repeat(201));
    let within =
        ["f'{_}'", "f'{a:{_}}'", "f\"\"\"{a} {_!r}\"\"\"", "[a, (b, _)]", "lambda a, b=_: a", "(\n# ' (\n_)"];
    let mut all: Vec<String> = before.iter().map(|line| format!("{line}x = {deep}")).collect();
    all.extend(within.iter().map(|context| format!("x = {}", context.replace('_', &deep))));
    for python in all {
        let said = code(&python).join("\n");
        assert!(said.ends_with("must not nest more than 200 brackets"), "{python}: {said}");
    }
}

#[test]
fn limits() {
    let rows = [
        (
            format!("x = {}1{}", "(".repeat(201), ")".repeat(201)),
            ".python: Invalid value: \"x = (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…\": must not nest more than 200 brackets",
        ),
        (
            blocks("if x:", 100),
            ".python: Invalid value: \"if x:\": must not nest more than 99 levels of indentation",
        ),
        (
            format!("x = {}1", "-".repeat(10_000)),
            ".python: Invalid value: \"x = ---------------------------------------------------------------------------…\": must not nest more than 2500 operators in one expression",
        ),
        (
            format!("def f(v): return v\n{}", "#".repeat(256 * 1024)),
            ".python: Invalid value: \"def f(v): return v\": must not be larger than 256 KiB",
        ),
        (
            blocks("while x:", 21),
            ".python: Invalid value: \"                     pass\": line 22, column 22: must not nest more than 20 loops, 'with' and 'try'",
        ),
        (
            format!("def f(v): return {}", "9".repeat(4301)),
            ".python: Invalid value: \"def f(v): return 99999999999999999999999999999999999999999999999999999999999999…\": line 1, column 18: must not be a number of more than 4300 digits",
        ),
    ];
    same(
        rows.into_iter()
            .map(|(python, expected)| (python.chars().take(40).collect(), code(&python), expected))
            .collect(),
    );
    for python in [
        format!("def f(v): return {}1{}", "[".repeat(200), "]".repeat(200)),
        blocks("if x:", 99) + "\ndef f(v): return v",
        format!("def f(v): return {}1", "-".repeat(2400)),
        format!("def f(v): return {}1", "a+".repeat(2400)),
        format!("def f(v): return [{}]", "'a', ".repeat(40_000)),
        format!("def f(v): return {{{}}}", "'a': -1, ".repeat(20_000)),
        blocks("while x:", 20) + "\ndef f(v): return v",
        format!("def f(v): return {}", "9".repeat(4300)),
        format!("def f(v): return v\n{}", "#".repeat(255 * 1024)),
    ] {
        assert_eq!(code(&python), Vec::<String>::new(), "{}", python.chars().take(60).collect::<String>());
    }
}

/// A bracket that is not closed is said to be so, however much follows.
#[test]
fn open_bracket() {
    let python = format!("def f(v):\n    x = (1\n{}", "    v.a = v.b + v.c\n    return v.d\n".repeat(1000));
    same(vec![(
        "open bracket".to_owned(),
        code(&python),
        ".python: Invalid value: \"    v.a = v.b + v.c\": line 3, column 5: expected ')', found name",
    )]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in prop_oneof![
        any::<String>(),
        "[\\x00-\\x7f]{0,60}",
        "((def|async|class|lambda|if|else|for|in|match|case|return|yield|await|global|nonlocal) ?|x|f'\\{|\\}|'|\\(|\\)|\\[|\\]|:|,|=|\\*|\n|\n    |\t|\r| |0|@|\\\\|\"\"\"|é){0,40}",
    ]) {
        agent(Some(&text), &json!({ "python": text, "entrypoint": text }), &[&text]);
        agent(None, &json!({ "python": text }), &["t"]);
        entrypoint_to_render(Some(&text), &text);
    }
}
