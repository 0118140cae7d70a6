use super::{APP, assert_accepted, assert_errors, assert_warnings};
use crate::api::KasprApp;

#[test]
fn names() {
    const FORM: &str = "must be lower-case letters, digits and '-', start with a letter and end with a letter or digit: Services are named after the app";
    let forty_nine = "a".repeat(49);
    assert_errors::<KasprApp>(
        APP,
        &[
            ("metadata: {name: 2fast}", &format!("metadata.name: Invalid value: \"2fast\": {FORM}")),
            ("metadata: {name: my.app}", &format!("metadata.name: Invalid value: \"my.app\": {FORM}")),
            ("metadata: {name: app-}", &format!("metadata.name: Invalid value: \"app-\": {FORM}")),
            (
                &format!("metadata: {{name: {forty_nine}}}"),
                &format!(
                    "metadata.name: Invalid value: \"{forty_nine}\": must have at most 48 characters: the pods' labels hold it with a suffix"
                ),
            ),
            (
                &format!("metadata: {{name: null, generateName: {}}}", "a".repeat(44)),
                &format!(
                    "metadata.generateName: Invalid value: \"{}00000\": must have at most 48 characters: the pods' labels hold it with a suffix",
                    "a".repeat(44)
                ),
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            &format!("metadata: {{name: {}}}", "a".repeat(48)),
            "metadata: {name: null, generateName: orders-}",
        ],
    );
}

#[test]
fn version_and_image() {
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {version: 0.11.10}",
                "spec.version: Unsupported value: \"0.11.10\": supported values: \"0.11.19\", \"0.11.18\", \"0.11.17\", \"0.11.16\", \"0.11.15\", \"0.11.14\", \"0.11.13\", \"0.11.12\", \"0.11.11\", \"0.11.9\", \"0.11.8\", \"0.11.7\"",
            ),
            ("spec: {image: ''}", "spec.image: Required value: must name an image, or be left out"),
            (
                "spec: {image: 'kaspr: latest'}",
                "spec.image: Invalid value: \"kaspr: latest\": must name an image, without spaces",
            ),
        ],
    );
    assert_warnings::<KasprApp>(
        APP,
        &[(
            "spec: {version: 9.9.9, image: own/kaspr}",
            "spec.version: is not known to this operator: spec.image decides what runs",
        )],
    );
    assert_accepted::<KasprApp>(
        APP,
        &["spec: {version: 0.11.7}", "spec: {image: 'registry.example.com:5000/own/kaspr@sha256:00'}"],
    );
}

#[test]
fn brokers() {
    const FORM: &str = "must be host:port";
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {bootstrapServers: ' '}",
                "spec.bootstrapServers: Required value: must name at least one broker as host:port",
            ),
            (
                "spec: {bootstrapServers: 'kafka://a:9092,kafka://b:9092,http://c:9092'}",
                "spec.bootstrapServers: Invalid value: \"kafka://a:9092\": must be host:port without a scheme\n\
                 spec.bootstrapServers: Invalid value: \"http://c:9092\": must be host:port without a scheme",
            ),
            (
                "spec: {bootstrapServers: 'a b:9092'}",
                &format!("spec.bootstrapServers: Invalid value: \"a b:9092\": {FORM}"),
            ),
            (
                "spec: {bootstrapServers: '::1:9092'}",
                &format!("spec.bootstrapServers: Invalid value: \"::1:9092\": {FORM}"),
            ),
            (
                "spec: {bootstrapServers: '[::z]:9092'}",
                &format!("spec.bootstrapServers: Invalid value: \"[::z]:9092\": {FORM}"),
            ),
            (
                "spec: {bootstrapServers: 'me:secret@a:9092'}",
                &format!("spec.bootstrapServers: Invalid value: \"***@a:9092\": {FORM}"),
            ),
            (
                "spec: {bootstrapServers: 'a:0,b:65536,c:+1,d:'}",
                "spec.bootstrapServers: Invalid value: \"a:0\": must have a port from 1 to 65535\n\
                 spec.bootstrapServers: Invalid value: \"b:65536\": must have a port from 1 to 65535\n\
                 spec.bootstrapServers: Invalid value: \"c:+1\": must have a port from 1 to 65535\n\
                 spec.bootstrapServers: Invalid value: \"d:\": must have a port from 1 to 65535",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {bootstrapServers: 'kafka-0.kafka:9092, kafka-1.kafka:9092'}",
            "spec: {bootstrapServers: kafka}",
            "spec: {bootstrapServers: 'a:9092;b:9092,kafka://c:9092,'}",
            "spec: {bootstrapServers: '10.0.0.1:9092,[2001:db8::1]:9092,my_broker:1'}",
        ],
    );
}

#[test]
fn authentication() {
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {authentication: {username: null}}",
                "spec.authentication.username: Required value: must name the user",
            ),
            (
                "spec: {authentication: {passwordSecret: null}}",
                "spec.authentication.passwordSecret: Required value: must name the Secret that holds the password",
            ),
            (
                "spec: {authentication: {passwordSecret: {secretName: null}}}",
                "spec.authentication.passwordSecret.secretName: Required value: must name a Secret in the app's namespace",
            ),
            (
                "spec: {authentication: {passwordSecret: {secretName: Kafka}}}",
                "spec.authentication.passwordSecret.secretName: Invalid value: \"Kafka\": must be the name of a Secret: lower-case letters, digits, '-' and '.'",
            ),
            (
                "spec: {authentication: {passwordSecret: {passwordKey: ''}}}",
                "spec.authentication.passwordSecret.passwordKey: Required value: must name a key of the Secret",
            ),
            (
                "spec: {authentication: {passwordSecret: {passwordKey: a/b}}}",
                "spec.authentication.passwordSecret.passwordKey: Invalid value: \"a/b\": must be a key of a Secret: letters, digits, '-', '_' and '.'",
            ),
        ],
    );
    assert_warnings::<KasprApp>(
        APP,
        &[(
            "spec: {tls: null, authentication: {type: plain}}",
            "spec.authentication.type: sends the password unencrypted: add spec.tls",
        )],
    );
    assert_accepted::<KasprApp>(APP, &["spec: {tls: null}", "spec: {authentication: {type: plain}}"]);
}

#[test]
fn replicas_and_probes() {
    assert_errors::<KasprApp>(
        APP,
        &[
            ("spec: {replicas: -1}", "spec.replicas: Invalid value: -1: must be 0 or more"),
            (
                "spec: {livenessProbe: {successThreshold: 2}}",
                "spec.livenessProbe.successThreshold: Invalid value: 2: must be 1 for a liveness probe",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {replicas: 0}",
            "spec: {replicas: 4, config: {topicPartitions: 4}}",
            "spec: {livenessProbe: {successThreshold: 1}, readinessProbe: {successThreshold: 3}}",
        ],
    );
}

#[test]
fn resources() {
    const QUANTITY: &str = "must be a quantity, such as '250m' or '512Mi'";
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {resources: {requests: {cpu: lots}}}",
                &format!("spec.resources.requests[cpu]: Invalid value: \"lots\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: Gi}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"Gi\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: '1 Gi'}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"1 Gi\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: 1GB}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"1GB\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: 1.2.3}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"1.2.3\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: '1e'}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"1e\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: '1e999'}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"1e999\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {memory: 'inf'}}}",
                &format!("spec.resources.limits[memory]: Invalid value: \"inf\": {QUANTITY}"),
            ),
            (
                "spec: {resources: {limits: {cpu: '-1'}}}",
                "spec.resources.limits[cpu]: Invalid value: \"-1\": must be 0 or more",
            ),
            (
                "spec: {resources: {requests: {memory: 1Gi}, limits: {memory: 1000Mi}}}",
                "spec.resources.requests[memory]: Invalid value: \"1Gi\": must be less than or equal to the memory limit of 1000Mi",
            ),
            (
                "spec: {resources: {requests: {cpus: '1'}}}",
                "spec.resources.requests[cpus]: Invalid value: \"cpus\": must be 'cpu', 'memory', 'ephemeral-storage', 'hugepages-SIZE' or a name such as 'example.com/gpu'",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {resources: {requests: {cpu: 250m, memory: 512Mi}, limits: {memory: 1Gi}}}",
            "spec: {resources: {requests: {cpu: '1'}, limits: {cpu: 1000m}}}",
            "spec: {resources: {requests: {memory: '1e9', ephemeral-storage: 2E}, limits: {hugepages-2Mi: 100Mi, example.com/gpu: '1'}}}",
            "spec: {resources: {requests: {cpu: '.5', memory: 1.5Gi}, limits: {cpu: '+1'}}}",
            "spec: {resources: {requests: {cpu: 700m, memory: 1E}, limits: {cpu: '0.7', memory: '1E18'}}}",
        ],
    );
}

#[test]
fn storage() {
    const QUANTITY: &str = "must be a quantity, such as '500Mi' or '10Gi'";
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {storage: {size: null}}",
                "spec.storage.size: Required value: must be given when type is 'persistent-claim', such as '10Gi'",
            ),
            (
                "spec: {storage: {size: big}}",
                &format!("spec.storage.size: Invalid value: \"big\": {QUANTITY}"),
            ),
            ("spec: {storage: {size: ''}}", &format!("spec.storage.size: Invalid value: \"\": {QUANTITY}")),
            ("spec: {storage: {size: '0'}}", "spec.storage.size: Invalid value: \"0\": must be more than 0"),
            (
                "spec: {storage: {class: Fast_SSD}}",
                "spec.storage.class: Invalid value: \"Fast_SSD\": must be the name of a StorageClass: lower-case letters, digits, '-' and '.'",
            ),
            (
                "spec: {storage: {type: ephemeral, size: -1Gi}}",
                "spec.storage.size: Invalid value: \"-1Gi\": must be more than 0",
            ),
        ],
    );
    assert_warnings::<KasprApp>(
        APP,
        &[
            (
                "spec: {storage: null}",
                "spec.storage: is not given: tables are rebuilt from Kafka at every start of a pod",
            ),
            (
                "spec: {storage: {type: ephemeral, class: fast, deleteClaim: true}}",
                "spec.storage.class: has no effect when type is 'ephemeral'\n\
                 spec.storage.deleteClaim: has no effect when type is 'ephemeral'",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {storage: {type: ephemeral, size: null}}",
            "spec: {storage: {type: ephemeral, size: 1Gi}}",
            "spec: {storage: {class: fast.ssd, deleteClaim: true}}",
            "spec: {storage: {class: ''}}",
        ],
    );
}
