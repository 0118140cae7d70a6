//! Rules across the resources of one app.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::{APP, compare, parse_yaml, patched};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    validate::{AppContext, Claim, Claims, Findings, Objects, ValidateUpdate},
};

pub(super) const AGENT: &str = "
metadata: {name: counter, labels: {kaspr.io/app: orders}}
spec:
  input: {topic: {name: orders}}
  processors:
    pipeline: [count]
    operations:
      - {name: count, tables: [{name: totals, paramName: totals}], map: {python: 'def count(v, totals): return v'}}
";
pub(super) const TABLE: &str =
    "{metadata: {name: totals, labels: {kaspr.io/app: orders}}, spec: {name: totals}}";
pub(super) const TASK: &str = "
metadata: {name: report, labels: {kaspr.io/app: orders}}
spec:
  name: report
  processors: {pipeline: [say], operations: [{name: say, map: {python: 'def say(): return 1'}}]}
";
pub(super) const VIEW: &str = "
metadata: {name: order, labels: {kaspr.io/app: orders}}
spec: {name: order, request: {method: GET, path: /order}}
";
pub(super) const JOIN: &str = "
metadata: {name: pairs, labels: {kaspr.io/app: orders}}
spec: {leftTable: totals, rightTable: names, extractor: {python: 'def key(v): return v'}}
";

/// Creates the context of an app from a text with one resource on each line: its kind and a patch.
pub(super) fn context(lines: &str) -> AppContext {
    let mut context = AppContext::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (kind, patch) = line.split_once(' ').unwrap_or((line, "{}"));
        match kind {
            "app" => context.set_app(&patched(APP, patch)),
            "agent" => context.add_agent(&patched(AGENT, patch)),
            "table" => context.add_table(&patched(TABLE, patch)),
            "view" => context.add_webview(&patched(VIEW, patch)),
            "task" => context.add_task(&patched(TASK, patch)),
            "join" => context.add_join(&patched(JOIN, patch)),
            "namesake" => context.add_namesake(&patched(APP, patch)),
            "objects" => {
                let names = |field: &str| {
                    serde_json::from_value(parse_yaml(patch)[field].clone()).unwrap_or_default()
                };
                context.set_objects(Objects { secrets: names("secrets"), config_maps: names("configMaps") });
            }
            "others" => {
                let others: BTreeMap<String, String> =
                    serde_json::from_value(parse_yaml(patch)).expect("names and texts");
                context.set_foreign_config_maps(others);
            }
            "claims" => {
                let claim = parse_yaml(patch);
                let text = |field: &str| claim[field].as_str().map(str::to_owned);
                let claim = Claim {
                    size: text("size").expect("a size"),
                    class: text("class"),
                    can_grow: claim["canGrow"].as_bool(),
                };
                context.set_claims(Claims { tables: Some(claim.clone()), packages: Some(claim) });
            }
            other => panic!("unknown kind {other}"),
        }
    }
    context
}

fn find_in_app<T: ValidateUpdate + DeserializeOwned>(manifest: &str, patch: &str, lines: &str) -> Findings {
    let resource: T = patched(manifest, patch);
    let mut found = Findings::default();
    resource.validate_in_app(&context(lines), &mut found);
    found
}

/// Asserts the findings of each row. A row has a patch and, from the next line on, the context; and the
/// messages: errors, then warnings with the prefix `~`.
fn assert_findings<T: ValidateUpdate + DeserializeOwned>(manifest: &str, rows: &[(&str, &str)]) {
    compare(rows, |row| {
        let (patch, lines) = row.split_once('\n').unwrap_or((row, ""));
        let found = find_in_app::<T>(manifest, patch, lines);
        let errors = found.errors.iter().map(ToString::to_string);
        errors.chain(found.warnings.iter().map(|warning| format!("~ {warning}"))).collect()
    });
}

#[test]
fn missing_app() {
    const MISSING: &str = "metadata.labels[kaspr.io/app]: Not found: \"orders\": there is no KasprApp of this name in the namespace";
    assert_findings::<KasprAgent>(AGENT, &[("{}\ntable", MISSING), ("{}\napp\ntable", "")]);
    assert_findings::<KasprTable>(TABLE, &[("{}", MISSING), ("{}\napp", "")]);
    assert_findings::<KasprTask>(TASK, &[("{}", MISSING), ("{}\napp", "")]);
    assert_findings::<KasprWebView>(VIEW, &[("{}", MISSING), ("{}\napp", "")]);
    assert_findings::<KasprJoin>(
        JOIN,
        &[("{}", MISSING), ("{}\napp\ntable\ntable {metadata: {name: names}, spec: {name: names}}", "")],
    );
}

#[test]
fn missing_tables() {
    assert_findings::<KasprAgent>(
        AGENT,
        &[
            (
                "{}\napp",
                "spec.processors.operations[0].tables[0].name: Not found: \"totals\": must be the name of a KasprTable of the app: none exist",
            ),
            (
                "{}\napp\ntable {metadata: {name: b}, spec: {name: sums}}\ntable {metadata: {name: a}, spec: {name: names}}",
                "spec.processors.operations[0].tables[0].name: Not found: \"totals\": must be the name of a KasprTable of the app: one of 'a', 'b'",
            ),
        ],
    );
    const OPERATIONS: &str = "spec: {processors: {operations: [{name: say, tables: [{name: sums, paramName: t}], map: {python: 'def say(t): return 1'}}]}}";
    assert_findings::<KasprTask>(
        TASK,
        &[(
            &format!("{OPERATIONS}\napp\ntable"),
            "spec.processors.operations[0].tables[0].name: Not found: \"sums\": must be the name of a KasprTable of the app: one of 'totals'",
        )],
    );
    assert_findings::<KasprJoin>(
        JOIN,
        &[(
            "{}\napp\ntable",
            "spec.rightTable: Not found: \"names\": must be the name of a KasprTable of the app: one of 'totals'",
        )],
    );
}

#[test]
fn channels() {
    const CHANNEL: &str = "spec: {input: {topic: null, channel: {name: pairs-channel}}}";
    const MISSING: &str = "spec.input.channel.name: Not found: \"pairs-channel\": must be the output channel of a KasprJoin of the app";
    assert_findings::<KasprAgent>(
        AGENT,
        &[
            (&format!("{CHANNEL}\napp\ntable"), &format!("{MISSING}: none exist")),
            (&format!("{CHANNEL}\napp\ntable\njoin"), ""),
            (
                &format!("{CHANNEL}\napp\ntable\njoin {{metadata: {{name: pairs}}, spec: {{name: other}}}}"),
                "",
            ),
            (
                &format!(
                    "{CHANNEL}\napp\ntable\njoin {{metadata: {{name: a}}, spec: {{outputChannel: pairs-channel}}}}"
                ),
                "",
            ),
            (
                &format!("{CHANNEL}\napp\ntable\njoin {{spec: {{outputChannel: other}}}}"),
                &format!("{MISSING}: one of 'other'"),
            ),
        ],
    );
}

#[test]
fn routes_are_unique_and_names_of_specs_need_not_be() {
    assert_findings::<KasprTable>(
        TABLE,
        &[
            ("{}\napp\ntable", ""),
            ("{}\napp\ntable\ntable {metadata: {name: sums}}", ""),
            ("spec: {name: sums}\napp\ntable {metadata: {name: other}}", ""),
        ],
    );
    assert_findings::<KasprWebView>(
        VIEW,
        &[
            ("{}\napp\nview", ""),
            (
                "{}\napp\nview {metadata: {name: other}}",
                "spec.request.path: Invalid value: \"/order\": KasprWebView 'other' of the app answers the same method and path",
            ),
            ("{}\napp\nview {metadata: {name: other}, spec: {request: {method: POST}}}", ""),
            ("{}\napp\nview {metadata: {name: other}, spec: {request: {path: /orders}}}", ""),
        ],
    );
}

#[test]
fn partitions() {
    const EIGHT: &str = "spec: {input: {topic: {partitions: 8}}}";
    const DIFFER: &str = "spec.input.topic.partitions: Invalid value: 8: must be 4, the partitions of table 'totals' that it uses";
    assert_findings::<KasprAgent>(
        AGENT,
        &[
            (&format!("{EIGHT}\napp\ntable {{spec: {{partitions: 4}}}}"), DIFFER),
            (&format!("{EIGHT}\napp {{spec: {{config: {{topicPartitions: 4}}}}}}\ntable"), DIFFER),
            (&format!("{EIGHT}\napp\ntable {{spec: {{partitions: 4, global: true}}}}"), ""),
            (&format!("{EIGHT}\napp\ntable {{spec: {{partitions: 8}}}}"), ""),
            (&format!("{EIGHT}\napp\ntable"), ""),
            ("{}\napp {spec: {config: {topicPartitions: 4}}}\ntable {spec: {partitions: 8}}", ""),
            (
                "spec: {input: {declare: true}}\napp {spec: {config: {topicPartitions: '4'}}}\ntable {spec: {partitions: 8}}",
                "spec.input.topic.partitions: Invalid value: 4: must be 8, the partitions of table 'totals' that it uses",
            ),
            (
                "spec: {processors: {pipeline: []}, input: {topic: {partitions: 8}}}\napp\ntable {spec: {partitions: 4}}",
                "",
            ),
        ],
    );
    assert_findings::<KasprTable>(
        TABLE,
        &[
            (
                "spec: {partitions: 4}\napp\nagent {spec: {input: {topic: {partitions: 8}}}}",
                "spec.partitions: Invalid value: 4: must be 8, the partitions of the topic of agent 'counter' that uses it",
            ),
            (
                "{metadata: {name: other}, spec: {partitions: 4}}\napp\nagent {spec: {input: {topic: {partitions: 8}}}}",
                "",
            ),
        ],
    );
    assert_findings::<KasprApp>(
        APP,
        &[
            (
                "spec: {config: {topicPartitions: 4}}\nagent {spec: {input: {topic: {partitions: 8}}}}\ntable",
                "spec.config.topicPartitions: Invalid value: 4: agent 'counter' reads a topic of 8 partitions and uses table 'totals' of 4: must be the same",
            ),
            (
                "spec: {config: {topicPartitions: 4}}\nagent {spec: {input: {topic: {partitions: 8}}}}\ntable {spec: {partitions: 8}}",
                "",
            ),
        ],
    );
}

#[test]
fn idle_members() {
    assert_findings::<KasprApp>(
        APP,
        &[
            (
                "spec: {replicas: 5, config: {topicPartitions: 4}}",
                "~ spec.replicas: exceeds config.topicPartitions (4): the members above it idle",
            ),
            (
                "spec: {replicas: 5, config: {topicPartitions: '4'}}\nagent {spec: {input: {topic: {partitions: 2}}}}",
                "~ spec.replicas: exceeds config.topicPartitions (4): the members above it idle",
            ),
            (
                "spec: {replicas: 5}\nagent {spec: {input: {topic: {partitions: 2}}}}",
                "~ spec.replicas: exceeds the partitions of any topic (2): the members above it idle",
            ),
            (
                "spec: {replicas: 5, config: {topicPartitions: 4}}\nagent {spec: {input: {topic: {partitions: 5}}}}",
                "",
            ),
            ("spec: {replicas: 5}\nagent", ""),
        ],
    );
    assert_findings::<KasprAgent>(
        AGENT,
        &[
            (
                "spec: {input: {topic: {partitions: 2}}}\napp {spec: {replicas: 5}}\ntable",
                "~ spec.input.topic.partitions: is less than the app's 5 replicas: the members above it idle",
            ),
            ("spec: {input: {topic: {partitions: 5}}}\napp {spec: {replicas: 5}}\ntable", ""),
        ],
    );
}

#[test]
fn serializers() {
    assert_findings::<KasprAgent>(
        AGENT,
        &[
            (
                "spec: {input: {topic: {keySerializer: raw, valueSerializer: json}}}\napp\ntable {spec: {keySerializer: json, valueSerializer: json}}",
                "~ spec.input.topic.keySerializer: is 'raw', table 'totals' has 'json': values may be encoded twice",
            ),
            (
                "spec: {input: {topic: {valueSerializer: raw}}}\napp {spec: {config: {valueSerializer: json}}}\ntable",
                "~ spec.input.topic.valueSerializer: is 'raw', table 'totals' has 'json': values may be encoded twice",
            ),
            ("spec: {input: {topic: {valueSerializer: raw}}}\napp\ntable", ""),
        ],
    );
}

#[test]
fn namesakes() {
    assert_findings::<KasprApp>(
        APP,
        &[
            (
                "metadata: {namespace: a}\nnamesake {metadata: {namespace: b}, spec: {bootstrapServers: 'other:9092, KAFKA:9092'}}",
                "~ metadata.name: shares group and topics with the app of this name in namespace 'b'",
            ),
            (
                "metadata: {namespace: a}\nnamesake {metadata: {namespace: b}, spec: {bootstrapServers: 'other:9092'}}",
                "",
            ),
            ("metadata: {namespace: a}\nnamesake {metadata: {namespace: a}}", ""),
            (
                "metadata: {namespace: a}\nnamesake {metadata: {namespace: b}}\nnamesake {metadata: {namespace: c}}",
                "~ metadata.name: shares group and topics with the app of this name in namespace 'b' and 1 more",
            ),
        ],
    );
}

#[test]
fn missing_secrets_and_config_maps() {
    const TEMPLATE: &str = "{spec: {template: {kasprContainer: {env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}, {name: B, valueFrom: {secretKeyRef: {name: gone, key: a, optional: true}}}]}, pod: {volumes: [{name: v, configMap: {name: files}}, {name: w, secret: {secretName: certs}}], imagePullSecrets: [{name: pull}]}}}}";
    assert_findings::<KasprApp>(
        APP,
        &[
            ("{}\nobjects {secrets: {kafka-user: [password]}}", ""),
            (
                "{}\nobjects {secrets: {kafka-user: [user, pass]}}",
                "spec.authentication.passwordSecret: Not found: \"password\": must be a key of Secret 'kafka-user': one of 'pass', 'user'",
            ),
            (
                "{}\nobjects {}",
                "~ spec.authentication.passwordSecret: Secret 'kafka-user' is not among these files",
            ),
            (
                &format!(
                    "{TEMPLATE}\nobjects {{secrets: {{kafka-user: [password]}}, configMaps: {{settings: [b]}}}}"
                ),
                "spec.template.kasprContainer.env[0].valueFrom.configMapKeyRef: Not found: \"a\": must be a key of ConfigMap 'settings': one of 'b'\n~ spec.template.pod.volumes[0].configMap.name: ConfigMap 'files' is not among these files\n~ spec.template.pod.volumes[1].secret.secretName: Secret 'certs' is not among these files\n~ spec.template.pod.imagePullSecrets[0].name: Secret 'pull' is not among these files",
            ),
        ],
    );
}

/// While resources arrive one by one, a missing resource may follow, but a conflict stays an error.
#[test]
fn missing_references_are_warnings_at_admission() {
    let mut found = find_in_app::<KasprAgent>(
        AGENT,
        "spec: {input: {topic: {partitions: 8}}}",
        "app\ntable {spec: {partitions: 4}}",
    );
    found.defer_missing_references();
    assert_eq!((found.errors.len(), found.warnings.len()), (1, 0));
    let mut found = find_in_app::<KasprAgent>(AGENT, "{}", "app");
    found.defer_missing_references();
    assert_eq!((found.errors.len(), found.warnings.len()), (0, 1));
}

/// A conflict that the old resource had too does not reject a change.
#[test]
fn existing_conflicts_are_ratcheted() {
    let (old, new): (KasprWebView, KasprWebView) =
        (patched(VIEW, "{}"), patched(VIEW, "spec: {description: d}"));
    let context = context("app\nview {metadata: {name: other}}");
    assert_eq!(super::review(&new, Some(&old), Some(&context)).errors, []);
    assert_eq!(super::review(&new, None, Some(&context)).errors.len(), 1);
}

#[test]
fn volumes_of_the_user_and_of_components_have_different_names() {
    const VOLUMES: &str = "app {spec: {template: {pod: {volumes: [{name: counter-agent, emptyDir: {}}, {name: report-task, emptyDir: {}}]}}}}";
    assert_findings::<KasprApp>(
        APP,
        &[(
            "spec: {template: {pod: {volumes: [{name: a, emptyDir: {}}, {name: counter-agent, emptyDir: {}}, {name: report-task, emptyDir: {}}]}}}\nagent\ntask",
            "spec.template.pod.volumes[1].name: Forbidden: 'counter-agent' is the name of the volume with the definition of KasprAgent counter\n\
             spec.template.pod.volumes[2].name: Forbidden: 'report-task' is the name of the volume with the definition of KasprTask report",
        )],
    );
    assert_findings::<KasprAgent>(
        AGENT,
        &[(
            &format!("{{}}\n{VOLUMES}\ntable"),
            "metadata.name: Forbidden: the app has a volume 'counter-agent', which is also the name of the volume with this definition",
        )],
    );
}

#[test]
fn topics_that_lead_back() {
    const OTHER: &str = "agent {metadata: {name: other}, spec: {input: {topic: {name: middle}}, output: {topics: [{name: orders}]}}}";
    const SELF: &str = "~ spec.output.topics[0].name: 'orders' is an input of the agent: it feeds itself";
    const THROUGH: &str =
        "~ spec.output.topics[0].name: 'middle' leads back to the agent through agent 'other'";
    let send = |topic: &str, context: &str| {
        format!("spec: {{output: {{topics: [{topic}]}}}}\napp\ntable\n{context}")
    };
    let filtered = "spec: {processors: {pipeline: [f], operations: [{name: f, filter: {python: 'def f(v): return v'}}]}, output: {topics: [{name: orders}]}}\napp\ntable";
    let sent = "spec: {processors: {pipeline: [s], operations: [{name: s, topicSend: {name: orders}}]}, output: {topics: [{name: orders}]}}\napp\ntable";
    let rows = [
        (send("{name: orders}", ""), SELF),
        (send("{name: orders, predicate: {python: 'def f(v): return v'}}", ""), ""),
        (send("{name: elsewhere}", OTHER), ""),
        (send("{name: middle}", OTHER), THROUGH),
        (send("{name: middle}", &OTHER.replace("name: orders", "name: end")), ""),
        (filtered.to_owned(), ""),
        // What is sent with topicSend does not reach the output.
        (
            sent.to_owned(),
            "~ spec.processors.operations[0].topicSend.name: 'orders' is an input of the agent: it feeds itself",
        ),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(row, expected)| (row.as_str(), *expected)).collect();
    assert_findings::<KasprAgent>(AGENT, &rows);
}

#[test]
fn tables_of_webviews_and_tasks() {
    let view = "spec: {processors: {pipeline: [a], operations: [{name: a, tables: [{name: totals, paramName: t}], map: {python: 'def f(r, t): return t'}}]}}";
    let warning = "~ spec.processors.operations[0].tables[0].name: 'totals' is not global: a member has only its partitions";
    let rows = [
        (format!("{view}\napp {{spec: {{replicas: 2}}}}\ntable"), warning),
        (format!("{view}\napp {{spec: {{replicas: 2}}}}\ntable {{spec: {{global: true}}}}"), ""),
        (format!("{view}\napp {{spec: {{replicas: 1}}}}\ntable"), ""),
        (format!("{view}\napp {{spec: {{replicas: null}}}}\ntable"), ""),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(row, expected)| (row.as_str(), *expected)).collect();
    assert_findings::<KasprWebView>(VIEW, &rows);
}

#[test]
fn modules_that_no_package_brings() {
    let code = |module: &str, app: &str| {
        format!(
            "spec: {{extractor: {{python: \"import {module}\\ndef key(v): return v\"}}}}\napp {app}\ntable\ntable {{metadata: {{name: names}}}}"
        )
    };
    let with = |packages: &str| format!("{{spec: {{pythonPackages: {{packages: [{packages}]}}}}}}");
    let missing = |module: &str, name: &str| {
        format!(
            "~ spec.extractor.python: line 1: '{module}' is not in the image: add '{name}' to pythonPackages"
        )
    };
    let rows = [
        (code("pandas", "{}"), missing("pandas", "pandas")),
        (code("sklearn.cluster", "{}"), missing("sklearn", "scikit-learn")),
        (code("yaml", "{}"), String::new()),
        (code("json, os.path, _thread", "{}"), String::new()),
        (code("pandas", &with("'pandas>=2'")), String::new()),
        (code("sklearn", &with("Scikit_Learn")), String::new()),
        (code("cv2", &with("opencv-python-headless")), String::new()),
        // A package may bring it.
        (code("numpy", &with("pandas")), String::new()),
        (code("pandas", &with("'git+https://host/repo'")), String::new()),
        (code("pandas", &with("redis")), String::new()),
        (code("boto3", &with("redis")), missing("boto3", "boto3")),
        (code("pandas", "{spec: {image: 'team/app:1'}}"), String::new()),
    ];
    let rows: Vec<(&str, &str)> =
        rows.iter().map(|(row, expected)| (row.as_str(), expected.as_str())).collect();
    assert_findings::<KasprJoin>(JOIN, &rows);
}

#[test]
fn syntax_that_the_python_of_the_image_does_not_have() {
    let join = |python: &str, app: &str| {
        format!(
            "spec: {{extractor: {{python: \"{python}\"}}}}\n{app}\ntable\ntable {{metadata: {{name: names}}}}"
        )
    };
    let except = "def key(v):\\n    try: return v\\n    except A, B: return 1";
    let rows = [
        (
            join("def key[T = int](v: T): return v", "app"),
            "spec.extractor.python: Invalid value: \"def key[T = int](v: T): return v\": line 1, column 11: cannot set default type for a type parameter on Python 3.12 (syntax was added in Python 3.13)",
        ),
        (
            join(except, "app"),
            "spec.extractor.python: Invalid value: \"    except A, B: return 1\": line 3, column 12: multiple exception types must be parenthesized on Python 3.12 (syntax was added in Python 3.14)",
        ),
        (join(except, "app {spec: {image: 'team/app:1'}}"), ""),
        (join("def key[T](v: T): return f'{v!r:{'a'}}'", "app"), ""),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(row, expected)| (row.as_str(), *expected)).collect();
    assert_findings::<KasprJoin>(JOIN, &rows);
}

#[test]
fn the_code_of_a_component_fits_into_a_config_map() {
    let code = format!("def f(v): return v\n{}", "#".repeat(250 * 1024));
    let operations: Vec<_> =
        (0..5).map(|i| serde_json::json!({ "name": format!("a{i}"), "map": { "python": code } })).collect();
    let errors = |count: usize| {
        let mut agent: KasprAgent = patched(AGENT, "{}");
        let processors = serde_json::json!({ "pipeline": ["a0"], "operations": operations[..count] });
        agent.spec.processors = Some(serde_json::from_value(processors).expect("processors"));
        let found = super::review(&agent, None, None);
        found.errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(errors(4), Vec::<String>::new());
    assert_eq!(
        errors(5),
        ["spec: Forbidden: must have at most 1024 KiB of code in all, but has 1250: a ConfigMap holds it"]
    );
}
