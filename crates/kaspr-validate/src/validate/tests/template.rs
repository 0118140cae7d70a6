use super::{APP, assert_accepted, assert_errors, assert_warnings};
use crate::api::KasprApp;

#[test]
fn labels_and_annotations() {
    const VALUE: &str = "must have at most 63 letters, digits, '-', '_' or '.'";
    const KEY: &str =
        "must be a name of at most 63 letters, digits, '-', '_' or '.', with an optional 'domain/' before it";
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {template: {pod: {metadata: {labels: {team: a b}}}}}",
                &format!("spec.template.pod.metadata.labels[team]: Invalid value: \"a b\": {VALUE}"),
            ),
            (
                "spec: {template: {service: {metadata: {labels: {'a b': c}}}}}",
                &format!("spec.template.service.metadata.labels[a b]: Invalid value: \"a b\": {KEY}"),
            ),
            (
                "spec: {template: {serviceAccount: {metadata: {annotations: {a/b/c: d}}}}}",
                &format!(
                    "spec.template.serviceAccount.metadata.annotations[a/b/c]: Invalid value: \"a/b/c\": {KEY}"
                ),
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {template: {pod: {metadata: {labels: {example.com/team: '', a_B.c: '1'}, annotations: {a: 'any {text}'}}}}}",
        ],
    );
}

#[test]
fn volumes() {
    const NAME: &str = "must be lower-case letters, digits and '-', at most 63";
    let at = "spec.template.pod";
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {template: {pod: {volumes: [{name: A, emptyDir: {}}]}}}",
                &format!("{at}.volumes[0].name: Invalid value: \"A\": {NAME}"),
            ),
            (
                "spec: {template: {pod: {volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]}}}",
                &format!("{at}.volumes[1].name: Duplicate value: \"a\""),
            ),
            (
                "spec: {template: {pod: {volumes: [{name: a}]}}}",
                &format!("{at}.volumes[0]: Invalid value: \"a\": must have exactly one source, has 0"),
            ),
            (
                "spec: {template: {pod: {volumes: [{name: a, emptyDir: {}, secret: {secretName: b}}]}}}",
                &format!("{at}.volumes[0]: Invalid value: \"a\": must have exactly one source, has 2"),
            ),
            (
                "spec: {template: {pod: {volumes: [{name: orders-app-pv, emptyDir: {}}]}}}",
                &format!(
                    "{at}.volumes[0].name: Forbidden: 'orders-app-pv' is the name of a volume that the operator adds"
                ),
            ),
            (
                "spec: {template: {pod: {imagePullSecrets: [{name: ''}]}}}",
                &format!(
                    "{at}.imagePullSecrets[0].name: Required value: must name a Secret in the app's namespace"
                ),
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {template: {pod: {volumes: [{name: a, emptyDir: {}}, {name: b, secret: {secretName: c}}]}}}",
            "spec: {template: {pod: {volumes: [{name: orders-app-packages, emptyDir: {}}, {name: gcs-sa-key, emptyDir: {}}]}}}",
        ],
    );
}

#[test]
fn environment() {
    let at = "spec.template.kasprContainer.env";
    const ONE: &str =
        "Forbidden: must give exactly one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef";
    const MAP: &str = "Required value: must name a ConfigMap in the app's namespace and a key of it";
    let one = |variable: &str| format!("spec: {{template: {{kasprContainer: {{env: [{variable}]}}}}}}");
    for (variable, line) in [
        ("{name: '', value: a}", format!("{at}[0].name: Required value: must name the variable")),
        (
            "{name: A=B, value: a}",
            format!(
                "{at}[0].name: Invalid value: \"A=B\": must be printable characters without '=' and spaces"
            ),
        ),
        ("{name: A, value: a}, {name: A, value: b}", format!("{at}[1].name: Duplicate value: \"A\"")),
        (
            "{name: A, value: a, valueFrom: {fieldRef: {fieldPath: metadata.name}}}",
            format!("{at}[0].valueFrom: Forbidden: must not be given together with value"),
        ),
        ("{name: A, valueFrom: {}}", format!("{at}[0].valueFrom: {ONE}")),
        (
            "{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}, secretKeyRef: {name: a, key: b}}}",
            format!("{at}[0].valueFrom: {ONE}"),
        ),
        (
            "{name: A, valueFrom: {secretKeyRef: {name: '', key: b}}}",
            format!(
                "{at}[0].valueFrom.secretKeyRef.name: Required value: must name a Secret in the app's namespace"
            ),
        ),
        (
            "{name: A, valueFrom: {secretKeyRef: {name: a, key: ''}}}",
            format!("{at}[0].valueFrom.secretKeyRef.key: Required value: must name a key of the Secret"),
        ),
        (
            "{name: A, valueFrom: {configMapKeyRef: {name: '', key: a}}}",
            format!("{at}[0].valueFrom.configMapKeyRef.name: {MAP}"),
        ),
        (
            "{name: A, valueFrom: {configMapKeyRef: {name: a, key: ''}}}",
            format!("{at}[0].valueFrom.configMapKeyRef.key: {MAP}"),
        ),
    ] {
        assert_errors::<KasprApp>(APP, &[(&one(variable), &line)]);
        let init = |text: &str| text.replace("kasprContainer", "pythonPackagesInitContainer");
        assert_errors::<KasprApp>(APP, &[(&init(&one(variable)), &init(&line))]);
    }
    assert_warnings::<KasprApp>(
        APP,
        &[(&one("{name: A}"), &format!("{at}[0]: has neither value nor valueFrom: the variable is empty"))],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            &one("{name: A, value: ''}, {name: a.b-c, valueFrom: {secretKeyRef: {name: a, key: b}}}"),
            &one("{name: A, value: '', valueFrom: {configMapKeyRef: {name: a, key: b}}}"),
        ],
    );
}

#[test]
fn mounts() {
    const VOLUME: &str = "must name a volume of spec.template.pod.volumes";
    const RELATIVE: &str = "must be a relative path without '..'";
    let at = "spec.template.kasprContainer.volumeMounts";
    let with = format!(
        "{APP}  template: {{pod: {{volumes: [{{name: ca, emptyDir: {{}}}}, {{name: tmp, emptyDir: {{}}}}]}}}}\n"
    );
    let one = |mount: &str| format!("spec: {{template: {{kasprContainer: {{volumeMounts: [{mount}]}}}}}}");
    for (mount, line) in [
        (
            "{name: cb, mountPath: /a}",
            format!("{at}[0].name: Invalid value: \"cb\": {VOLUME}: one of 'ca', 'tmp'"),
        ),
        (
            "{name: ca, mountPath: ''}",
            format!("{at}[0].mountPath: Invalid value: \"\": must be a path without ':'"),
        ),
        (
            "{name: ca, mountPath: 'C:/a'}",
            format!("{at}[0].mountPath: Invalid value: \"C:/a\": must be a path without ':'"),
        ),
        (
            "{name: ca, mountPath: /a}, {name: tmp, mountPath: /a/}",
            format!("{at}[1].mountPath: Duplicate value: \"/a/\""),
        ),
        (
            "{name: ca, mountPath: /var/lib/data/tables}",
            format!("{at}[0].mountPath: Forbidden: '/var/lib/data/tables' is mounted by the operator"),
        ),
        (
            "{name: ca, mountPath: /a, subPath: a, subPathExpr: b}",
            format!("{at}[0].subPathExpr: Forbidden: must not be given together with subPath"),
        ),
        (
            "{name: ca, mountPath: /a, subPath: /b}",
            format!("{at}[0].subPath: Invalid value: \"/b\": {RELATIVE}"),
        ),
        (
            "{name: ca, mountPath: /a, subPathExpr: b/../c}",
            format!("{at}[0].subPathExpr: Invalid value: \"b/../c\": {RELATIVE}"),
        ),
    ] {
        assert_errors::<KasprApp>(&with, &[(&one(mount), &line)]);
    }
    assert_errors::<KasprApp>(
        APP,
        &[(
            &one("{name: ca, mountPath: /a}"),
            &format!("{at}[0].name: Invalid value: \"ca\": {VOLUME}: none exist"),
        )],
    );
    assert_accepted::<KasprApp>(
        &with,
        &[
            &one("{name: ca, mountPath: /a, subPath: b/c}, {name: orders-app-pv, mountPath: /b}"),
            // Without packages, the operator does not mount anything at this path.
            &one("{name: ca, mountPath: /opt/kaspr/packages}"),
        ],
    );
}

/// The mounts of the operator depend on other fields of the spec.
#[test]
fn mounts_of_the_operator() {
    let gcs =
        "pythonPackages: {packages: [a], cache: {type: gcs, gcs: {bucket: abc, secretRef: {name: sa}}}}";
    let with = format!(
        "{APP}  config: {{tableDir: /tables/}}\n  {gcs}\n  template: {{pod: {{volumes: [{{name: ca, emptyDir: {{}}}}]}}}}\n"
    );
    let mount = |container: &str, path: &str| {
        (
            format!(
                "spec: {{template: {{{container}: {{volumeMounts: [{{name: ca, mountPath: {path}}}]}}}}}}"
            ),
            format!(
                "spec.template.{container}.volumeMounts[0].mountPath: Forbidden: '{path}' is mounted by the operator"
            ),
        )
    };
    for (patch, line) in [
        mount("kasprContainer", "/tables"),
        mount("kasprContainer", "/opt/kaspr/packages"),
        mount("pythonPackagesInitContainer", "/opt/kaspr/packages"),
        mount("pythonPackagesInitContainer", "/var/run/secrets/gcs"),
    ] {
        assert_errors::<KasprApp>(&with, &[(&patch, &line)]);
    }
    for name in ["orders-app-packages", "gcs-sa-key"] {
        assert_errors::<KasprApp>(
            &with,
            &[(
                &format!("spec: {{template: {{pod: {{volumes: [{{name: {name}, emptyDir: {{}}}}]}}}}}}"),
                &format!(
                    "spec.template.pod.volumes[0].name: Forbidden: '{name}' is the name of a volume that the operator adds"
                ),
            )],
        );
    }
    assert_accepted::<KasprApp>(
        &with,
        &[
            &mount("kasprContainer", "/var/lib/data/tables").0,
            &mount("kasprContainer", "/var/run/secrets/gcs").0,
        ],
    );
}
