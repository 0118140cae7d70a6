//! Syntax errors: what CPython does not compile.

use super::{assert_messages, messages};

#[track_caller]
fn assert_syntax_errors(rows: &[(&str, &str)]) {
    let rows = rows.iter().map(|(python, expected)| ((*python).to_owned(), messages(python), *expected));
    assert_messages(rows.collect());
}

#[test]
fn code_that_does_not_parse() {
    assert_syntax_errors(&[
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
    ]);
}

#[test]
fn statements_in_the_wrong_place() {
    assert_syntax_errors(&[
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
            "def f(v):\n    from os import *",
            ".python: Invalid value: \"    from os import *\": line 2, column 5: 'from os import *' only allowed at module level",
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
            "try:\n    pass\nexcept:\n    pass\nexcept E:\n    pass",
            ".python: Invalid value: \"except:\": line 3, column 1: 'except:' must be the last",
        ),
        (
            "for x in y:\n    try: pass\n    except* E: break",
            ".python: Invalid value: \"    except* E: break\": line 3, column 16: 'break', 'continue' and 'return' cannot be used in an 'except*' block",
        ),
        (
            "return 1\nbreak",
            ".python: Invalid value: \"return 1\": line 1, column 1: 'return' statement outside of a function\n\
             .python: Invalid value: \"break\": line 2, column 1: 'break' outside loop",
        ),
    ]);
}

#[test]
fn names_and_parameters() {
    assert_syntax_errors(&[
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
            "def f(*, **k): pass",
            ".python: Invalid value: \"def f(*, **k): pass\": line 1, column 10: expected one or more keyword parameter after '*' separator",
        ),
        (
            "def f(v=1, w): pass",
            ".python: Invalid value: \"def f(v=1, w): pass\": line 1, column 12: parameter without a default cannot follow a parameter with a default",
        ),
        (
            "[x := 1 for x in y]",
            ".python: Invalid value: \"[x := 1 for x in y]\": line 1, column 2: assignment expression cannot rebind comprehension variable",
        ),
    ]);
}

#[test]
fn imports_assignments_and_patterns() {
    assert_syntax_errors(&[
        (
            "x = 1\nfrom __future__ import annotations",
            ".python: Invalid value: \"from __future__ import annotations\": line 2, column 1: __future__ imports must be at the top of the file",
        ),
        (
            "from __future__ import braces",
            ".python: Invalid value: \"from __future__ import braces\": line 1, column 24: future feature 'braces' is not defined",
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
            "lazy import os",
            ".python: Invalid value: \"lazy import os\": line 1, column 1: cannot use 'lazy' import statement on Python 3.14 (syntax was added in Python 3.15)",
        ),
    ]);
}

#[test]
fn valid_syntax() {
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
        assert_eq!(messages(python), Vec::<String>::new(), "{python}");
    }
}

/// A bracket that is not closed is reported as such, however much code follows.
#[test]
fn unclosed_bracket() {
    let python = format!("def f(v):\n    x = (1\n{}", "    v.a = v.b + v.c\n    return v.d\n".repeat(1000));
    assert_messages(vec![(
        "open bracket".to_owned(),
        messages(&python),
        ".python: Invalid value: \"    v.a = v.b + v.c\": line 3, column 5: expected ')', found name",
    )]);
}
