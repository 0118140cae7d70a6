//! What code does when it runs.

use serde_json::{Value, json};

use super::{all_map_messages, assert_messages, validate, validate_processors};
use crate::{
    api::{KasprJoin, KasprTable, KasprTask, KasprWebView},
    validate::tests::{errors, warnings},
};

fn messages(python: &str) -> Vec<String> {
    all_map_messages(None, &json!({ "python": python }), &[])
}

fn invalid(line: &str, position: &str, detail: &str) -> String {
    format!(".python: Invalid value: {}: {position}: {detail}", json!(line))
}

fn assert_rows(rows: &[(&str, &str)], got: impl Fn(&str) -> Vec<String>) {
    assert_messages(rows.iter().map(|(code, expected)| ((*code).to_owned(), got(code), *expected)).collect());
}

#[test]
fn names_that_nothing_defines() {
    let rows = [
        (
            "def f(value):\n    return valeu",
            invalid("return valeu", "line 2, column 12", "'valeu' is not defined: did you mean 'value'?"),
        ),
        ("def f(value):\n    return enrich(value)", invalid("return enrich(value)", "line 2, column 12", "'enrich' is not defined")),
        (
            "def f(value):\n    return json.dumps(value)",
            invalid("return json.dumps(value)", "line 2, column 12", "'json' is not defined: add 'import json'"),
        ),
        ("f = lambda v: vv", invalid("f = lambda v: vv", "line 1, column 15", "'vv' is not defined")),
        ("x = y\ndef f(v): return v", invalid("x = y", "line 1, column 5", "'y' is not defined")),
        // What the function calls, and what that calls.
        (
            "def g(v): return missing(v)\ndef h(v): return g(v)\nf = None\ndef f(v): return h(v)",
            // Several functions need an entrypoint.
            ".entrypoint: Required value: must name the function to call, for python defines several: one of 'g', 'h', 'f'".to_owned(),
        ),
        (
            "def f(v):\n    def inner(): return nope\n    return inner()",
            invalid("def inner(): return nope", "line 2, column 25", "'nope' is not defined"),
        ),
        (
            "class Thing:\n    def run(self): return nope\ndef f(v): return Thing().run()",
            ".entrypoint: Required value: must name the function to call, for python defines several: one of 'Thing', 'f'".to_owned(),
        ),
        ("def f(v, w=nope): return v", invalid("def f(v, w=nope): return v", "line 1, column 12", "'nope' is not defined")),
        ("def f(v): return [w for w in ws]", invalid("def f(v): return [w for w in ws]", "line 1, column 30", "'ws' is not defined")),
        ("def f(v):\n    total += v\n    return total", String::new()),
        ("def f(v):\n    global total\n    total += v\n    return total", String::new()),
        ("def f(v):\n    return __file__", invalid("return __file__", "line 2, column 12", "'__file__' is not defined")),
        // No error: the name may exist, or the code may not run.
        ("def f(v):\n    try:\n        return nope\n    except NameError:\n        return v", String::new()),
        ("def f(v):\n    try:\n        return nope\n    except Exception:\n        return v", String::new()),
        ("def f(v):\n    try:\n        return nope\n    except (KeyError, NameError):\n        return v", String::new()),
        ("import contextlib\ndef f(v):\n    with contextlib.suppress(NameError):\n        return nope", String::new()),
        ("def f(v):\n    return v\n    return nope", String::new()),
        ("def f(v):\n    def unused(): return nope\n    return v", String::new()),
        ("def f(v):\n    if False:\n        return nope\n    return v", String::new()),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    nope\ndef f(v: 'X'): return v", String::new()),
        ("from x import *\ndef f(v): return nope", String::new()),
        ("def f(v): return globals()['a'](nope)", String::new()),
        ("exec('nope = 1')\ndef f(v): return nope", String::new()),
        ("try:\n    import ujson as json\nexcept ImportError:\n    import json\ndef f(v): return json.dumps(v)", String::new()),
        ("def f(v):\n    return (w := v) + w", String::new()),
        ("def f(v):\n    match v:\n        case {'a': a, **rest}: return a, rest\n        case [x, *xs]: return x, xs\n        case str() as s: return s", String::new()),
        ("def f(v):\n    for i, (j, k) in enumerate(v): pass\n    return i, j, k", String::new()),
        ("def f(v):\n    with open(v) as a, open(a) as (b, c): return a, b, c", String::new()),
        ("def f(v):\n    try: return v\n    except ValueError as e: return str(e)", String::new()),
        ("def f[T](v: T) -> T:\n    x: T = v\n    return x", String::new()),
        ("def f(v):\n    class A:\n        b = 1\n        c = b\n        def m(self): return __class__, super()\n    return A().m()", String::new()),
        ("def f(v):\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    return inc()", String::new()),
        ("def f(v): return {k: w for k, w in v.items() if (n := w)}, n", String::new()),
        ("def f(v): return sorted(v, key=lambda w: w[0])", String::new()),
        ("def f(v): return context['app'], context['event'], context.get('x')", String::new()),
        ("def f(v): return __name__, __debug__, __builtins__", String::new()),
        ("def f(v):\n    import os.path, json as j\n    from a import b as c\n    return os, j, c", String::new()),
        ("async def f(v):\n    async with v as w: pass\n    async for x in w: pass\n    return [y async for y in x]", String::new()),
        ("def f(v): return f'{v!r:>{v}} {[w for w in v]}'", String::new()),
        ("def f(v):\n    del v\n    return v", String::new()),
        ("def f(v):\n    print(nope) if v else None", invalid("print(nope) if v else None", "line 2, column 11", "'nope' is not defined")),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(code, expected)| (*code, expected.as_str())).collect();
    assert_rows(&rows, messages);
}

#[test]
fn methods_are_followed_where_code_names_them() {
    let messages =
        |python: &str| all_map_messages(None, &json!({ "python": python, "entrypoint": "f" }), &[]);
    assert_rows(
        &[
            (
                "class A:\n    def run(self): return nope\ndef f(v): return A().run()",
                ".python: Invalid value: \"def run(self): return nope\": line 2, column 27: 'nope' is not defined",
            ),
            (
                "class A:\n    def __init__(self): self.x = nope\ndef f(v): return A()",
                ".python: Invalid value: \"def __init__(self): self.x = nope\": line 2, column 34: 'nope' is not defined",
            ),
            ("class A:\n    def run(self): return nope\ndef f(v): return A()", ""),
            ("class A:\n    def run(self): return nope\ndef f(v): return v", ""),
            (
                "class A:\n    x = 1\n    def run(self): return x\ndef f(v): return A().run()",
                ".python: Invalid value: \"def run(self): return x\": line 3, column 27: 'x' is not defined",
            ),
            (
                "def g(v): return missing(v)\ndef h(v): return g(v)\ndef f(v): return h(v)",
                ".python: Invalid value: \"def g(v): return missing(v)\": line 1, column 18: 'missing' is not defined",
            ),
            ("def g(v): return missing(v)\ndef f(v): return v", ""),
            (
                "def g(v): return missing(v)\ndef f(v):\n    try: return g(v)\n    except Exception: return v",
                "",
            ),
        ],
        messages,
    );
}

/// An agent with `init`, one map and one output topic.
fn with_init(init: &str, map: &str, key_selector: &str) -> Vec<String> {
    let found = validate::<crate::api::KasprAgent>(&json!({
        "input": { "topic": { "name": "t" } },
        "processors": {
            "init": { "python": init },
            "pipeline": ["a"],
            "operations": [{ "name": "a", "map": { "python": map } }],
        },
        "output": { "topics": [{ "name": "out", "keySelector": { "python": key_selector } }] },
    }));
    let lines = [errors(&found), warnings(&found)].concat();
    lines.iter().map(|line| line.replacen("spec.", "", 1)).collect()
}

const KEY: &str = "def key(v): return v";

#[test]
fn operations_see_the_names_of_init_and_selectors_do_not() {
    let rows = [
        ("import json", "def f(v): return json.dumps(v)", KEY, ""),
        ("def helper(v): return v", "def f(v): return helper(v)", KEY, ""),
        (
            "def helper(v): return nope",
            "def f(v): return helper(v)",
            KEY,
            "processors.init.python: Invalid value: \"def helper(v): return nope\": line 1, column 23: 'nope' is not defined",
        ),
        ("def helper(v): return nope", "def f(v): return v", KEY, ""),
        (
            "x = nope",
            "def f(v): return x",
            KEY,
            "processors.init.python: Invalid value: \"x = nope\": line 1, column 5: 'nope' is not defined",
        ),
        // A function of init sees the scope of init.
        (
            "def helper(v): return local(v)",
            "local = len\ndef f(v): return helper(v)",
            KEY,
            "processors.init.python: Invalid value: \"def helper(v): return local(v)\": line 1, column 23: 'local' is not defined: did you mean 'locals'?",
        ),
        (
            "def key_of(v): return v",
            "def f(v): return key_of(v)",
            "def key(v): return key_of(v)",
            "output.topics[0].keySelector.python: Invalid value: \"def key(v): return key_of(v)\": line 1, column 20: 'key_of' is not defined: a selector does not see the names of init, so define it in this code",
        ),
        (
            "import json",
            "def f(v): return json",
            "def key(v): return context['event']",
            "output.topics[0].keySelector.python: Invalid value: \"def key(v): return context['event']\": line 1, column 20: 'context' is not defined: a selector does not see context, so define it in this code",
        ),
        (
            "import json",
            "def f(v): return json",
            "async def key(v): return v",
            "output.topics[0].keySelector.python: Invalid value: \"async def key(v): return v\": line 1, column 11: 'key' must not be async: the framework uses its coroutine without awaiting it",
        ),
        ("app = context['app']", "def f(v): return app", KEY, ""),
        (
            "event = context['event']",
            "def f(v): return event",
            KEY,
            "processors.init.python: Invalid value: \"event = context['event']\": line 1, column 9: context has no 'event' here, only 'app'",
        ),
        (
            "def g(): return context['event']",
            "def f(v): return g()",
            KEY,
            "processors.init.python: Invalid value: \"def g(): return context['event']\": line 1, column 17: context has no 'event' here, only 'app'",
        ),
        // Unused names.
        (
            "import json\nlimit = 3\n_x = 1\nimport a.b",
            "def f(v): return v",
            KEY,
            "processors.init.python: line 1: 'json' is not used\nprocessors.init.python: line 2: 'limit' is not used",
        ),
        ("import json", "def f(v): return eval('json')", KEY, ""),
        ("a = 1\nb = a", "def f(v): return b", KEY, ""),
        (
            "count = 0",
            "def f(v):\n    global count\n    count += 1\n    return count",
            KEY,
            "processors.operations[0].map.python: line 2: 'count' is reset for every value: keep it in an object of init",
        ),
    ];
    let rows = rows.into_iter().map(|(init, map, key, expected)| {
        (format!("{init} / {map} / {key}"), with_init(init, map, key), expected)
    });
    assert_messages(rows.collect());
}

#[test]
fn results_that_the_framework_does_not_use_as_meant() {
    let filter = |python: &str| {
        let found = validate_processors(
            &json!({ "pipeline": ["a"], "operations": [{ "name": "a", "filter": { "python": python } }] }),
        );
        errors(&found)
    };
    let default = |python: &str| {
        errors(&validate::<KasprTable>(&json!({ "name": "a", "defaultSelector": { "python": python } })))
    };
    assert_messages(vec![
        (
            "generator".to_owned(),
            filter("def f(v):\n    yield v"),
            "spec.processors.operations[0].filter.python: Invalid value: \"def f(v):\": line 1, column 5: 'f' must not yield: a generator is always true",
        ),
        (
            "nested generator".to_owned(),
            filter("def f(v):\n    def g():\n        yield v\n    return any(g())"),
            "",
        ),
        ("async filter".to_owned(), filter("async def f(v): return v"), ""),
        ("generator map".to_owned(), messages("def f(v):\n    yield v"), ""),
        (
            "number".to_owned(),
            default("def d(): return 0"),
            "spec.defaultSelector.python: Invalid value: \"def d(): return 0\": line 1, column 5: 'd' must return a class or function, such as int, that makes the default value",
        ),
        (
            "list".to_owned(),
            default("d = lambda: []"),
            "spec.defaultSelector.python: Invalid value: \"d = lambda: []\": line 1, column 5: 'd' must return a class or function, such as int, that makes the default value",
        ),
        (
            "call of dict".to_owned(),
            default("def d(): return dict()"),
            "spec.defaultSelector.python: Invalid value: \"def d(): return dict()\": line 1, column 5: 'd' must return a class or function, such as int, that makes the default value",
        ),
        ("class".to_owned(), default("def d(): return dict"), ""),
        ("lambda".to_owned(), default("def d(): return lambda: {'a': 1}"), ""),
        ("some returns".to_owned(), default("def d():\n    if 1: return int\n    return 0"), ""),
        ("none".to_owned(), default("def d(): return None"), ""),
        (
            "async".to_owned(),
            default("async def d(): return int"),
            "spec.defaultSelector.python: Invalid value: \"async def d(): return int\": line 1, column 11: 'd' must not be async: the framework uses its coroutine without awaiting it",
        ),
        (
            "extractor".to_owned(),
            errors(&validate::<KasprJoin>(
                &json!({ "leftTable": "l", "rightTable": "r", "extractor": { "python": "async def e(v): return v" } }),
            )),
            "spec.extractor.python: Invalid value: \"async def e(v): return v\": line 1, column 11: 'e' must not be async: the framework uses its coroutine without awaiting it",
        ),
    ]);
}

fn task(processors: &Value) -> Vec<String> {
    errors(&validate::<KasprTask>(&json!({ "name": "a", "processors": processors })))
}

#[test]
fn tasks_and_webviews_have_no_event_and_no_value_at_first() {
    let map = |python: &str| json!({ "pipeline": ["a"], "operations": [{ "name": "a", "map": { "python": python } }] });
    let view = validate::<KasprWebView>(&json!({
        "name": "a", "request": { "method": "GET", "path": "/a/{id}" },
        "processors": map("def f(request): return request"),
    }));
    let send = json!({ "name": "a", "topicSend": { "name": "t" } });
    assert_messages(vec![
        (
            "task".to_owned(),
            task(&map("def f(): return context['event']")),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(): return context['event']\": line 1, column 17: context has no 'event' here, only 'app'",
        ),
        ("task with app".to_owned(), task(&map("def f(): return context['app'], context.get('event')")), ""),
        (
            "changed context".to_owned(),
            task(&map("context['event'] = 1\ndef f(): return context['event']")),
            "",
        ),
        (
            "guarded".to_owned(),
            task(&map("def f():\n    try: return context['event']\n    except KeyError: return 1")),
            "",
        ),
        (
            "own context".to_owned(),
            task(&map("def f():\n    context = {'event': 1}\n    return context['event']")),
            "",
        ),
        (
            "topicSend first".to_owned(),
            task(&json!({ "pipeline": ["a"], "operations": [send] })),
            "spec.processors.operations[0].topicSend: Forbidden: may not be the first operation of a task: the framework fails on it, put a map before it that returns the value",
        ),
        (
            "topicSend second".to_owned(),
            task(
                &json!({ "pipeline": ["m", "a"], "operations": [{ "name": "m", "map": { "python": "def f(): return 1" } }, send] }),
            ),
            "",
        ),
        (
            "view".to_owned(),
            errors(&view),
            "spec.processors.operations[0].map.python: Invalid value: \"def f(request): return request\": 'f' must also take 'id' of request.path",
        ),
    ]);
}

#[test]
fn a_name_selector_gets_the_value_alone() {
    let send = |field: &str, python: &str| {
        let topic = match field {
            "nameSelector" => json!({ field: { "python": python } }),
            _ => json!({ "name": "t", field: { "python": python } }),
        };
        let found = validate_processors(&json!({
            "pipeline": ["a"],
            "operations": [{ "name": "a", "tables": [{ "name": "t", "paramName": "t" }], "topicSend": topic }],
        }));
        errors(&found)
    };
    assert_messages(vec![
        ("name".to_owned(), send("nameSelector", "def f(v): return v"), ""),
        (
            "name with table".to_owned(),
            send("nameSelector", "def f(v, t): return v"),
            "spec.processors.operations[0].topicSend.nameSelector.python: Invalid value: \"def f(v, t): return v\": is called with 1 value, but 'f' takes (v, t)",
        ),
        ("key with table".to_owned(), send("keySelector", "def f(v, t): return v"), ""),
        (
            "key".to_owned(),
            send("keySelector", "def f(v): return v"),
            "spec.processors.operations[0].topicSend.keySelector.python: Invalid value: \"def f(v): return v\": is called with 1 value and the keyword 't', but 'f' takes (v)",
        ),
    ]);
}

#[test]
fn classes_that_the_framework_calls_in_place_of_a_function() {
    assert_rows(
        &[
            (
                "class P:\n    def f(self, v): return v\nf = P().f",
                ".python: Invalid value: \"class P:\": is called with 1 value, but 'P' takes ()\n: has no entrypoint: the framework calls the class 'P'",
            ),
            ("class P:\n    def __init__(self, v): pass", ""),
            ("class P(dict): pass", ""),
        ],
        messages,
    );
}

#[test]
fn what_linters_know() {
    let rows = [
        (
            "async def g(v): return v\nasync def f(v):\n    g(v)\n    return v",
            ".entrypoint: Required value: must name the function to call, for python defines several: one of 'g', 'f'\nline 3: g() is never awaited: it does nothing",
        ),
        (
            "import asyncio\nasync def f(v):\n    asyncio.sleep(1)\n    return v",
            "line 3: asyncio.sleep() is never awaited: it does nothing",
        ),
        ("import asyncio\nasync def f(v):\n    await asyncio.sleep(1)\n    return v", ""),
        (
            "import time\nasync def f(v):\n    time.sleep(1)",
            "line 3: time.sleep() blocks the member: use await asyncio.sleep()",
        ),
        ("import time\ndef f(v):\n    time.sleep(1)", ""),
        (
            "import requests\nasync def f(v):\n    return requests.get(v).json()",
            "line 3: requests.get() blocks the member: use an asynchronous client",
        ),
        ("def f(v):\n    return v is 'a'", "line 2: 'is' compares identity, not the value: use '=='"),
        ("def f(v):\n    return v is not 1", "line 2: 'is not' compares identity, not the value: use '!='"),
        ("def f(v):\n    return v is None or v is True", ""),
        ("def f(v):\n    return '%s %s' % (v,)", "line 2: the format takes 2 arguments and gets 1"),
        ("def f(v):\n    return '%s %d%%' % (v, 1)", ""),
        ("def f(v):\n    return '%(a)s' % v", ""),
        ("def f(v):\n    return '{} {}'.format(v)", "line 2: the format takes 2 arguments and gets 1"),
        ("def f(v):\n    return '{{}} {0} {a.b[c]!r:>3}'.format(v, a=v)", ""),
        ("def f(v):\n    return '{} {}'.format(*v)", ""),
        (
            "def f(v, seen=[]):\n    return v",
            "line 1: the default value of 'seen' is shared by all calls: use None",
        ),
        ("def f(v, seen=()):\n    return v", ""),
        (
            "async def f(v):\n    try:\n        return v\n    except:\n        return None",
            "line 4: 'except:' swallows cancellation: use 'except Exception'",
        ),
        ("async def f(v):\n    try:\n        return v\n    except:\n        raise", ""),
        ("def f(v):\n    return f'abc'", "line 2: f-string without placeholders"),
        ("def f(v):\n    return f'abc'  # noqa", ""),
        ("def f(v):\n    return f'abc'  # noqa: F541", ""),
        ("def f(v):\n    return f'abc'  # noqa: E501", "line 2: f-string without placeholders"),
        ("def f(v):\n    return f'a' f'{v}'", ""),
        (
            "import requests\nsession = requests.Session()\ndef f(v): return session.get(v)",
            "line 2: 'session' is created for every value: move it to init",
        ),
        ("import requests\nsession = requests.Session()  # noqa\ndef f(v): return session.get(v)", ""),
        (
            "count = 0\ndef f(v):\n    global count\n    count += 1\n    return count",
            "line 1: 'count' is set again for every value: keep it in an object of init",
        ),
        (
            "seen = set()\ndef f(v):\n    seen.add(v)\n    return v",
            "line 1: 'seen' is empty again for every value: move it to init",
        ),
        (
            "seen = {}\ndef f(v):\n    seen[v] = 1\n    return v",
            "line 1: 'seen' is empty again for every value: move it to init",
        ),
        ("names = {'a': 1}\ndef f(v): return names.get(v)", ""),
        ("import re\npattern = re.compile('a')\ndef f(v): return pattern.match(v)", ""),
        ("import logging\nlog = logging.getLogger(__name__)\ndef f(v): return log.info(v)", ""),
    ];
    let rows = rows.into_iter().map(|(code, expected)| {
        let got: Vec<String> = messages(code).iter().map(|line| line.replacen(".python: ", "", 1)).collect();
        (code.to_owned(), got, expected)
    });
    assert_messages(rows.collect());
}
