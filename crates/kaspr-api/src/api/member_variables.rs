//! Environment variables that the operator sets in members, in addition to those of `spec.config`.

/// Directories from which Python imports.
pub const PYTHONPATH: &str = "PYTHONPATH";

/// Names of the variables, without [`PYTHONPATH`] and `SSL_CERT_FILE`, which the user may set too.
pub const MEMBER_VARIABLES: &[&str] = &[
    "AGENTS_HASH",
    "CONFIG_HASH",
    "JOINS_HASH",
    "K_APP_NAME",
    "K_CONSUMER_GROUP_INSTANCE_ID",
    "K_DATA_DIR",
    "K_DEFINITIONS_DIR",
    "K_KAFKA_AUTH_CERTFILE",
    "K_KAFKA_AUTH_KEYFILE",
    "K_KAFKA_AUTH_PASSWORD",
    "K_KAFKA_AUTH_USERNAME",
    "K_KAFKA_BOOTSTRAP_SERVERS",
    "K_KAFKA_SASL_MECHANISM",
    "K_KAFKA_SECURITY_PROTOCOL",
    "K_TABLE_DIR",
    "K_WEB_HOST",
    "K_WEB_PORT",
    "PACKAGES_HASH",
    "POD_NAME",
    "TABLES_HASH",
    "TASKS_HASH",
    "WEBVIEWS_HASH",
];
