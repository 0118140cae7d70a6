//! Rules of apps.

use kube::core::ObjectMeta;
use semver::Version;

use super::{
    app_context::AppContext,
    config, cross_resource,
    findings::Findings,
    immutable, mounts,
    path::Path,
    rule, shared,
    valid::{Validate, ValidateUpdate},
    variables,
};
use crate::api::{
    Authentication, AuthenticationType, CertificateSecret, KasprApp, KasprAppSpec, PasswordSecret, Probe,
    Storage, StorageType, Tls, versions,
};

/// Pods of a StatefulSet have a label with its name and a hash of ten characters. The value of a label has at
/// most 63 characters, and the name of the StatefulSet is the name of the app with `-app`.
const LONGEST_NAME: usize = 63 - "-0123456789".len() - "-app".len();

impl Validate for KasprApp {
    fn validate(&self, at: &Path, found: &mut Findings) {
        check_name(&self.metadata, &at.child("metadata"), found);
        self.spec.validate(&at.child("spec"), found);
        mounts::check(self, &at.child("spec").child("template"), found);
        variables::check(self, &at.child("spec"), found);
        variables::check_replaced(self, &at.child("spec"), found);
    }
}

impl ValidateUpdate for KasprApp {
    fn validate_create(&self, found: &mut Findings) {
        if let Some(config) = &self.spec.config {
            config::check_spelling(config, &Path::root().child("spec").child("config"), found);
        }
    }

    fn validate_update(&self, old: &Self, context: Option<&AppContext>, found: &mut Findings) {
        immutable::check_app(&old.spec, &self.spec, context.map(|context| &context.claims), found);
    }

    fn register(&self, context: &mut AppContext) {
        context.set_app(self);
    }

    fn validate_in_app(&self, context: &AppContext, found: &mut Findings) {
        cross_resource::validate_app(self, context, found);
    }
}

/// Checks the name of the app, which is a DNS-1035 label because Services are named after the app.
///
/// Source: the API server's rule for names of Services.
fn check_name(metadata: &ObjectMeta, at: &Path, found: &mut Findings) {
    let (field, name) = shared::field_and_name(metadata);
    if name.is_empty() {
        return;
    }
    let at = at.child(field);
    if name.len() > LONGEST_NAME {
        let detail =
            format!("must have at most {LONGEST_NAME} characters: the pods' labels hold it with a suffix");
        found.invalid(rule::APP_NAME, at, name, detail);
    } else if !shared::is_dns_1035_label(&name) {
        let detail = "must be lower-case letters, digits and '-', start with a letter and end with a letter or digit: Services are named after the app";
        found.invalid(rule::APP_NAME, at, name, detail);
    }
}

impl Validate for KasprAppSpec {
    fn validate(&self, at: &Path, found: &mut Findings) {
        check_version(self, at, found);
        check_bootstrap_servers(&self.bootstrap_servers, at.child("bootstrapServers"), found);
        if let Some(login) = self.login() {
            login.validate(&at.child("authentication"), found);
        }
        if self.login().is_some_and(|login| login.r#type == AuthenticationType::Plain) && self.tls.is_none() {
            found.warn(
                rule::PLAIN_WITHOUT_TLS,
                at.child("authentication").child("type"),
                "sends the password unencrypted: add spec.tls",
            );
        }
        if let Some(tls) = &self.tls {
            tls.validate(&at.child("tls"), found);
        }
        if let Some(config) = &self.config {
            config.validate(&at.child("config"), found);
        }
        check_replicas(self, at, found);
        if let Some(resources) = &self.resources {
            shared::resources(resources, &at.child("resources"), found);
        }
        if let Some(probe) = &self.liveness_probe {
            check_liveness(probe, &at.child("livenessProbe"), found);
        }
        match &self.storage {
            Some(storage) => storage.validate(&at.child("storage"), found),
            None => found.warn(
                rule::STORAGE_ABSENT,
                at.child("storage"),
                "is not given: tables are rebuilt from Kafka at every start of a pod",
            ),
        }
        if let Some(packages) = &self.python_packages {
            packages.validate(&at.child("pythonPackages"), found);
            if self.image.is_some() {
                found.warn(
                    rule::IMAGE_WITH_PACKAGES,
                    at.child("image"),
                    "gets packages of spec.pythonPackages: it must contain Python 3 and the framework",
                );
            }
        }
        if let Some(template) = &self.template {
            template.validate(&at.child("template"), found);
        }
    }
}

fn check_version(spec: &KasprAppSpec, at: &Path, found: &mut Findings) {
    match spec.image.as_deref() {
        Some("") => found.required(rule::IMAGE, at.child("image"), "must name an image, or be left out"),
        Some(image) if image.contains(char::is_whitespace) => {
            found.invalid(rule::IMAGE, at.child("image"), image, "must name an image, without spaces");
        }
        _ => {}
    }
    let Some(version) = &spec.version else { return };
    if versions::SUPPORTED.contains(&version.as_str()) {
        return;
    }
    let at = at.child("version");
    if spec.image.is_some() {
        found.warn(rule::VERSION_UNKNOWN, at, "is not known to this operator: spec.image decides what runs");
    } else if is_older(version) {
        let text = format!(
            "is older than {}, the oldest supported version: such members may not read all that the operator writes",
            versions::OLDEST
        );
        found.warn(rule::VERSION_OLD, at, text);
    } else {
        found.not_supported(rule::VERSION, at, version, versions::SUPPORTED);
    }
}

/// Returns whether a version is older than the supported ones. The Python operator runs such versions.
fn is_older(version: &str) -> bool {
    let parse = |version: &str| Version::parse(version).ok();
    parse(version).zip(parse(versions::OLDEST)).is_some_and(|(version, oldest)| version < oldest)
}

/// Checks the list of brokers. An error shows only its broker, because the whole list in each error would
/// grow with the square of its length.
///
/// Source: the framework puts `kafka://` before the list and splits it at commas and semicolons. So the first
/// broker has no scheme, others may have this one, an empty entry is 127.0.0.1, and a missing port is 9092.
fn check_bootstrap_servers(servers: &str, at: Path, found: &mut Findings) {
    if servers.trim().is_empty() {
        found.required(rule::REQUIRED, at, "must name at least one broker as host:port");
        return;
    }
    let mut first = true;
    for server in servers.split([',', ';']).map(str::trim) {
        let without_scheme = if first { server } else { server.strip_prefix("kafka://").unwrap_or(server) };
        first = false;
        if without_scheme.is_empty() {
            continue;
        }
        if let Err(why) = shared::check_host_and_port(without_scheme) {
            found.invalid(rule::BROKER, at.clone(), shared::without_password(server), why);
        }
    }
}

impl Validate for Tls {
    fn validate(&self, at: &Path, found: &mut Findings) {
        let optional = |key: &Option<String>, at: Path, found: &mut Findings| {
            if key.is_some() {
                shared::secret_key(key.as_deref(), at, found);
            }
        };
        shared::ca_secret(self.ca_secret.as_ref(), &at.child("caSecret"), found);
        if let Some(secret) = &self.certificate_secret {
            let CertificateSecret { secret_name, certificate_key, private_key_key } = secret;
            let at = at.child("certificateSecret");
            shared::secret_name(Some(secret_name), at.child("secretName"), found);
            optional(certificate_key, at.child("certificateKey"), found);
            optional(private_key_key, at.child("privateKeyKey"), found);
            // Source: the framework creates a TLS context with certificate authorities only.
            found.warn(
                rule::NO_EFFECT,
                at,
                "is mounted, but Kaspr up to 0.11.19 presents no certificate: the image must read K_KAFKA_AUTH_CERTFILE",
            );
        }
    }
}

impl Validate for Authentication {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.username.as_deref().unwrap_or_default().is_empty() {
            found.required(rule::REQUIRED, at.child("username"), "must name the user");
        }
        let at = at.child("passwordSecret");
        match &self.password_secret {
            None => found.required(rule::REQUIRED, at, "must name the Secret that holds the password"),
            Some(PasswordSecret { secret_name, password_key }) => {
                shared::secret_name(secret_name.as_deref(), at.child("secretName"), found);
                shared::secret_key(password_key.as_deref(), at.child("passwordKey"), found);
            }
        }
    }
}

fn check_replicas(spec: &KasprAppSpec, at: &Path, found: &mut Findings) {
    if let Some(replicas) = spec.replicas.filter(|replicas| *replicas < 0) {
        found.invalid(rule::NUMBER, at.child("replicas"), replicas, "must be 0 or more");
    }
}

/// Checks the liveness probe. Source: the API server's rule for liveness probes.
fn check_liveness(probe: &Probe, at: &Path, found: &mut Findings) {
    if let Some(threshold) = probe.success_threshold
        && threshold != 1
    {
        found.invalid(
            rule::NUMBER,
            at.child("successThreshold"),
            threshold,
            "must be 1 for a liveness probe",
        );
    }
}

impl Validate for Storage {
    fn validate(&self, at: &Path, found: &mut Findings) {
        match (&self.size, self.r#type) {
            (None, StorageType::PersistentClaim) => {
                found.required(
                    rule::REQUIRED,
                    at.child("size"),
                    "must be given when type is 'persistent-claim', such as '10Gi'",
                );
            }
            (None, StorageType::Ephemeral) => {}
            (Some(size), _) => shared::positive_quantity(size, at.child("size"), found),
        }
        match self.r#type {
            StorageType::Ephemeral => {
                let class = self.class.is_some().then_some("class");
                let delete = self.delete_claim.is_some().then_some("deleteClaim");
                for field in class.into_iter().chain(delete) {
                    found.warn(rule::NO_EFFECT, at.child(field), "has no effect when type is 'ephemeral'");
                }
            }
            StorageType::PersistentClaim => {
                shared::storage_class(self.class.as_deref(), at.child("class"), found)
            }
        }
    }
}
