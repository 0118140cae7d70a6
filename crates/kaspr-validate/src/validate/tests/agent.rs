use super::{assert_accepted, assert_errors, assert_warnings};
use crate::api::KasprAgent;

const AGENT: &str = "
metadata: {name: counter, labels: {kaspr.io/app: orders}}
spec:
  input: {topic: {name: orders}}
  processors: {pipeline: [count], operations: [{name: count, map: {python: 'def count(v): return v'}}]}
";

const DURATION: &str = "must be digits and one of 's', 'm', 'h', 'd', such as '5s'";
const TOPIC: &str = "must be 1 to 249 letters, digits, '.', '_' and '-', and not '.' or '..'";

#[test]
fn metadata() {
    const NAME: &str =
        "must be at most 57 lower-case letters, digits and '-': the pods' volumes are named after it";
    assert_errors::<KasprAgent>(
        AGENT,
        &[
            ("metadata: {name: a.b}", &format!("metadata.name: Invalid value: \"a.b\": {NAME}")),
            (
                &format!("metadata: {{name: {}}}", "a".repeat(58)),
                &format!("metadata.name: Invalid value: \"{}\": {NAME}", "a".repeat(58)),
            ),
            (
                "metadata: {labels: null}",
                "metadata.labels[kaspr.io/app]: Required value: must name the KasprApp that runs the component",
            ),
            (
                "metadata: {labels: {kaspr.io/app: My_App}}",
                "metadata.labels[kaspr.io/app]: Invalid value: \"My_App\": must be the name of a KasprApp",
            ),
        ],
    );
    assert_accepted::<KasprAgent>(AGENT, &["{}", &format!("metadata: {{name: 2{}}}", "a".repeat(56))]);
}

#[test]
fn input() {
    assert_errors::<KasprAgent>(
        AGENT,
        &[
            ("spec: {input: {topic: null}}", "spec.input: Required value: must give either topic or channel"),
            (
                "spec: {input: {channel: {name: c}}}",
                "spec.input.channel: Forbidden: must not be given together with topic",
            ),
            (
                "spec: {input: {topic: null, channel: {name: ''}}}",
                "spec.input.channel.name: Required value: must name the output channel of a KasprJoin",
            ),
            (
                "spec: {input: {topic: {name: ''}}}",
                "spec.input.topic: Required value: must give either name or pattern",
            ),
            (
                "spec: {input: {topic: {pattern: 'orders-.*'}}}",
                "spec.input.topic.pattern: Forbidden: must not be given together with name",
            ),
            (
                "spec: {input: {topic: {name: my orders}}}",
                &format!("spec.input.topic.name: Invalid value: \"my orders\": {TOPIC}"),
            ),
            (
                "spec: {input: {topic: {name: '..'}}}",
                &format!("spec.input.topic.name: Invalid value: \"..\": {TOPIC}"),
            ),
            (
                "spec: {input: {topic: {partitions: 0}}}",
                "spec.input.topic.partitions: Invalid value: 0: must be 1 or more",
            ),
            (
                "spec: {input: {topic: {replicas: -1}}}",
                "spec.input.topic.replicas: Invalid value: -1: must be 1 or more",
            ),
            (
                "spec: {input: {topic: {retention: -1}}}",
                "spec.input.topic.retention: Invalid value: -1: must be 0 or more seconds",
            ),
            (
                "spec: {input: {take: {max: 0, within: 5s}}}",
                "spec.input.take.max: Invalid value: 0: must be 1 or more",
            ),
            (
                "spec: {input: {take: {max: 1, within: '5'}}}",
                &format!("spec.input.take.within: Invalid value: \"5\": {DURATION}"),
            ),
            (
                "spec: {input: {take: {max: 1, within: 500ms}}}",
                &format!("spec.input.take.within: Invalid value: \"500ms\": {DURATION}"),
            ),
            (
                "spec: {input: {take: {max: 1, within: 1.5s}}}",
                &format!("spec.input.take.within: Invalid value: \"1.5s\": {DURATION}"),
            ),
            (
                "spec: {input: {take: {max: 1, within: s}}}",
                &format!("spec.input.take.within: Invalid value: \"s\": {DURATION}"),
            ),
            (
                "spec: {input: {take: {max: 1, within: 10é}}}",
                &format!("spec.input.take.within: Invalid value: \"10é\": {DURATION}"),
            ),
        ],
    );
    assert_accepted::<KasprAgent>(
        AGENT,
        &[
            "spec: {input: {topic: null, channel: {name: a-channel}}}",
            "spec: {input: {declare: true, topic: {name: Orders.v1_a, partitions: 4, replicas: 3, retention: 0}, take: {max: 10, within: 01h}}}",
        ],
    );
    assert_warnings::<KasprAgent>(
        AGENT,
        &[("spec: {processors: null}", "spec.processors: is not given: nothing is done with the values")],
    );
}

#[test]
fn output() {
    let code = |field: &str| {
        (
            format!("spec: {{output: {{topics: [{{name: a, {field}: {{python: ' '}}}}]}}}}"),
            format!("spec.output.topics[0].{field}.python: Required value: must contain Python source"),
        )
    };
    let fields =
        ["keySelector", "valueSelector", "partitionSelector", "headersSelector", "predicate"].map(code);
    let rows: Vec<(&str, &str)> =
        fields.iter().map(|(patch, line)| (patch.as_str(), line.as_str())).collect();
    assert_errors::<KasprAgent>(AGENT, &rows);
    assert_errors::<KasprAgent>(
        AGENT,
        &[
            (
                "spec: {output: {topics: [{name: a}, {}]}}",
                "spec.output.topics[1]: Required value: must give either name or nameSelector",
            ),
            (
                "spec: {output: {topics: [{name: a, nameSelector: {python: 'def f(v): return v'}}]}}",
                "spec.output.topics[0].nameSelector: Forbidden: must not be given together with name",
            ),
            (
                "spec: {output: {topics: [{name: a/b}]}}",
                &format!("spec.output.topics[0].name: Invalid value: \"a/b\": {TOPIC}"),
            ),
            (
                "spec: {output: {topics: [{name: a, partitions: 0}]}}",
                "spec.output.topics[0].partitions: Invalid value: 0: must be 1 or more",
            ),
            (
                "spec: {output: {topics: [{name: a, valueSelector: {entrypoint: f(), python: 'def f(v): return v'}}]}}",
                "spec.output.topics[0].valueSelector.entrypoint: Invalid value: \"f()\": must be the name of a function, class or other callable in python",
            ),
        ],
    );
    assert_accepted::<KasprAgent>(
        AGENT,
        &[
            "spec: {output: {}}",
            "spec: {output: {topics: [{name: a, ack: true}, {nameSelector: {python: 'def f(v): return v'}}]}}",
            "spec: {output: {topics: [{name: a, valueSelector: {entrypoint: '', python: 'def f(v): return v'}}]}}",
        ],
    );
}

/// The framework splits the name of an input topic at commas.
#[test]
fn input_topics_may_be_listed() {
    const AGENT: &str = "
metadata: {name: counter, labels: {kaspr.io/app: orders}}
spec: {input: {topic: {name: orders}}, processors: {pipeline: [a], operations: [{name: a, map: {python: 'def f(v): return v'}}]}}
";
    const NAME: &str = "must be 1 to 249 letters, digits, '.', '_' and '-', and not '.' or '..'";
    assert_accepted::<KasprAgent>(AGENT, &["spec: {input: {topic: {name: 'orders,refunds, returns'}}}"]);
    assert_errors::<KasprAgent>(
        AGENT,
        &[
            (
                "spec: {input: {topic: {name: 'orders,re funds,/'}}}",
                &format!(
                    "spec.input.topic.name: Invalid value: \"re funds\": {NAME}\nspec.input.topic.name: Invalid value: \"/\": {NAME}"
                ),
            ),
            (
                "spec: {input: {topic: {name: ','}}}",
                &format!("spec.input.topic.name: Invalid value: \",\": {NAME}"),
            ),
        ],
    );
}
