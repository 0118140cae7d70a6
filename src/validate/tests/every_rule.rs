//! A case for every rule, with the exact words that it gives: a rule without one can't be added.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::{
    APP,
    cross_resource::{AGENT, JOIN, TABLE, TASK, VIEW, context},
    patched, review,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    validate::{ValidateUpdate, rule},
};

/// Rules of manifests that no resource can break: `tests/suite/validate.rs` has their cases.
const OF_FILES: &[&str] = &["unreadable", "schema", "twice"];

/// Kind, patch over a good manifest, what stands context it (a resource a line), and what the rule
/// then says.
const CASES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "required",
        "app",
        "spec: {bootstrapServers: ''}",
        "",
        "spec.bootstrapServers: Required value: must name at least one broker as host:port",
    ),
    ("number", "app", "spec: {replicas: -1}", "", "spec.replicas: Invalid value: -1: must be 0 or more"),
    (
        "one-of",
        "agent",
        "spec: {input: {topic: {pattern: a}}}",
        "",
        "spec.input.topic.pattern: Forbidden: must not be given together with name",
    ),
    (
        "exclusive",
        "task",
        "spec: {schedule: {cron: '* * * * *', interval: 1s}}",
        "",
        "spec.schedule.interval: Forbidden: must not be given together with cron",
    ),
    (
        "no-effect",
        "task",
        "spec: {schedule: {timezone: UTC}}",
        "",
        "spec.schedule.timezone: has no effect without cron",
    ),
    (
        "app-name",
        "app",
        "metadata: {name: 1a}",
        "",
        "metadata.name: Invalid value: \"1a\": must be lower-case letters, digits and '-', start with a letter and end with a letter or digit: Services are named after the app",
    ),
    (
        "no-disruption",
        "app",
        "spec: {template: {podDisruptionBudget: {maxUnavailable: 0}}}",
        "",
        "spec.template.podDisruptionBudget.maxUnavailable: lets no member be moved: nodes that run one can't be drained",
    ),
    (
        "version",
        "app",
        "spec: {version: 0.1.0}",
        "",
        "spec.version: Unsupported value: \"0.1.0\": supported values: \"0.11.19\", \"0.11.18\", \"0.11.17\", \"0.11.16\", \"0.11.15\", \"0.11.14\", \"0.11.13\", \"0.11.12\", \"0.11.11\", \"0.11.9\", \"0.11.8\", \"0.11.7\"",
    ),
    (
        "version-unknown",
        "app",
        "spec: {version: 0.1.0, image: a}",
        "",
        "spec.version: is not known to this operator: spec.image decides what runs",
    ),
    (
        "image",
        "app",
        "spec: {image: a b}",
        "",
        "spec.image: Invalid value: \"a b\": must name an image, without spaces",
    ),
    (
        "broker",
        "app",
        "spec: {bootstrapServers: 'kafka://a'}",
        "",
        "spec.bootstrapServers: Invalid value: \"kafka://a\": must be host:port without a scheme",
    ),
    (
        "plain-without-tls",
        "app",
        "spec: {tls: null, authentication: {type: plain}}",
        "",
        "spec.authentication.type: sends the password unencrypted: add spec.tls",
    ),
    (
        "storage-absent",
        "app",
        "spec: {storage: null}",
        "",
        "spec.storage: is not given: tables are rebuilt from Kafka at every start of a pod",
    ),
    (
        "idle-members",
        "app",
        "spec: {replicas: 3, config: {topicPartitions: 2}}",
        "",
        "spec.replicas: exceeds config.topicPartitions (2): the members above it idle",
    ),
    (
        "shared-identity",
        "app",
        "metadata: {namespace: a}",
        "namesake {metadata: {namespace: b}}",
        "metadata.name: shares group and topics with the app of this name in namespace 'b'",
    ),
    (
        "immutable",
        "app",
        "spec: {storage: {class: other}}",
        "",
        "spec.storage.class: Invalid value: \"other\": field is immutable: it was unset",
    ),
    (
        "shrink",
        "app",
        "spec: {storage: {size: 1Gi}}",
        "",
        "spec.storage.size: Invalid value: \"1Gi\": must not be less than before ('10Gi'): a claim can only grow",
    ),
    (
        "config-key",
        "app",
        "spec: {config: {webport: 1}}",
        "",
        "spec.config.webport: Unsupported value: \"webport\": is not a setting: did you mean 'webPort'?",
    ),
    (
        "config-value",
        "app",
        "spec: {config: {webPort: 0}}",
        "",
        "spec.config.webPort: Invalid value: 0: must be a port from 1 to 65535",
    ),
    (
        "quantity",
        "app",
        "spec: {storage: {size: 20GB}}",
        "",
        "spec.storage.size: Invalid value: \"20GB\": must be a quantity, such as '500Mi' or '10Gi'",
    ),
    (
        "resource-name",
        "app",
        "spec: {resources: {limits: {gpu: 1}}}",
        "",
        "spec.resources.limits[gpu]: Invalid value: \"gpu\": must be 'cpu', 'memory', 'ephemeral-storage', 'hugepages-SIZE' or a name such as 'example.com/gpu'",
    ),
    (
        "request-above-limit",
        "app",
        "spec: {resources: {limits: {cpu: 1}, requests: {cpu: 2}}}",
        "",
        "spec.resources.requests[cpu]: Invalid value: \"2\": must be less than or equal to the cpu limit of 1",
    ),
    (
        "storage-class",
        "app",
        "spec: {pythonPackages: {packages: [a], cache: {storageClass: A}}}",
        "",
        "spec.pythonPackages.cache.storageClass: Invalid value: \"A\": must be the name of a StorageClass: lower-case letters, digits, '-' and '.'",
    ),
    (
        "secret-reference",
        "app",
        "spec: {authentication: {passwordSecret: {secretName: A_B}}}",
        "",
        "spec.authentication.passwordSecret.secretName: Invalid value: \"A_B\": must be the name of a Secret: lower-case letters, digits, '-' and '.'",
    ),
    (
        "config-map-reference",
        "app",
        "spec: {template: {kasprContainer: {env: [{name: A, valueFrom: {configMapKeyRef: {name: '', key: a}}}]}}}",
        "",
        "spec.template.kasprContainer.env[0].valueFrom.configMapKeyRef.name: Required value: must name a ConfigMap in the app's namespace and a key of it",
    ),
    (
        "metadata",
        "app",
        "spec: {template: {pod: {metadata: {labels: {'a b': c}}}}}",
        "",
        "spec.template.pod.metadata.labels[a b]: Invalid value: \"a b\": must be a name of at most 63 letters, digits, '-', '_' or '.', with an optional 'domain/' before it",
    ),
    (
        "volume",
        "app",
        "spec: {template: {pod: {volumes: [{name: A, emptyDir: {}}]}}}",
        "",
        "spec.template.pod.volumes[0].name: Invalid value: \"A\": must be lower-case letters, digits and '-', at most 63",
    ),
    (
        "mount",
        "app",
        "spec: {template: {kasprContainer: {volumeMounts: [{name: a, mountPath: /a}]}}}",
        "",
        "spec.template.kasprContainer.volumeMounts[0].name: Invalid value: \"a\": must name a volume of spec.template.pod.volumes: there is none",
    ),
    (
        "environment",
        "app",
        "spec: {template: {kasprContainer: {env: [{name: a, value: b}, {name: a, value: b}]}}}",
        "",
        "spec.template.kasprContainer.env[1].name: Duplicate value: \"a\"",
    ),
    (
        "environment-empty",
        "app",
        "spec: {template: {kasprContainer: {env: [{name: a}]}}}",
        "",
        "spec.template.kasprContainer.env[0]: has neither value nor valueFrom: the variable is empty",
    ),
    (
        "package",
        "app",
        "spec: {pythonPackages: {packages: ['-r a']}}",
        "",
        "spec.pythonPackages.packages[0]: Invalid value: \"-r a\": must be a requirement such as 'pandas>=2', or a direct reference such as 'git+https://host/repo@v1': options of pip are not allowed",
    ),
    (
        "index-url",
        "app",
        "spec: {pythonPackages: {packages: [a], indexUrl: 'ftp://a'}}",
        "",
        "spec.pythonPackages.indexUrl: Invalid value: \"ftp://a\": must start with 'http://' or 'https://'",
    ),
    (
        "trusted-host",
        "app",
        "spec: {pythonPackages: {packages: [a], trustedHosts: ['https://a']}}",
        "",
        "spec.pythonPackages.trustedHosts[0]: Invalid value: \"https://a\": must be a host or host:port without a scheme",
    ),
    (
        "index-unencrypted",
        "app",
        "spec: {pythonPackages: {packages: [a], indexUrl: 'http://a'}}",
        "",
        "spec.pythonPackages.indexUrl: is not encrypted: pip uses it only if its host is in trustedHosts",
    ),
    (
        "package-variable",
        "app",
        "spec: {pythonPackages: {packages: ['a==${A}', '${B}'], indexUrl: 'https://${PYPI_USERNAME}@a'}, template: {pythonPackagesInitContainer: {env: [{name: B, value: b}]}}}",
        "",
        "spec.pythonPackages.packages[0]: names '${A}', which nothing gives to the install container unless its image does: add it to template.pythonPackagesInitContainer.env\nspec.pythonPackages.indexUrl: names '${PYPI_USERNAME}', which nothing gives to the install container unless its image does: add it to template.pythonPackagesInitContainer.env",
    ),
    (
        "password-shown",
        "app",
        "spec: {pythonPackages: {packages: [a], indexUrl: 'https://u:p@a'}}",
        "",
        "spec.pythonPackages.indexUrl: holds a password that everybody can read: use credentials or '${NAME}'",
    ),
    (
        "bucket",
        "app",
        "spec: {pythonPackages: {packages: [a], cache: {type: gcs, gcs: {bucket: A, secretRef: {name: s}}}}}",
        "",
        "spec.pythonPackages.cache.gcs.bucket: Invalid value: \"A\": must be 3 to 63 lower-case letters, digits, '-', '_' or '.', and start and end with a letter or digit",
    ),
    (
        "bucket-key",
        "app",
        "spec: {pythonPackages: {packages: [a], cache: {type: s3, s3: {bucket: abc}}}}",
        "",
        "spec.pythonPackages.cache.s3.secretRef: Required value: must be given unless workloadIdentity is true",
    ),
    (
        "component-name",
        "table",
        "metadata: {name: A}",
        "",
        "metadata.name: Invalid value: \"A\": must be at most 57 lower-case letters, digits and '-': the pods' volumes are named after it",
    ),
    (
        "component-app",
        "table",
        "metadata: {labels: null}",
        "",
        "metadata.labels[kaspr.io/app]: Required value: must name the KasprApp that runs the component",
    ),
    (
        "duration",
        "agent",
        "spec: {input: {take: {max: 1, within: 1w}}}",
        "",
        "spec.input.take.within: Invalid value: \"1w\": must be digits and one of 's', 'm', 'h', 'd', such as '5s'",
    ),
    (
        "cron",
        "task",
        "spec: {schedule: {cron: '* * *'}}",
        "",
        "spec.schedule.cron: Invalid value: \"* * *\": must be a cron expression of five fields: minute, hour, day, month, weekday",
    ),
    (
        "time-zone",
        "task",
        "spec: {schedule: {cron: '* * * * *', timezone: Mars}}",
        "",
        "spec.schedule.timezone: Invalid value: \"Mars\": must be an IANA time zone, such as 'Europe/Berlin'",
    ),
    (
        "topic-name",
        "agent",
        "spec: {input: {topic: {name: a/b}}}",
        "",
        "spec.input.topic.name: Invalid value: \"a/b\": must be 1 to 249 letters, digits, '.', '_' and '-', and not '.' or '..'",
    ),
    (
        "table-name",
        "table",
        "spec: {name: a/b}",
        "",
        "spec.name: Invalid value: \"a/b\": must be 1 to 228 letters, digits, '.', '_' and '-': the changelog topic is named after it",
    ),
    (
        "window-size",
        "table",
        "spec: {window: {tumbling: {size: 5m}}}",
        "",
        "spec.window.tumbling.size: Invalid value: \"5m\": must be whole seconds of 1 or more, as a string such as '300'",
    ),
    (
        "web-path",
        "view",
        "spec: {request: {path: order}}",
        "",
        "spec.request.path: Invalid value: \"order\": must start with '/' and have no spaces",
    ),
    (
        "operation-name",
        "task",
        "spec: {processors: {pipeline: [], operations: [{map: {python: 'def f(): pass'}}]}}",
        "",
        "spec.processors.operations[0].name: Required value: must name the operation, for the pipeline to refer to it",
    ),
    (
        "operation-kind",
        "task",
        "spec: {processors: {operations: [{name: say}]}}",
        "",
        "spec.processors.operations[0]: Required value: must give one of map, filter and topicSend",
    ),
    (
        "pipeline-step",
        "task",
        "spec: {processors: {pipeline: [sya]}}",
        "",
        "spec.processors.pipeline[0]: Invalid value: \"sya\": must name an operation: one of 'say'",
    ),
    (
        "pipeline-empty",
        "task",
        "spec: {processors: {pipeline: []}}",
        "",
        "spec.processors.pipeline: is empty: nothing is done with the values",
    ),
    (
        "task-filter",
        "task",
        "spec: {processors: {operations: [{name: say, filter: {python: 'def f(): pass'}}]}}",
        "",
        "spec.processors.operations[0].filter: Forbidden: may not be used in a task: the framework fails on it, filter in a map instead",
    ),
    (
        "table-argument",
        "agent",
        "spec: {processors: {operations: [{name: count, tables: [{name: t, paramName: if}], map: {python: 'def f(v): pass'}}]}}",
        "",
        "spec.processors.operations[0].tables[0].paramName: Invalid value: \"if\": must be a Python name that is not a keyword",
    ),
    (
        "python-syntax",
        "join",
        "spec: {extractor: {python: 'def f(v: pass'}}",
        "",
        "spec.extractor.python: Invalid value: \"def f(v: pass\": line 1, column 10: expected an expression",
    ),
    (
        "python-function",
        "join",
        "spec: {extractor: {python: 'x = 1'}}",
        "",
        "spec.extractor.python: Invalid value: \"x = 1\": must define a function",
    ),
    (
        "python-entrypoint",
        "join",
        "spec: {extractor: {entrypoint: kye}}",
        "",
        "spec.extractor.entrypoint: Invalid value: \"kye\": must be the name of a function, class or other callable in python: 'key'",
    ),
    (
        "python-call",
        "join",
        "spec: {extractor: {python: 'def f(): pass'}}",
        "",
        "spec.extractor.python: Invalid value: \"def f(): pass\": is called with 1 value, but 'f' takes ()",
    ),
    (
        "python-guess",
        "join",
        "spec: {extractor: {python: \"from a import f\\nfrom b import g\"}}",
        "",
        "spec.extractor: gives no entrypoint: the first callable is taken",
    ),
    (
        "path-parameter",
        "view",
        "spec: {request: {path: '/order/{id}'}, processors: {pipeline: [a], operations: [{name: a, map: {python: 'def f(r): pass'}}]}}",
        "",
        "spec.processors.operations[0].map: 'f' must also take 'id' of request.path",
    ),
    (
        "app-missing",
        "table",
        "{}",
        "",
        "metadata.labels[kaspr.io/app]: Not found: \"orders\": there is no KasprApp of this name in the namespace",
    ),
    (
        "table-missing",
        "join",
        "{}",
        "app\ntable",
        "spec.rightTable: Not found: \"names\": must be the spec.name of a KasprTable of the app: one of 'totals'",
    ),
    (
        "channel-missing",
        "agent",
        "spec: {input: {topic: null, channel: {name: c}}}",
        "app",
        "spec.input.channel.name: Not found: \"c\": must be the output channel of a KasprJoin of the app: there is none",
    ),
    (
        "table-twice",
        "table",
        "{}",
        "app\ntable {metadata: {name: other}}",
        "spec.name: Invalid value: \"totals\": must be unique in the app: KasprTable 'other' has the same name",
    ),
    (
        "route-twice",
        "view",
        "{}",
        "app\nview {metadata: {name: other}}",
        "spec.request.path: Invalid value: \"/order\": KasprWebView 'other' of the app answers the same method and path",
    ),
    (
        "partitions-differ",
        "table",
        "spec: {partitions: 2}",
        "app\nagent {spec: {input: {topic: {partitions: 3}}}}",
        "spec.partitions: Invalid value: 2: must be 3, the partitions of the topic of agent 'counter' that uses it",
    ),
    (
        "serializers-differ",
        "agent",
        "spec: {input: {topic: {keySerializer: raw}}}",
        "app\ntable {spec: {keySerializer: json}}",
        "spec.input.topic.keySerializer: is 'raw', table 'totals' has 'json': values may be encoded twice",
    ),
    (
        "secret-missing",
        "app",
        "{}",
        "objects {}",
        "spec.authentication.passwordSecret: Secret 'kafka-user' is not among these files",
    ),
    (
        "secret-key-missing",
        "app",
        "{}",
        "objects {secrets: {kafka-user: [a]}}",
        "spec.authentication.passwordSecret: Not found: \"password\": must be a key of Secret 'kafka-user': one of 'a'",
    ),
    (
        "config-map-missing",
        "app",
        "spec: {template: {pod: {volumes: [{name: a, configMap: {name: b}}]}}}",
        "objects {}",
        "spec.template.pod.volumes[0].configMap.name: ConfigMap 'b' is not among these files",
    ),
];

/// What the rule says of the case.
fn said<T: ValidateUpdate + DeserializeOwned>(
    manifest: &str,
    id: &str,
    patch: &str,
    lines: &str,
) -> Vec<String> {
    let (new, old): (T, T) = (patched(manifest, patch), patched(manifest, "{}"));
    let found = review(&new, None, Some(&context(lines)));
    let errors = found.errors.iter().map(|error| (error.rule.id, error.to_string()));
    let warnings = found.warnings.iter().map(|warning| (warning.rule.id, warning.to_string()));
    let changed = review(&new, Some(&old), None);
    let changes = changed.errors.iter().filter(|error| [rule::IMMUTABLE, rule::SHRINK].contains(&error.rule));
    let changes = changes.map(|error| (error.rule.id, error.to_string()));
    errors.chain(warnings).chain(changes).filter(|(rule, _)| *rule == id).map(|(_, words)| words).collect()
}

#[test]
fn every_rule_has_its_words() {
    let mut wrong = Vec::new();
    for (id, kind, patch, lines, expected) in CASES {
        let said = match *kind {
            "app" => said::<KasprApp>(APP, id, patch, lines),
            "agent" => said::<KasprAgent>(AGENT, id, patch, lines),
            "table" => said::<KasprTable>(TABLE, id, patch, lines),
            "task" => said::<KasprTask>(TASK, id, patch, lines),
            "view" => said::<KasprWebView>(VIEW, id, patch, lines),
            _ => said::<KasprJoin>(JOIN, id, patch, lines),
        }
        .join("\n");
        if said != *expected {
            wrong.push(format!("{id}\n  expected: {expected}\n  got:      {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case() {
    let cases: BTreeSet<&str> = CASES.iter().map(|case| case.0).chain(OF_FILES.iter().copied()).collect();
    let rules: BTreeSet<&str> = rule::ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(cases, rules);
    assert_eq!(rules.len(), rule::ALL.len(), "an id stands twice");
}
