use super::{assert_accepted, assert_errors, assert_warnings};
use crate::api::{KasprJoin, KasprTable, KasprTask, KasprWebView};

const DURATION: &str = "must be digits and one of 's', 'm', 'h', 'd', such as '5s'";
const LABEL: (&str, &str) = (
    "metadata: {labels: null}",
    "metadata.labels[kaspr.io/app]: Required value: must name the KasprApp that runs the component",
);
const SOURCE: &str = "Required value: must contain Python source";

#[test]
fn tables() {
    const TABLE: &str = "
metadata: {name: totals, labels: {kaspr.io/app: orders}}
spec: {name: totals}
";
    const SECONDS: &str = "must be whole seconds of 1 or more, as a string such as '300'";
    assert_errors::<KasprTable>(
        TABLE,
        &[
            LABEL,
            ("spec: {partitions: 0}", "spec.partitions: Invalid value: 0: must be 1 or more"),
            ("spec: {defaultSelector: {python: ''}}", &format!("spec.defaultSelector.python: {SOURCE}")),
            ("spec: {window: {}}", "spec.window: Required value: must give either tumbling or hopping"),
            (
                "spec: {window: {tumbling: {size: '1'}, hopping: {size: '1', step: '1'}}}",
                "spec.window.hopping: Forbidden: must not be given together with tumbling",
            ),
            (
                "spec: {window: {tumbling: {}}}",
                "spec.window.tumbling.size: Required value: must be whole seconds, as a string such as '300'",
            ),
            (
                "spec: {window: {tumbling: {size: 5m}}}",
                &format!("spec.window.tumbling.size: Invalid value: \"5m\": {SECONDS}"),
            ),
            (
                "spec: {window: {tumbling: {size: '0'}}}",
                &format!("spec.window.tumbling.size: Invalid value: \"0\": {SECONDS}"),
            ),
            (
                "spec: {window: {tumbling: {size: '1', expires: 1w}}}",
                &format!("spec.window.tumbling.expires: Invalid value: \"1w\": {DURATION}"),
            ),
            (
                "spec: {window: {hopping: {step: '1'}}}",
                "spec.window.hopping.size: Required value: must be whole seconds, as a string such as '300'",
            ),
            (
                "spec: {window: {hopping: {size: '9', step: '1.5'}}}",
                &format!("spec.window.hopping.step: Invalid value: \"1.5\": {SECONDS}"),
            ),
            (
                "spec: {window: {hopping: {size: '9', step: '1', expires: ''}}}",
                &format!("spec.window.hopping.expires: Invalid value: \"\": {DURATION}"),
            ),
            (
                "spec: {window: {tumbling: {size: '1'}, relativeTo: custom}}",
                "spec.window.relativeToSelector: Required value: must be given when relativeTo is 'custom'",
            ),
            (
                "spec: {window: {tumbling: {size: '1'}, relativeTo: custom, relativeToSelector: {python: ''}}}",
                &format!("spec.window.relativeToSelector.python: {SOURCE}"),
            ),
        ],
    );
    assert_accepted::<KasprTable>(
        TABLE,
        &[
            "{}",
            "spec: {global: true, partitions: 4, keySerializer: raw, defaultSelector: {python: 'def f(): return int'}}",
        ],
    );
    assert_warnings::<KasprTable>(
        TABLE,
        &[(
            "spec: {window: {hopping: {size: '300', step: '60', expires: 1h}, relativeTo: now}}",
            "spec.window: has no effect: the framework does not implement windows of tables",
        )],
    );
}

#[test]
fn tasks() {
    const TASK: &str = "
metadata: {name: sweep, labels: {kaspr.io/app: orders}}
spec:
  name: sweep
  processors: {pipeline: [sweep], operations: [{name: sweep, map: {python: 'def sweep(): return None'}}]}
";
    const CRON: &str = "must be a cron expression of five fields: minute, hour, day, month, weekday; second and year may follow";
    const MINUTE: &str = "in the field minute, which accepts numbers from 0 to 59, ranges, lists and steps";
    const ZONE: &str = "must be an IANA time zone, such as 'Europe/Berlin'";
    let cron = |(cron, why): (&str, String)| {
        (
            format!("spec: {{schedule: {{cron: '{cron}'}}}}"),
            format!("spec.schedule.cron: Invalid value: \"{cron}\": {why}"),
        )
    };
    let rows = [
        ("", CRON.to_owned()),
        ("* * * *", CRON.to_owned()),
        ("@reboot", CRON.to_owned()),
        ("61 * * * *", format!("has '61' {MINUTE}")),
        ("a b c d e", format!("has 'a' {MINUTE}")),
        ("*/0 * * * *", format!("has '*/0' {MINUTE}")),
        ("1,,2 * * * *", format!("has '' {MINUTE}")),
        ("0 0 15W * *", "has '15w' in the field day, which accepts numbers from 1 to 31, ranges, lists and steps".to_owned()),
        ("0 0 * * 5L", "has '5l' in the field weekday, which accepts numbers from 0 to 6, names such as 'mon', ranges, lists and steps".to_owned()),
        ("0 0 * * 1,2#1", "must not mix weekdays with the n-th weekday of a month".to_owned()),
        ("0 0 30 2 *", "never occurs: none of its months has such a day".to_owned()),
    ]
    .map(cron);
    let rows: Vec<(&str, &str)> = rows.iter().map(|(patch, line)| (patch.as_str(), line.as_str())).collect();
    assert_errors::<KasprTask>(TASK, &rows);
    assert_errors::<KasprTask>(
        TASK,
        &[
            LABEL,
            (
                "spec: {schedule: {cron: '* * * * *', interval: 5s}}",
                "spec.schedule.interval: Forbidden: must not be given together with cron",
            ),
            (
                "spec: {schedule: {interval: '5'}}",
                &format!("spec.schedule.interval: Invalid value: \"5\": {DURATION}"),
            ),
            (
                "spec: {schedule: {cron: '* * * * *', timezone: Berlin}}",
                &format!("spec.schedule.timezone: Invalid value: \"Berlin\": {ZONE}"),
            ),
            (
                "spec: {schedule: {cron: '* * * * *', timezone: europe/berlin}}",
                &format!("spec.schedule.timezone: Invalid value: \"europe/berlin\": {ZONE}"),
            ),
            (
                "spec: {processors: {operations: [{name: sweep, filter: {python: 'def f(): return True'}}]}}",
                "spec.processors.operations[0].filter: Forbidden: may not be used in a task: the framework fails on it, filter in a map instead",
            ),
            (
                "spec: {processors: {operations: [{name: sweep, map: {python: ''}}]}}",
                &format!("spec.processors.operations[0].map.python: {SOURCE}"),
            ),
        ],
    );
    assert_accepted::<KasprTask>(
        TASK,
        &[
            "{}",
            "spec: {schedule: {interval: 30s}, onLeader: true}",
            "spec: {schedule: {cron: '*/5 0-6,22 1,15 jan-mar mon-fri', timezone: Europe/Berlin}}",
            "spec: {schedule: {cron: '0 0 * * 0', timezone: UTC}}",
            "spec: {schedule: {cron: '@hourly'}}",
            "spec: {schedule: {cron: '0/5 * * * *'}}",
            "spec: {schedule: {cron: '* * * * * */10'}}",
            "spec: {schedule: {cron: '0 0 l * l5'}}",
        ],
    );
    assert_warnings::<KasprTask>(
        TASK,
        &[(
            "spec: {schedule: {interval: 5s, timezone: UTC}}",
            "spec.schedule.timezone: has no effect without cron",
        )],
    );
}

#[test]
fn other_names_have_no_effect() {
    let warning = |resource: &str| {
        format!("spec.name: has no effect: the app calls the component '{resource}', its metadata.name")
    };
    let rows = ["spec: {name: other}", "spec: {name: ''}"];
    for patch in rows {
        assert_warnings::<KasprWebView>(VIEW, &[(patch, &warning("lookup"))]);
    }
    const TABLE: &str = "{metadata: {name: totals, labels: {kaspr.io/app: orders}}, spec: {name: totals}}";
    assert_warnings::<KasprTable>(TABLE, &[("spec: {name: 'order/totals'}", &warning("totals"))]);
    assert_accepted::<KasprTable>(TABLE, &["metadata: {name: null, generateName: totals-}"]);
}

#[test]
fn joins() {
    const JOIN: &str = "
metadata: {name: order-products, labels: {kaspr.io/app: orders}}
spec: {leftTable: orders, rightTable: products, extractor: {python: 'def f(v): return v'}}
";
    const TABLE: &str = "Required value: must be the name of a KasprTable of the same app";
    assert_errors::<KasprJoin>(
        JOIN,
        &[
            LABEL,
            ("spec: {leftTable: ''}", &format!("spec.leftTable: {TABLE}")),
            ("spec: {rightTable: ''}", &format!("spec.rightTable: {TABLE}")),
            ("spec: {extractor: {python: ''}}", &format!("spec.extractor.python: {SOURCE}")),
        ],
    );
    assert_accepted::<KasprJoin>(
        JOIN,
        &["{}", "spec: {name: order-products, type: left, outputChannel: pairs}"],
    );
}

const VIEW: &str = "
metadata: {name: lookup, labels: {kaspr.io/app: orders}}
spec:
  name: lookup
  request: {method: GET, path: '/order/{id}'}
  processors: {pipeline: [find], operations: [{name: find, map: {python: 'def find(request, **keys): return keys'}}]}
";

#[test]
fn webviews() {
    const PATH: &str = "must start with '/' and have no spaces";
    const BRACES: &str =
        "must have parameters in braces, each a name of letters, digits and '_', such as '/order/{id}'";
    let path = |path: &str, why: &str| {
        (
            format!("spec: {{request: {{path: '{path}'}}}}"),
            format!("spec.request.path: Invalid value: \"{path}\": {why}"),
        )
    };
    let rows = [
        path("", PATH),
        path("order", PATH),
        path("/a b", PATH),
        path("/{order-id}", BRACES),
        path("/{}", BRACES),
        path("/{id", BRACES),
        path("/id}", BRACES),
        path("/{id:}", BRACES),
        path("/{id:[{{]}}}", BRACES),
        path("/{id}/{id}", "must not name a parameter twice"),
        path("/a?b=c", "must not contain '?': no path of a request does"),
        path("/{id}#a", "must not contain '#': no path of a request does"),
        path("/{id:[0-9}", "must have expressions that Python accepts, but 'id': unterminated character set"),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(patch, line)| (patch.as_str(), line.as_str())).collect();
    assert_errors::<KasprWebView>(VIEW, &rows);
    let table = "spec: {processors: {operations: [{name: find, tables: [{name: t, paramName: id}], map: {python: 'def f(r, id, orders): return id'}}]}}";
    assert_errors::<KasprWebView>(
        VIEW,
        &[
            LABEL,
            (
                table,
                "spec.processors.operations[0].tables[0].paramName: Invalid value: \"id\": must not be the name of a parameter of request.path",
            ),
        ],
    );
    assert_accepted::<KasprWebView>(
        VIEW,
        &[
            "{}",
            "spec: {processors: null}",
            "spec: {request: {path: /}}",
            "spec: {request: {path: '/a/{x}/{y:[0-9]{2}}/{_z2:a|b}/{n:x?#}'}}",
            &table.replace("paramName: id", "paramName: orders"),
        ],
    );
}

#[test]
fn responses() {
    assert_errors::<KasprWebView>(
        VIEW,
        &[
            (
                "spec: {response: {statusCode: 99}}",
                "spec.response.statusCode: Invalid value: 99: must be from 100 to 599",
            ),
            (
                "spec: {response: {statusCode: 200, statusCodeSelector: {}}}",
                "spec.response.statusCodeSelector: Forbidden: must not be given together with statusCode",
            ),
            (
                "spec: {response: {headers: {a: b}, headersSelector: {}}}",
                "spec.response.headersSelector: Forbidden: must not be given together with headers",
            ),
            (
                "spec: {response: {bodySelector: {onSuccess: {python: ''}}}}",
                &format!("spec.response.bodySelector.onSuccess.python: {SOURCE}"),
            ),
            (
                "spec: {response: {headersSelector: {onError: {python: ''}}}}",
                &format!("spec.response.headersSelector.onError.python: {SOURCE}"),
            ),
            (
                "spec: {response: {statusCodeSelector: {onError: {python: ''}}}}",
                &format!("spec.response.statusCodeSelector.onError.python: {SOURCE}"),
            ),
        ],
    );
    assert_accepted::<KasprWebView>(
        VIEW,
        &[
            "spec: {response: {statusCode: 201, headers: {}, headersSelector: {onSuccess: {python: 'def h(v): return {}'}}}}",
        ],
    );
}
