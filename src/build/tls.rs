//! Certificates for the members' connections to Kafka: from Secrets that the pods mount.

use k8s_openapi::api::core::v1::{EnvVar, KeyToPath, SecretVolumeSource, Volume, VolumeMount};

use super::{environment::plain, names};
use crate::api::{CaSecret, CertificateSecret, KasprApp, Tls};

const AUTHORITIES: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The variables that name the mounted files.
///
/// The framework connects with Python's default TLS context, which takes its authorities from
/// OpenSSL's SSL_CERT_FILE. It presents no certificate of its own up to 0.11.19; the other two are
/// for images that do.
pub fn variables(app: &KasprApp) -> Vec<EnvVar> {
    let Some(Tls { ca_secret, certificate_secret }) = &app.spec.tls else { return Vec::new() };
    let mut variables = Vec::new();
    if ca_secret.is_some() {
        variables.push(plain("SSL_CERT_FILE", format!("{}/{AUTHORITIES}", names::KAFKA_CA_DIR)));
    }
    if certificate_secret.is_some() {
        let file = |file: &str| format!("{}/{file}", names::KAFKA_CERTIFICATE_DIR);
        variables.push(plain("K_KAFKA_AUTH_CERTFILE", file(CERTIFICATE)));
        variables.push(plain("K_KAFKA_AUTH_KEYFILE", file(KEY)));
    }
    variables
}

/// Where the Secrets are mounted.
pub fn mounts(app: &KasprApp) -> Vec<VolumeMount> {
    let folder = |volume: &Volume| match volume.name.as_str() {
        names::KAFKA_CA_VOLUME => names::KAFKA_CA_DIR,
        _ => names::KAFKA_CERTIFICATE_DIR,
    };
    let mount = |volume: Volume| VolumeMount {
        mount_path: folder(&volume).to_owned(),
        name: volume.name,
        read_only: Some(true),
        ..VolumeMount::default()
    };
    volumes(app).into_iter().map(mount).collect()
}

/// The Secrets as volumes.
pub fn volumes(app: &KasprApp) -> Vec<Volume> {
    let Some(Tls { ca_secret, certificate_secret }) = &app.spec.tls else { return Vec::new() };
    let authorities = ca_secret.as_ref().map(|CaSecret { secret_name, key }| {
        volume(names::KAFKA_CA_VOLUME, secret_name, &[(key.as_deref(), AUTHORITIES)])
    });
    let certificate = certificate_secret.as_ref().map(|secret| {
        let CertificateSecret { secret_name, certificate_key, private_key_key } = secret;
        let files = [(certificate_key.as_deref(), CERTIFICATE), (private_key_key.as_deref(), KEY)];
        volume(names::KAFKA_CERTIFICATE_VOLUME, secret_name, &files)
    });
    authorities.into_iter().chain(certificate).collect()
}

/// Each file is named after the key that holds it unless the user names another key.
fn volume(name: &str, secret: &str, files: &[(Option<&str>, &str)]) -> Volume {
    let item = |(key, file): &(Option<&str>, &str)| KeyToPath {
        key: key.unwrap_or(file).to_owned(),
        path: (*file).to_owned(),
        ..KeyToPath::default()
    };
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            items: Some(files.iter().map(item).collect()),
            secret_name: Some(secret.to_owned()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}
