use super::{APP, assert_accepted, assert_errors, assert_warnings, errors, patched, warnings};
use crate::api::{
    KasprApp,
    config_keys::{CONFIG_KEYS, ConfigKind},
};

#[test]
fn names() {
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {config: {topicPartition: 4}}",
                "spec.config.topicPartition: Unsupported value: \"topicPartition\": is not a setting: use 'topicPartitions'",
            ),
            (
                "spec: {config: {webport: 80}}",
                "spec.config.webport: Unsupported value: \"webport\": is not a setting: use 'webPort'",
            ),
            (
                "spec: {config: {K_WEB_PORT: 80}}",
                "spec.config.K_WEB_PORT: Unsupported value: \"K_WEB_PORT\": is not a setting: use 'webPort'",
            ),
        ],
    );
}

#[test]
fn values() {
    assert_errors::<KasprApp>(
        APP,
        &[
            (
                "spec: {config: {topicAllowDeclare: 'yes'}}",
                "spec.config.topicAllowDeclare: Invalid value: \"yes\": must be true or false",
            ),
            (
                "spec: {config: {schedulerEnabled: 1}}",
                "spec.config.schedulerEnabled: Invalid value: 1: must be true or false",
            ),
            (
                "spec: {config: {topicPartitions: many}}",
                "spec.config.topicPartitions: Invalid value: \"many\": must be a whole number",
            ),
            (
                "spec: {config: {topicPartitions: 1.5}}",
                "spec.config.topicPartitions: Invalid value: 1.5: must be a whole number",
            ),
            (
                "spec: {config: {topicPartitions: true}}",
                "spec.config.topicPartitions: Invalid value: true: must be a whole number",
            ),
            (
                "spec: {config: {topicPartitions: 0}}",
                "spec.config.topicPartitions: Invalid value: 0: must be 1 or more",
            ),
            (
                "spec: {config: {topicReplicationFactor: 0}}",
                "spec.config.topicReplicationFactor: Invalid value: 0: must be 1 or more",
            ),
            (
                "spec: {config: {schedulerTopicPartitions: '-1'}}",
                "spec.config.schedulerTopicPartitions: Invalid value: \"-1\": must be 1 or more",
            ),
            (
                "spec: {config: {storeRocksdbWriteBufferSize: -1}}",
                "spec.config.storeRocksdbWriteBufferSize: Invalid value: -1: must be 0 or more",
            ),
            (
                "spec: {config: {schedulerCronTickIntervalSeconds: nan}}",
                "spec.config.schedulerCronTickIntervalSeconds: Invalid value: \"nan\": must be a number",
            ),
            (
                "spec: {config: {schedulerCronTickIntervalSeconds: true}}",
                "spec.config.schedulerCronTickIntervalSeconds: Invalid value: true: must be a number",
            ),
            (
                "spec: {config: {keySerializer: avro}}",
                "spec.config.keySerializer: Unsupported value: \"avro\": supported values: \"raw\", \"json\", \"pickle\", \"binary\"",
            ),
            (
                "spec: {config: {valueSerializer: [json]}}",
                "spec.config.valueSerializer: Invalid value: [\"json\"]: must be text",
            ),
            (
                "spec: {config: {webPort: 70000}}",
                "spec.config.webPort: Invalid value: 70000: must be a port from 1 to 65535",
            ),
            (
                "spec: {config: {webBasePath: orders}}",
                "spec.config.webBasePath: Invalid value: \"orders\": must start with '/'",
            ),
            (
                "spec: {config: {webMetricsBasePath: metrics}}",
                "spec.config.webMetricsBasePath: Invalid value: \"metrics\": must start with '/'",
            ),
            (
                "spec: {config: {tableDir: tables}}",
                "spec.config.tableDir: Invalid value: \"tables\": must be an absolute path without ':'",
            ),
            (
                "spec: {config: {tableDir: '/a:b'}}",
                "spec.config.tableDir: Invalid value: \"/a:b\": must be an absolute path without ':'",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        APP,
        &[
            "spec: {config: {}}",
            "spec: {config: {topicPartitions: '12', topicAllowDeclare: 'True', schedulerEnabled: FALSE, webPort: '8080'}}",
            "spec: {config: {schedulerCronTickIntervalSeconds: 0.5, schedulerCronMinIntervalSeconds: '1e1', storeRocksdbBlockCacheSize: 0}}",
            "spec: {config: {keySerializer: raw, valueSerializer: binary, tableDir: /data, webBasePath: '', webMetricsBasePath: /m}}",
        ],
    );
}

/// Every setting of the list accepts a value of its type, and null.
#[test]
fn every_setting_is_known() {
    for key in CONFIG_KEYS {
        let value = match (key.kind, key.name) {
            (ConfigKind::Boolean, _) => "true",
            (ConfigKind::Integer, _) => "12",
            (ConfigKind::Float, _) => "1.5",
            (ConfigKind::Text, name) if name.ends_with("Serializer") => "json",
            (ConfigKind::Text, _) => "/path",
        };
        for value in [value, "null"] {
            assert_accepted::<KasprApp>(&format!("{APP}  config: {{{}: {value}}}", key.name), &["{}"]);
        }
    }
}

/// A key may contain control characters, but its message stays on one line.
#[test]
fn messages_about_keys_have_one_line() {
    assert_warnings::<KasprApp>(
        APP,
        &[(
            r#"spec: {config: {"a\nb": 1}}"#,
            r"spec.config.a\nb: is not a known setting: members receive it as a variable",
        )],
    );
}

#[test]
fn unknown_settings_are_passed_on() {
    assert_warnings::<KasprApp>(
        APP,
        &[
            (
                "spec: {config: {maxPollRecords: 80}}",
                "spec.config.maxPollRecords: is not a known setting: members receive it as a variable",
            ),
            (
                "spec: {config: {topicPartitionCount: 80}}",
                "spec.config.topicPartitionCount: is not a known setting: did you mean 'topicPartitions'?",
            ),
        ],
    );
}

/// Members read both spellings as the same variable, so the rules hold for both.
#[test]
fn settings_may_be_written_with_underscores() {
    assert_accepted::<KasprApp>(APP, &["spec: {config: {topic_partitions: 4, web_port: 80}}"]);
    assert_errors::<KasprApp>(
        APP,
        &[(
            "spec: {config: {web_port: 0}}",
            "spec.config.web_port: Invalid value: 0: must be a port from 1 to 65535",
        )],
    );
}

/// A running app keeps a key that a new app may not have.
#[test]
fn misspelled_settings_stop_only_new_apps() {
    let (old, new) = ("{}", "spec: {config: {webport: 80}}");
    let found = super::review::<KasprApp>(&patched(APP, new), Some(&patched(APP, old)), None);
    assert_eq!(errors(&found), Vec::<String>::new());
    assert_eq!(warnings(&found), ["spec.config.webport: is not a known setting: did you mean 'webPort'?"]);
}
