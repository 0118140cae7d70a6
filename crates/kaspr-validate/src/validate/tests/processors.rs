use super::{assert_accepted, assert_errors, assert_warnings};
use crate::api::KasprAgent;

const AGENT: &str = "
metadata: {name: counter, labels: {kaspr.io/app: orders}}
spec:
  input: {topic: {name: orders}}
";

fn processors(text: &str) -> String {
    format!("spec: {{processors: {{{text}}}}}")
}

#[test]
fn pipelines() {
    const FUNCTION: &str = "{python: 'def f(v): return v'}";
    let long = format!(
        "pipeline: [x], operations: [{}]",
        (10..22).map(|i| format!("{{name: s{i}, map: {FUNCTION}}}")).collect::<Vec<_>>().join(", ")
    );
    let table = [
        (
            format!(
                "pipeline: [cuont], operations: [{{name: count, map: {FUNCTION}}}, {{name: drop, filter: {FUNCTION}}}]"
            ),
            "spec.processors.pipeline[0]: Invalid value: \"cuont\": must name an operation: one of 'count', 'drop'",
        ),
        (
            "pipeline: [count]".to_owned(),
            "spec.processors.pipeline[0]: Invalid value: \"count\": must name an operation: none exist",
        ),
        (
            long,
            "spec.processors.pipeline[0]: Invalid value: \"x\": must name an operation: one of 's10', 's11', 's12', 's13', 's14', 's15', 's16', 's17', 's18', 's19', …",
        ),
        (
            format!(
                "pipeline: [a], operations: [{{name: a, map: {FUNCTION}}}, {{name: a, map: {FUNCTION}}}]"
            ),
            "spec.processors.operations[1].name: Duplicate value: \"a\"",
        ),
        (
            format!("pipeline: [a], operations: [{{name: a, map: {FUNCTION}}}, {{map: {FUNCTION}}}]"),
            "spec.processors.operations[1].name: Required value: must name the operation, for the pipeline to refer to it",
        ),
        (
            format!("pipeline: [a], operations: [{{name: a, map: {FUNCTION}}}], init: {{python: ''}}"),
            "spec.processors.init.python: Required value: must contain Python source",
        ),
    ];
    for (text, line) in &table {
        assert_errors::<KasprAgent>(AGENT, &[(&processors(text), line)]);
    }
    assert_warnings::<KasprAgent>(
        AGENT,
        &[("spec: {processors: {}}", "spec.processors.pipeline: is empty: nothing is done with the values")],
    );
}

#[test]
fn operations() {
    let one = |operation: &str| processors(&format!("pipeline: [a], operations: [{{name: a, {operation}}}]"));
    let refused = [
        (
            "tables: []",
            "spec.processors.operations[0]: Required value: must give one of map, filter and topicSend",
        ),
        (
            "map: {python: 'def f(v): return v'}, filter: {python: 'def f(v): return v'}, topicSend: {name: t}",
            "spec.processors.operations[0].filter: Forbidden: must not be given together with map\n\
             spec.processors.operations[0].topicSend: Forbidden: must not be given together with map",
        ),
        (
            "filter: {python: 'def f(v): return v'}, topicSend: {name: t}",
            "spec.processors.operations[0].topicSend: Forbidden: must not be given together with filter",
        ),
        (
            "map: {python: ''}",
            "spec.processors.operations[0].map.python: Required value: must contain Python source",
        ),
        (
            "filter: {python: ''}",
            "spec.processors.operations[0].filter.python: Required value: must contain Python source",
        ),
        (
            "map: {entrypoint: class, python: 'def f(v): return v'}",
            "spec.processors.operations[0].map.entrypoint: Invalid value: \"class\": must be the name of a function, class or other callable in python",
        ),
        (
            "topicSend: {}",
            "spec.processors.operations[0].topicSend: Required value: must give either name or nameSelector",
        ),
    ];
    for (text, line) in refused {
        assert_errors::<KasprAgent>(AGENT, &[(&one(text), line)]);
    }
    for text in [
        "map: {python: 'def f(v): return v'}",
        "map: {entrypoint: größe, python: 'def größe(v): return v'}",
        "filter: {entrypoint: _f2, python: 'def _f2(v): return v'}",
        "topicSend: {name: t, passThrough: true, predicate: {python: 'def f(v): return v'}}",
    ] {
        assert_accepted::<KasprAgent>(AGENT, &[&one(text)]);
    }
}

#[test]
fn tables() {
    const NAME: &str = "must be a Python name that is not a keyword";
    let at = "spec.processors.operations[0].tables";
    let one = |tables: &str| {
        processors(&format!(
            "pipeline: [a], operations: [{{name: a, map: {{python: 'def f(v, **t): return v'}}, tables: {tables}}}]"
        ))
    };
    for (tables, line) in [
        (
            "[{name: '', paramName: t}]",
            format!("{at}[0].name: Required value: must be the name of a KasprTable of the same app"),
        ),
        (
            "[{name: a, paramName: ''}]",
            format!("{at}[0].paramName: Required value: must name the argument that gets the table"),
        ),
        ("[{name: a, paramName: class}]", format!("{at}[0].paramName: Invalid value: \"class\": {NAME}")),
        ("[{name: a, paramName: None}]", format!("{at}[0].paramName: Invalid value: \"None\": {NAME}")),
        (
            "[{name: a, paramName: my-table}]",
            format!("{at}[0].paramName: Invalid value: \"my-table\": {NAME}"),
        ),
        ("[{name: a, paramName: 2nd}]", format!("{at}[0].paramName: Invalid value: \"2nd\": {NAME}")),
        (
            "[{name: a, paramName: t}, {name: b, paramName: t}]",
            format!("{at}[1].paramName: Duplicate value: \"t\""),
        ),
    ] {
        assert_errors::<KasprAgent>(AGENT, &[(&one(tables), &line)]);
    }
    assert_accepted::<KasprAgent>(AGENT, &[&one("[{name: a, paramName: match}, {name: a, paramName: _t2}]")]);
}
