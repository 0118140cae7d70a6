//! The variables that name the certificates for Kafka; `pod_layout` mounts the files.

use k8s_openapi::api::core::v1::EnvVar;

use super::env_var::literal;
use crate::{
    api::{KasprApp, Tls},
    pod_layout,
};

/// Returns the variables that name the mounted files.
///
/// The framework connects with Python's default TLS context, which reads its authorities from OpenSSL's
/// SSL_CERT_FILE. Up to 0.11.19 it presents no certificate of its own; the other two variables are for
/// images that do.
pub(super) fn variables(app: &KasprApp) -> Vec<EnvVar> {
    let Some(Tls { ca_secret, certificate_secret }) = &app.spec.tls else { return Vec::new() };
    let mut variables = Vec::new();
    if ca_secret.is_some() {
        let file = format!("{}/{}", pod_layout::KAFKA_CA_DIR, pod_layout::KAFKA_CA_FILE);
        variables.push(literal("SSL_CERT_FILE", file));
    }
    if certificate_secret.is_some() {
        let file = |file: &str| format!("{}/{file}", pod_layout::KAFKA_CERTIFICATE_DIR);
        variables.push(literal("K_KAFKA_AUTH_CERTFILE", file(pod_layout::KAFKA_CERTIFICATE_FILE)));
        variables.push(literal("K_KAFKA_AUTH_KEYFILE", file(pod_layout::KAFKA_PRIVATE_KEY_FILE)));
    }
    variables
}
