//! A case for every rule, with its exact message. A rule without a case fails the test.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::{
    APP,
    cross_resource::{AGENT, JOIN, TABLE, TASK, VIEW, context},
    patched, review,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView, Kind},
    validate::{ValidateUpdate, rule},
};

/// Rules of files, which no single resource can violate: `tests/suite/validate.rs` has their cases.
const RULES_OF_FILES: &[&str] = &["unreadable", "test-file", "schema", "twice"];

/// Rules with a test of their own, whose resource would be too large for a case.
const TESTED_ELSEWHERE: &[&str] = &["definition-size"];

/// A resource that violates a rule.
struct Case {
    /// Id of the rule.
    rule: &'static str,
    kind: Kind,
    /// Patch of a valid manifest of that kind.
    patch: &'static str,
    /// Other resources of the app, one on each line.
    context: &'static str,
    /// Messages of the rule, one on each line.
    expected: &'static str,
}

const CASES: &[Case] = &[
    Case {
        rule: "required",
        kind: Kind::App,
        patch: "spec: {bootstrapServers: ''}",
        context: "",
        expected: "spec.bootstrapServers: Required value: must name at least one broker as host:port",
    },
    Case {
        rule: "number",
        kind: Kind::App,
        patch: "spec: {replicas: -1}",
        context: "",
        expected: "spec.replicas: Invalid value: -1: must be 0 or more",
    },
    Case {
        rule: "one-of",
        kind: Kind::Agent,
        patch: "spec: {input: {topic: {pattern: a}}}",
        context: "",
        expected: "spec.input.topic.pattern: Forbidden: must not be given together with name",
    },
    Case {
        rule: "exclusive",
        kind: Kind::Task,
        patch: "spec: {schedule: {cron: '* * * * *', interval: 1s}}",
        context: "",
        expected: "spec.schedule.interval: Forbidden: must not be given together with cron",
    },
    Case {
        rule: "no-effect",
        kind: Kind::Task,
        patch: "spec: {schedule: {timezone: UTC}}",
        context: "",
        expected: "spec.schedule.timezone: has no effect without cron",
    },
    Case {
        rule: "app-name",
        kind: Kind::App,
        patch: "metadata: {name: 1a}",
        context: "",
        expected: "metadata.name: Invalid value: \"1a\": must be lower-case letters, digits and '-', start with a letter and end with a letter or digit: Services are named after the app",
    },
    Case {
        rule: "no-disruption",
        kind: Kind::App,
        patch: "spec: {template: {podDisruptionBudget: {maxUnavailable: 0}}}",
        context: "",
        expected: "spec.template.podDisruptionBudget.maxUnavailable: prevents eviction of members: nodes that run one cannot be drained",
    },
    Case {
        rule: "version",
        kind: Kind::App,
        patch: "spec: {version: 0.12.0}",
        context: "",
        expected: "spec.version: Unsupported value: \"0.12.0\": supported values: \"0.11.19\", \"0.11.18\", \"0.11.17\", \"0.11.16\", \"0.11.15\", \"0.11.14\", \"0.11.13\", \"0.11.12\", \"0.11.11\", \"0.11.9\", \"0.11.8\", \"0.11.7\"",
    },
    Case {
        rule: "version-unknown",
        kind: Kind::App,
        patch: "spec: {version: 0.1.0, image: a}",
        context: "",
        expected: "spec.version: is not known to this operator: spec.image decides what runs",
    },
    Case {
        rule: "image",
        kind: Kind::App,
        patch: "spec: {image: a b}",
        context: "",
        expected: "spec.image: Invalid value: \"a b\": must name an image, without spaces",
    },
    Case {
        rule: "broker",
        kind: Kind::App,
        patch: "spec: {bootstrapServers: 'kafka://a'}",
        context: "",
        expected: "spec.bootstrapServers: Invalid value: \"kafka://a\": must be host:port without a scheme",
    },
    Case {
        rule: "plain-without-tls",
        kind: Kind::App,
        patch: "spec: {tls: null, authentication: {type: plain}}",
        context: "",
        expected: "spec.authentication.type: sends the password unencrypted: add spec.tls",
    },
    Case {
        rule: "storage-absent",
        kind: Kind::App,
        patch: "spec: {storage: null}",
        context: "",
        expected: "spec.storage: is not given: tables are rebuilt from Kafka at every start of a pod",
    },
    Case {
        rule: "idle-members",
        kind: Kind::App,
        patch: "spec: {replicas: 3, config: {topicPartitions: 2}}",
        context: "",
        expected: "spec.replicas: exceeds config.topicPartitions (2): the members above it idle",
    },
    Case {
        rule: "shared-identity",
        kind: Kind::App,
        patch: "metadata: {namespace: a}",
        context: "namesake {metadata: {namespace: b}}",
        expected: "metadata.name: shares group and topics with the app of this name in namespace 'b'",
    },
    Case {
        rule: "immutable",
        kind: Kind::App,
        patch: "spec: {storage: {class: other}}",
        context: "",
        expected: "spec.storage.class: Invalid value: \"other\": field is immutable: it was unset",
    },
    Case {
        rule: "shrink",
        kind: Kind::App,
        patch: "spec: {storage: {size: 1Gi}}",
        context: "",
        expected: "spec.storage.size: Invalid value: \"1Gi\": must not be less than before ('10Gi'): a claim can only grow",
    },
    Case {
        rule: "claim-cannot-grow",
        kind: Kind::App,
        patch: "spec: {storage: {size: 20Gi}}",
        context: "claims {size: 10Gi, class: local, canGrow: false}",
        expected: "spec.storage.size: Invalid value: \"20Gi\": StorageClass 'local' does not allow volume expansion: must be '10Gi', the size of the claims",
    },
    Case {
        rule: "version-old",
        kind: Kind::App,
        patch: "spec: {version: 0.11.6}",
        context: "",
        expected: "spec.version: is older than 0.11.7, the oldest supported version: such members may not read all that the operator writes",
    },
    Case {
        rule: "image-with-packages",
        kind: Kind::App,
        patch: "spec: {image: 'team/app:1', pythonPackages: {packages: [requests]}}",
        context: "",
        expected: "spec.image: gets packages of spec.pythonPackages: it must contain Python 3 and the framework",
    },
    Case {
        rule: "config-key-unknown",
        kind: Kind::App,
        patch: "spec: {config: {broker_session_timeout: 60}}",
        context: "",
        expected: "spec.config.broker_session_timeout: is not a known setting: members receive it as a variable",
    },
    Case {
        rule: "config-key",
        kind: Kind::App,
        patch: "spec: {config: {webport: 1}}",
        context: "",
        expected: "spec.config.webport: Unsupported value: \"webport\": is not a setting: use 'webPort'",
    },
    Case {
        rule: "config-value",
        kind: Kind::App,
        patch: "spec: {config: {webPort: 0}}",
        context: "",
        expected: "spec.config.webPort: Invalid value: 0: must be a port from 1 to 65535",
    },
    Case {
        rule: "quantity",
        kind: Kind::App,
        patch: "spec: {storage: {size: 20GB}}",
        context: "",
        expected: "spec.storage.size: Invalid value: \"20GB\": must be a quantity, such as '500Mi' or '10Gi'",
    },
    Case {
        rule: "resource-name",
        kind: Kind::App,
        patch: "spec: {resources: {limits: {gpu: 1}}}",
        context: "",
        expected: "spec.resources.limits[gpu]: Invalid value: \"gpu\": must be 'cpu', 'memory', 'ephemeral-storage', 'hugepages-SIZE' or a name such as 'example.com/gpu'",
    },
    Case {
        rule: "request-above-limit",
        kind: Kind::App,
        patch: "spec: {resources: {limits: {cpu: 1}, requests: {cpu: 2}}}",
        context: "",
        expected: "spec.resources.requests[cpu]: Invalid value: \"2\": must be less than or equal to the cpu limit of 1",
    },
    Case {
        rule: "storage-class",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], cache: {storageClass: A}}}",
        context: "",
        expected: "spec.pythonPackages.cache.storageClass: Invalid value: \"A\": must be the name of a StorageClass: lower-case letters, digits, '-' and '.'",
    },
    Case {
        rule: "secret-reference",
        kind: Kind::App,
        patch: "spec: {authentication: {passwordSecret: {secretName: A_B}}}",
        context: "",
        expected: "spec.authentication.passwordSecret.secretName: Invalid value: \"A_B\": must be the name of a Secret: lower-case letters, digits, '-' and '.'",
    },
    Case {
        rule: "config-map-reference",
        kind: Kind::App,
        patch: "spec: {template: {kasprContainer: {env: [{name: A, valueFrom: {configMapKeyRef: {name: '', key: a}}}]}}}",
        context: "",
        expected: "spec.template.kasprContainer.env[0].valueFrom.configMapKeyRef.name: Required value: must name a ConfigMap in the app's namespace and a key of it",
    },
    Case {
        rule: "metadata",
        kind: Kind::App,
        patch: "spec: {template: {pod: {metadata: {labels: {'a b': c}}}}}",
        context: "",
        expected: "spec.template.pod.metadata.labels[a b]: Invalid value: \"a b\": must be a name of at most 63 letters, digits, '-', '_' or '.', with an optional 'domain/' before it",
    },
    Case {
        rule: "volume",
        kind: Kind::App,
        patch: "spec: {template: {pod: {volumes: [{name: A, emptyDir: {}}]}}}",
        context: "",
        expected: "spec.template.pod.volumes[0].name: Invalid value: \"A\": must be lower-case letters, digits and '-', at most 63",
    },
    Case {
        rule: "mount",
        kind: Kind::App,
        patch: "spec: {template: {kasprContainer: {volumeMounts: [{name: a, mountPath: /a}]}}}",
        context: "",
        expected: "spec.template.kasprContainer.volumeMounts[0].name: Invalid value: \"a\": must name a volume of spec.template.pod.volumes: none exist",
    },
    Case {
        rule: "environment",
        kind: Kind::App,
        patch: "spec: {template: {kasprContainer: {env: [{name: a, value: b}, {name: a, value: b}]}}}",
        context: "",
        expected: "spec.template.kasprContainer.env[1].name: Duplicate value: \"a\"",
    },
    Case {
        rule: "environment-empty",
        kind: Kind::App,
        patch: "spec: {template: {kasprContainer: {env: [{name: a}]}}}",
        context: "",
        expected: "spec.template.kasprContainer.env[0]: has neither value nor valueFrom: the variable is empty",
    },
    Case {
        rule: "package",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: ['-r a']}}",
        context: "",
        expected: "spec.pythonPackages.packages[0]: Invalid value: \"-r a\": must be a requirement such as 'pandas>=2', or a direct reference such as 'git+https://host/repo@v1': options of pip are not allowed",
    },
    Case {
        rule: "index-url",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], indexUrl: 'ftp://a'}}",
        context: "",
        expected: "spec.pythonPackages.indexUrl: Invalid value: \"ftp://a\": must start with 'http://' or 'https://'",
    },
    Case {
        rule: "trusted-host",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], trustedHosts: ['https://a']}}",
        context: "",
        expected: "spec.pythonPackages.trustedHosts[0]: Invalid value: \"https://a\": must be a host or host:port without a scheme",
    },
    Case {
        rule: "index-unencrypted",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], indexUrl: 'http://a'}}",
        context: "",
        expected: "spec.pythonPackages.indexUrl: is not encrypted: pip uses it only if its host is in trustedHosts",
    },
    Case {
        rule: "package-variable",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: ['a==${A}', '${B}'], indexUrl: 'https://${PYPI_USERNAME}@a'}, template: {pythonPackagesInitContainer: {env: [{name: B, value: b}]}}}",
        context: "",
        expected: "spec.pythonPackages.packages[0]: names '${A}', which is not set in the install container unless its image sets it: add it to template.pythonPackagesInitContainer.env\nspec.pythonPackages.indexUrl: names '${PYPI_USERNAME}', which is not set in the install container unless its image sets it: add it to template.pythonPackagesInitContainer.env",
    },
    Case {
        rule: "password-shown",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], indexUrl: 'https://u:p@a'}}",
        context: "",
        expected: "spec.pythonPackages.indexUrl: contains a password in clear text: use credentials or '${NAME}'",
    },
    Case {
        rule: "bucket",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], cache: {type: gcs, gcs: {bucket: A, secretRef: {name: s}}}}}",
        context: "",
        expected: "spec.pythonPackages.cache.gcs.bucket: Invalid value: \"A\": must be 3 to 63 lower-case letters, digits, '-', '_' or '.', and start and end with a letter or digit",
    },
    Case {
        rule: "bucket-key",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], cache: {type: s3, s3: {bucket: abc}}}}",
        context: "",
        expected: "spec.pythonPackages.cache.s3.secretRef: Required value: must be given unless workloadIdentity is true",
    },
    Case {
        rule: "component-name",
        kind: Kind::Table,
        patch: "metadata: {name: A}",
        context: "",
        expected: "metadata.name: Invalid value: \"A\": must be at most 57 lower-case letters, digits and '-': the pods' volumes are named after it",
    },
    Case {
        rule: "component-app",
        kind: Kind::Table,
        patch: "metadata: {labels: null}",
        context: "",
        expected: "metadata.labels[kaspr.io/app]: Required value: must name the KasprApp that runs the component",
    },
    Case {
        rule: "duration",
        kind: Kind::Agent,
        patch: "spec: {input: {take: {max: 1, within: 1w}}}",
        context: "",
        expected: "spec.input.take.within: Invalid value: \"1w\": must be digits and one of 's', 'm', 'h', 'd', such as '5s'",
    },
    Case {
        rule: "credentials-hosts",
        kind: Kind::App,
        patch: "spec: {pythonPackages: {packages: [a], indexUrl: 'https://own.example/simple', extraIndexUrls: ['https://public.example/simple'], credentials: {secretRef: {name: s}}}}",
        context: "",
        expected: "spec.pythonPackages.credentials: are sent to the host of indexUrl only: list further hosts of extraIndexUrls that need them in hosts",
    },
    Case {
        rule: "cron",
        kind: Kind::Task,
        patch: "spec: {schedule: {cron: '* * *'}}",
        context: "",
        expected: "spec.schedule.cron: Invalid value: \"* * *\": must be a cron expression of five fields: minute, hour, day, month, weekday; second and year may follow",
    },
    Case {
        rule: "time-zone",
        kind: Kind::Task,
        patch: "spec: {schedule: {cron: '* * * * *', timezone: Mars}}",
        context: "",
        expected: "spec.schedule.timezone: Invalid value: \"Mars\": must be an IANA time zone, such as 'Europe/Berlin'",
    },
    Case {
        rule: "topic-name",
        kind: Kind::Agent,
        patch: "spec: {input: {topic: {name: a/b}}}",
        context: "",
        expected: "spec.input.topic.name: Invalid value: \"a/b\": must be 1 to 249 letters, digits, '.', '_' and '-', and not '.' or '..'",
    },
    Case {
        rule: "window-size",
        kind: Kind::Table,
        patch: "spec: {window: {tumbling: {size: 5m}}}",
        context: "",
        expected: "spec.window.tumbling.size: Invalid value: \"5m\": must be whole seconds of 1 or more, as a string such as '300'",
    },
    Case {
        rule: "web-path",
        kind: Kind::WebView,
        patch: "spec: {request: {path: order}}",
        context: "",
        expected: "spec.request.path: Invalid value: \"order\": must start with '/' and have no spaces",
    },
    Case {
        rule: "operation-name",
        kind: Kind::Task,
        patch: "spec: {processors: {pipeline: [], operations: [{map: {python: 'def f(): pass'}}]}}",
        context: "",
        expected: "spec.processors.operations[0].name: Required value: must name the operation, for the pipeline to refer to it",
    },
    Case {
        rule: "operation-kind",
        kind: Kind::Task,
        patch: "spec: {processors: {operations: [{name: say}]}}",
        context: "",
        expected: "spec.processors.operations[0]: Required value: must give one of map, filter and topicSend",
    },
    Case {
        rule: "pipeline-step",
        kind: Kind::Task,
        patch: "spec: {processors: {pipeline: [sya]}}",
        context: "",
        expected: "spec.processors.pipeline[0]: Invalid value: \"sya\": must name an operation: one of 'say'",
    },
    Case {
        rule: "pipeline-empty",
        kind: Kind::Task,
        patch: "spec: {processors: {pipeline: []}}",
        context: "",
        expected: "spec.processors.pipeline: is empty: nothing is done with the values",
    },
    Case {
        rule: "task-filter",
        kind: Kind::Task,
        patch: "spec: {processors: {operations: [{name: say, filter: {python: 'def f(): pass'}}]}}",
        context: "",
        expected: "spec.processors.operations[0].filter: Forbidden: may not be used in a task: the framework fails on it, filter in a map instead",
    },
    Case {
        rule: "table-argument",
        kind: Kind::Agent,
        patch: "spec: {processors: {operations: [{name: count, tables: [{name: t, paramName: if}], map: {python: 'def f(v): pass'}}]}}",
        context: "",
        expected: "spec.processors.operations[0].tables[0].paramName: Invalid value: \"if\": must be a Python name that is not a keyword",
    },
    Case {
        rule: "python-syntax",
        kind: Kind::Join,
        patch: "spec: {extractor: {python: 'def f(v: pass'}}",
        context: "",
        expected: "spec.extractor.python: Invalid value: \"def f(v: pass\": line 1, column 10: expected an expression",
    },
    Case {
        rule: "python-function",
        kind: Kind::Join,
        patch: "spec: {extractor: {python: 'x = 1'}}",
        context: "",
        expected: "spec.extractor.python: Invalid value: \"x = 1\": must define a function",
    },
    Case {
        rule: "python-entrypoint",
        kind: Kind::Join,
        patch: "spec: {extractor: {entrypoint: kye}}",
        context: "",
        expected: "spec.extractor.entrypoint: Invalid value: \"kye\": must be the name of a function, class or other callable in python: 'key'",
    },
    Case {
        rule: "python-call",
        kind: Kind::Join,
        patch: "spec: {extractor: {python: 'def f(): pass'}}",
        context: "",
        expected: "spec.extractor.python: Invalid value: \"def f(): pass\": is called with 1 value, but 'f' takes ()",
    },
    Case {
        rule: "python-guess",
        kind: Kind::Join,
        patch: "spec: {extractor: {python: \"from a import f\\nfrom b import g\"}}",
        context: "",
        expected: "spec.extractor: has no entrypoint: the framework calls the first callable",
    },
    Case {
        rule: "path-parameter",
        kind: Kind::WebView,
        patch: "spec: {request: {path: '/order/{id}'}, processors: {pipeline: [a], operations: [{name: a, map: {python: 'def f(r): pass'}}]}}",
        context: "",
        expected: "spec.processors.operations[0].map.python: Invalid value: \"def f(r): pass\": 'f' must also take 'id' of request.path",
    },
    Case {
        rule: "name-taken",
        kind: Kind::Table,
        patch: "{}",
        context: "app\nothers {totals-table: is controlled by Deployment web}",
        expected: "metadata.name: ConfigMap totals-table is controlled by Deployment web: the component is withheld until it has another name",
    },
    Case {
        rule: "app-missing",
        kind: Kind::Table,
        patch: "{}",
        context: "",
        expected: "metadata.labels[kaspr.io/app]: Not found: \"orders\": there is no KasprApp of this name in the namespace",
    },
    Case {
        rule: "table-missing",
        kind: Kind::Join,
        patch: "{}",
        context: "app\ntable",
        expected: "spec.rightTable: Not found: \"names\": must be the name of a KasprTable of the app: one of 'totals'",
    },
    Case {
        rule: "channel-missing",
        kind: Kind::Agent,
        patch: "spec: {input: {topic: null, channel: {name: c}}}",
        context: "app",
        expected: "spec.input.channel.name: Not found: \"c\": must be the output channel of a KasprJoin of the app: none exist",
    },
    Case {
        rule: "route-twice",
        kind: Kind::WebView,
        patch: "{}",
        context: "app\nview {metadata: {name: other}}",
        expected: "spec.request.path: Invalid value: \"/order\": KasprWebView 'other' of the app answers the same method and path",
    },
    Case {
        rule: "partitions-differ",
        kind: Kind::Table,
        patch: "spec: {partitions: 2}",
        context: "app\nagent {spec: {input: {topic: {partitions: 3}}}}",
        expected: "spec.partitions: Invalid value: 2: must be 3, the partitions of the topic of agent 'counter' that uses it",
    },
    Case {
        rule: "serializers-differ",
        kind: Kind::Agent,
        patch: "spec: {input: {topic: {keySerializer: raw}}}",
        context: "app\ntable {spec: {keySerializer: json}}",
        expected: "spec.input.topic.keySerializer: is 'raw', table 'totals' has 'json': values may be encoded twice",
    },
    Case {
        rule: "secret-missing",
        kind: Kind::App,
        patch: "{}",
        context: "objects {}",
        expected: "spec.authentication.passwordSecret: Secret 'kafka-user' is not among these files",
    },
    Case {
        rule: "secret-key-missing",
        kind: Kind::App,
        patch: "{}",
        context: "objects {secrets: {kafka-user: [a]}}",
        expected: "spec.authentication.passwordSecret: Not found: \"password\": must be a key of Secret 'kafka-user': one of 'a'",
    },
    Case {
        rule: "config-map-missing",
        kind: Kind::App,
        patch: "spec: {template: {pod: {volumes: [{name: a, configMap: {name: b}}]}}}",
        context: "objects {}",
        expected: "spec.template.pod.volumes[0].configMap.name: ConfigMap 'b' is not among these files",
    },
    Case {
        rule: "python-name",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v): return vv"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: Invalid value: "def f(v): return vv": line 1, column 18: 'vv' is not defined"#,
    },
    Case {
        rule: "python-selector-scope",
        kind: Kind::Agent,
        patch: r#"spec: {output: {topics: [{name: t, keySelector: {python: "def key(v): return context"}}]}}"#,
        context: "",
        expected: r#"spec.output.topics[0].keySelector.python: Invalid value: "def key(v): return context": line 1, column 20: 'context' is not defined: a selector does not see context, so define it in this code"#,
    },
    Case {
        rule: "python-context",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v): return context['x']"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: Invalid value: "def f(v): return context['x']": line 1, column 18: context has no 'x' here, only 'app', 'event'"#,
    },
    Case {
        rule: "python-async",
        kind: Kind::Agent,
        patch: r#"spec: {output: {topics: [{name: t, keySelector: {python: "async def key(v): return v"}}]}}"#,
        context: "",
        expected: r#"spec.output.topics[0].keySelector.python: Invalid value: "async def key(v): return v": line 1, column 11: 'key' must not be async: the framework uses its coroutine without awaiting it"#,
    },
    Case {
        rule: "python-generator",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, filter: {python: 'def f(v): yield v'}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].filter.python: Invalid value: "def f(v): yield v": line 1, column 5: 'f' must not yield: a generator is always true"#,
    },
    Case {
        rule: "python-not-awaited",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "import asyncio\ndef f(v): asyncio.sleep(1)"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 2: asyncio.sleep() is never awaited: it does nothing"#,
    },
    Case {
        rule: "python-blocking",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "import time\nasync def f(v): time.sleep(1)"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 2: time.sleep() blocks the member: use await asyncio.sleep()"#,
    },
    Case {
        rule: "python-is-literal",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v): return v is 1"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 1: 'is' compares identity, not the value: use '=='"#,
    },
    Case {
        rule: "python-format",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v): return '%s %s' % (v,)"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 1: the format takes 2 arguments and gets 1"#,
    },
    Case {
        rule: "python-mutable-default",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v, a=[]): return v"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 1: the default value of 'a' is shared by all calls: use None"#,
    },
    Case {
        rule: "python-cancellation",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "async def f(v):\n  try: return v\n  except: return 1"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 3: 'except:' swallows cancellation: use 'except Exception'"#,
    },
    Case {
        rule: "python-f-string",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v): return f'a'"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 1: f-string without placeholders"#,
    },
    Case {
        rule: "python-state",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "seen = []\ndef f(v): seen.append(v)"}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].map.python: line 1: 'seen' is empty again for every value: move it to init"#,
    },
    Case {
        rule: "python-unused",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {init: {python: import json}, operations: [{name: count, map: {python: 'def f(v): return v'}}]}}"#,
        context: "",
        expected: r#"spec.processors.init.python: line 1: 'json' is not used"#,
    },
    Case {
        rule: "operation-unused",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: 'def f(v): return v'}}, {name: more, map: {python: 'def f(v): return v'}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[1].name: is not in pipeline: the operation never runs"#,
    },
    Case {
        rule: "task-topic-send",
        kind: Kind::Task,
        patch: r#"spec: {processors: {pipeline: [send], operations: [{name: send, topicSend: {name: t}}]}}"#,
        context: "",
        expected: r#"spec.processors.operations[0].topicSend: Forbidden: may not be the first operation of a task: the framework fails on it, put a map before it that returns the value"#,
    },
    Case {
        rule: "table-default",
        kind: Kind::Table,
        patch: r#"spec: {defaultSelector: {python: 'def d(): return 0'}}"#,
        context: "",
        expected: r#"spec.defaultSelector.python: Invalid value: "def d(): return 0": line 1, column 5: 'd' must return a class or function, such as int, that makes the default value"#,
    },
    Case {
        rule: "python-version",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v): return t'{v}'"}}]}}"#,
        context: r#"app"#,
        expected: r#"spec.processors.operations[0].map.python: Invalid value: "def f(v): return t'{v}'": line 1, column 18: cannot use t-strings on Python 3.12 (syntax was added in Python 3.14)"#,
    },
    Case {
        rule: "python-name",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "def f(v: Dict) -> Ordr: return v"}}]}}"#,
        context: r#"app"#,
        expected: "spec.processors.operations[0].map.python: Invalid value: \"def f(v: Dict) -> Ordr: return v\": line 1, column 10: 'Dict' is not defined: add 'from typing import Dict'\nspec.processors.operations[0].map.python: Invalid value: \"def f(v: Dict) -> Ordr: return v\": line 1, column 19: 'Ordr' is not defined: an annotation is evaluated where the function is defined",
    },
    Case {
        rule: "python-package",
        kind: Kind::Agent,
        patch: r#"spec: {processors: {operations: [{name: count, map: {python: "import cv2\ndef f(v): return cv2"}}]}}"#,
        context: r#"app"#,
        expected: r#"spec.processors.operations[0].map.python: line 1: 'cv2' is not in the image: add 'opencv-python' to pythonPackages"#,
    },
    Case {
        rule: "topic-loop",
        kind: Kind::Agent,
        patch: r#"spec: {output: {topics: [{name: orders}]}}"#,
        context: r#"app"#,
        expected: r#"spec.output.topics[0].name: 'orders' is an input of the agent: it feeds itself"#,
    },
    Case {
        rule: "table-not-global",
        kind: Kind::Task,
        patch: r#"spec: {processors: {operations: [{name: work, tables: [{name: totals, paramName: totals}], map: {python: 'def f(totals): return 1'}}]}}"#,
        context: r#"app {spec: {replicas: 2}}
table"#,
        expected: r#"spec.processors.operations[0].tables[0].name: 'totals' is not global: a member has only its partitions"#,
    },
    Case {
        rule: "regular-expression",
        kind: Kind::Agent,
        patch: r#"spec: {input: {topic: {name: null, pattern: '(a'}}}"#,
        context: r#""#,
        expected: r#"spec.input.topic.pattern: Invalid value: "(a": Python refuses it: missing ), unterminated subpattern"#,
    },
    Case {
        rule: "reserved-path",
        kind: Kind::WebView,
        patch: r#"spec: {request: {path: /status/}}"#,
        context: r#""#,
        expected: r#"spec.request.path: is a path of the framework, which answers it"#,
    },
    Case {
        rule: "environment-replaced",
        kind: Kind::App,
        patch: r#"spec: {template: {kasprContainer: {env: [{name: POD_NAME, value: a}]}}}"#,
        context: r#""#,
        expected: r#"spec.template.kasprContainer.env[0].name: replaces the operator's POD_NAME"#,
    },
];

/// Returns the messages of the rule of a case.
fn messages<T: ValidateUpdate + DeserializeOwned>(manifest: &str, case: &Case) -> Vec<String> {
    let (new, old): (T, T) = (patched(manifest, case.patch), patched(manifest, "{}"));
    let found = review(&new, None, Some(&context(case.context)));
    let errors = found.errors.iter().map(|error| (error.rule.id, error.to_string()));
    let warnings = found.warnings.iter().map(|warning| (warning.rule.id, warning.to_string()));
    let changed = review(&new, Some(&old), Some(&context(case.context)));
    let of_changes = [rule::IMMUTABLE, rule::SHRINK, rule::CLAIM_CANNOT_GROW];
    let changes = changed.errors.iter().filter(|error| of_changes.contains(&error.rule));
    let changes = changes.map(|error| (error.rule.id, error.to_string()));
    let all = errors.chain(warnings).chain(changes);
    all.filter(|(id, _)| *id == case.rule).map(|(_, message)| message).collect()
}

#[test]
fn every_rule_has_the_expected_message() {
    let mut wrong = Vec::new();
    for case in CASES {
        let found = match case.kind {
            Kind::App => messages::<KasprApp>(APP, case),
            Kind::Agent => messages::<KasprAgent>(AGENT, case),
            Kind::Table => messages::<KasprTable>(TABLE, case),
            Kind::Task => messages::<KasprTask>(TASK, case),
            Kind::WebView => messages::<KasprWebView>(VIEW, case),
            Kind::Join => messages::<KasprJoin>(JOIN, case),
        }
        .join("\n");
        if found != case.expected {
            wrong.push(format!("{}\n  expected: {}\n  got:      {found}", case.rule, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case() {
    let cases: BTreeSet<&str> =
        CASES.iter().map(|case| case.rule).chain([RULES_OF_FILES, TESTED_ELSEWHERE].concat()).collect();
    let rules: BTreeSet<&str> = rule::all().map(|rule| rule.id).collect();
    assert_eq!(cases, rules);
    assert_eq!(rules.len(), rule::all().count(), "an id is not unique");
}
