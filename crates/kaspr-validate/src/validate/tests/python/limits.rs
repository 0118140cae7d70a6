//! Limits: large and deeply nested code.

use proptest::prelude::*;
use serde_json::json;

use super::{assert_messages, messages, validate_map};
use crate::validate::entrypoint_to_render;

/// Returns a line that is nested `depth` times, with a body.
fn nested_blocks(line: &str, depth: usize) -> String {
    let lines = (0..depth).map(|i| format!("{}{line}\n", " ".repeat(i)));
    lines.chain([" ".repeat(depth) + "pass"]).collect()
}

#[test]
fn messages_are_short() {
    let long = format!("def f(v): return {}", "ä".repeat(70_000));
    for python in [
        format!("{long} +"),
        format!("{long}\ndef g(v): return v +"),
        format!("def {}(): pass", "f".repeat(1000)),
    ] {
        for line in messages(&python) {
            assert!(line.chars().count() < 1500, "{line}");
        }
    }
    assert_eq!(messages(&"return 1\n".repeat(1000)).len(), 10);
}

/// Code that would overflow a stack or take long without limits.
#[test]
fn deep_code_is_validated_quickly() {
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
        all.extend([50, 99, 100, 400].map(|depth| nested_blocks(line, depth)));
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
        messages(python);
        let took = started.elapsed();
        assert!(took.as_secs() < 20, "{took:?}: {}", python.chars().take(60).collect::<String>());
    }
}

/// Neither code before deep code nor code that encloses it hides its depth.
#[test]
fn depth_is_measured_in_any_context() {
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
        let found = messages(&python).join("\n");
        assert!(found.ends_with("must not nest more than 200 brackets"), "{python}: {found}");
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
            nested_blocks("if x:", 100),
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
            nested_blocks("while x:", 21),
            ".python: Invalid value: \"                     pass\": line 22, column 22: must not nest more than 20 loops, 'with' and 'try'",
        ),
        (
            format!("def f(v): return {}", "9".repeat(4301)),
            ".python: Invalid value: \"def f(v): return 99999999999999999999999999999999999999999999999999999999999999…\": line 1, column 18: must not be a number of more than 4300 digits",
        ),
    ];
    assert_messages(
        rows.into_iter()
            .map(|(python, expected)| (python.chars().take(40).collect(), messages(&python), expected))
            .collect(),
    );
    for python in [
        format!("def f(v): return {}1{}", "[".repeat(200), "]".repeat(200)),
        nested_blocks("if x:", 99) + "\ndef f(v): return v",
        format!("def f(v): return {}1", "-".repeat(2400)),
        format!("def f(v): return {}1", "a+".repeat(2400)),
        format!("def f(v): return [{}]", "'a', ".repeat(40_000)),
        format!("def f(v): return {{{}}}", "'a': -1, ".repeat(20_000)),
        nested_blocks("while x:", 20) + "\ndef f(v): return v",
        format!("def f(v): return {}", "9".repeat(4300)),
        format!("def f(v): return v\n{}", "#".repeat(255 * 1024)),
    ] {
        assert_eq!(
            messages(&python),
            Vec::<String>::new(),
            "{}",
            python.chars().take(60).collect::<String>()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in prop_oneof![
        any::<String>(),
        "[\\x00-\\x7f]{0,60}",
        "((def|async|class|lambda|if|else|for|in|match|case|return|yield|await|global|nonlocal) ?|x|f'\\{|\\}|'|\\(|\\)|\\[|\\]|:|,|=|\\*|\n|\n    |\t|\r| |0|@|\\\\|\"\"\"|é){0,40}",
    ]) {
        validate_map(Some(&text), &json!({ "python": text, "entrypoint": text }), &[&text]);
        validate_map(None, &json!({ "python": text }), &["t"]);
        _ = entrypoint_to_render(Some(&text), &text);
    }
}
