//! Renews the operator's own CA and certificate in a Secret that its replicas share, and injects the CA
//! into the webhook configurations. `authority` decides what the Secret contains.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::{
    ByteString,
    api::{
        admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
        core::v1::Secret,
    },
};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, ObjectMeta},
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{
    CertificateReloader, KeyPair, KeyPairError,
    authority::{self, AUTHORITIES, AuthorityError, CertificateSpec, RotationStep, SecretData, Trust},
};
use crate::{
    error_chain::describe,
    naming::{MANAGED_BY_LABEL, MANAGER},
    settings::CertificateSettings,
};

/// First delay after a failed check; it doubles up to the check interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Write attempts before a conflict with another replica is reported.
const WRITE_ATTEMPTS: usize = 10;

/// Why a check failed.
#[derive(Debug, Error)]
pub(super) enum RotationError {
    /// The API server refused a request or could not be reached.
    #[error("{what}: {source}")]
    Api {
        /// What failed.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// The Secret cannot hold the certificate.
    #[error("the Secret {secret} cannot be used: {source}")]
    Secret {
        /// `namespace/name`.
        secret: String,
        /// Why.
        source: AuthorityError,
    },
    /// The stored certificate cannot be served.
    #[error(transparent)]
    KeyPair(#[from] KeyPairError),
}

/// Renews the Secret, updates the webhook configurations and reloads this replica's server.
pub struct Rotator {
    secrets: Api<Secret>,
    /// The API of each configuration, with its kind.
    configurations: [(&'static str, Api<DynamicObject>); 2],
    secret: String,
    configuration: String,
    namespace: String,
    spec: CertificateSpec,
    check_interval: Duration,
    reloader: CertificateReloader,
    serving: Option<KeyPair>,
    /// What the configurations contained at the previous check.
    previous_trust: Trust,
}

/// A webhook configuration with the CA bundle of each of its webhooks, by name.
struct Configuration<'a> {
    kind: &'static str,
    api: &'a Api<DynamicObject>,
    bundles: Vec<(String, Vec<u8>)>,
}

impl Rotator {
    /// A rotator for the Secret and the configurations that the settings name, in a namespace of a cluster with a
    /// DNS domain.
    #[must_use]
    pub fn new(
        client: &Client,
        (namespace, domain): (&str, &str),
        settings: &CertificateSettings,
        reloader: CertificateReloader,
    ) -> Self {
        let service = settings.webhook_service.as_deref().unwrap_or_default();
        let mutating = ApiResource::erase::<MutatingWebhookConfiguration>(&());
        let validating = ApiResource::erase::<ValidatingWebhookConfiguration>(&());
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            configurations: [
                ("MutatingWebhookConfiguration", Api::all_with(client.clone(), &mutating)),
                ("ValidatingWebhookConfiguration", Api::all_with(client.clone(), &validating)),
            ],
            secret: settings.certificate_secret.clone().unwrap_or_default(),
            configuration: settings.webhook_configuration.clone(),
            namespace: namespace.to_owned(),
            spec: CertificateSpec {
                names: CertificateSpec::service_names(service, namespace, domain),
                authority_seconds: settings.authority_seconds,
                certificate_seconds: settings.certificate_seconds,
            },
            check_interval: Duration::from_secs(settings.certificate_check_seconds),
            reloader,
            serving: None,
            previous_trust: Trust::Unknown,
        }
    }

    /// Checks periodically until it is dropped. Cancels `certified` once a certificate is served.
    pub async fn run(mut self, certified: CancellationToken) {
        let (mut retry, mut reported) = (FIRST_RETRY, String::new());
        loop {
            let problem = match self.check().await {
                Ok(problem) => problem,
                Err(error) => Some(describe(&error)),
            };
            if self.serving.is_some() {
                certified.cancel();
            }
            match problem {
                None => {
                    (retry, reported) = (FIRST_RETRY.min(self.check_interval), String::new());
                    tokio::time::sleep(self.check_interval).await;
                }
                Some(error) => {
                    if error != reported {
                        tracing::warn!(error, "the webhook certificate needs attention");
                        reported = error;
                    }
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(self.check_interval);
                }
            }
        }
    }

    /// Checks once. Returns a description of what is missing, if anything.
    async fn check(&mut self) -> Result<Option<String>, RotationError> {
        // An unreadable configuration must not block a renewal.
        let (trust, found) = match self.configurations().await {
            Ok(found) => (Trust::from_bundles(found.iter().flat_map(bundles)), Ok(found)),
            Err(error) => (Trust::Unknown, Err(error)),
        };
        let settled = trust.settled(&self.previous_trust);
        let data = self.sync_secret(&trust, &settled).await?;
        let missing = match found {
            Ok(found) => self.inject_ca(&found, &data).await,
            Err(error) => Err(error),
        };
        self.previous_trust = trust;
        self.serve_latest(&data, &settled)?;
        missing
    }

    /// Brings the Secret up to date. Returns its data.
    async fn sync_secret(&self, trust: &Trust, settled: &Trust) -> Result<SecretData, RotationError> {
        let secret = format!("{}/{}", self.namespace, self.secret);
        let failed =
            |source| RotationError::Api { what: format!("failed to update the Secret {secret}"), source };
        let mut conflict = None;
        for _ in 0..WRITE_ATTEMPTS {
            let held = self.secrets.get_opt(&self.secret).await.map_err(failed)?;
            let data = held.as_ref().map(data_of).unwrap_or_default();
            let next = authority::plan_rotation(&data, &self.spec, (trust, settled), now());
            let next = next.map_err(|source| RotationError::Secret { secret: secret.clone(), source })?;
            let RotationStep::Write { data, reason } = next else { return Ok(data) };
            match self.write(held, &data).await {
                Ok(()) => {
                    tracing::info!(secret, reason, "renewed the webhook certificate");
                    return Ok(data);
                }
                // Another replica wrote first, or the Secret was deleted.
                Err(source @ kube::Error::Api(_)) if is_write_conflict(&source) => conflict = Some(source),
                Err(source) => return Err(failed(source)),
            }
        }
        match conflict {
            Some(source) => Err(failed(source)),
            None => Ok(SecretData::new()),
        }
    }

    async fn write(&self, held: Option<Secret>, data: &SecretData) -> kube::Result<()> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let values = data.iter().map(|(key, value)| (key.clone(), ByteString(value.clone())));
        match held {
            Some(mut secret) => {
                secret.data.get_or_insert_default().extend(values);
                self.secrets.replace(&self.secret, &params, &secret).await?;
            }
            None => {
                let labels = [(MANAGED_BY_LABEL.to_owned(), MANAGER.to_owned())];
                let metadata = ObjectMeta {
                    name: Some(self.secret.clone()),
                    labels: Some(labels.into()),
                    ..ObjectMeta::default()
                };
                let secret = Secret {
                    metadata,
                    type_: Some("kubernetes.io/tls".to_owned()),
                    data: Some(values.collect()),
                    ..Secret::default()
                };
                self.secrets.create(&params, &secret).await?;
            }
        }
        Ok(())
    }

    /// Reads the configurations that exist.
    async fn configurations(&self) -> Result<Vec<Configuration<'_>>, RotationError> {
        let mut found = Vec::new();
        for (kind, api) in &self.configurations {
            let what = || format!("failed to read the {kind} {}", self.configuration);
            let failed = |source| RotationError::Api { what: what(), source };
            if let Some(object) = api.get_opt(&self.configuration).await.map_err(failed)? {
                found.push(Configuration { kind, api, bundles: bundles_of(&object) });
            }
        }
        Ok(found)
    }

    /// Writes the CAs to the configurations that contain others. Returns a description of those that are
    /// missing.
    async fn inject_ca(
        &self,
        found: &[Configuration<'_>],
        data: &SecretData,
    ) -> Result<Option<String>, RotationError> {
        let wanted = data.get(AUTHORITIES).cloned().unwrap_or_default();
        for Configuration { kind, api, bundles } in found {
            if bundles.iter().all(|(_, bundle)| *bundle == wanted) {
                continue;
            }
            let webhook = |(name, _): &(String, Vec<u8>)| json!({ "name": name, "clientConfig": { "caBundle": ByteString(wanted.clone()) } });
            let patch = json!({ "webhooks": bundles.iter().map(webhook).collect::<Vec<_>>() });
            let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            api.patch(&self.configuration, &params, &Patch::Strategic(patch)).await.map_err(|source| {
                RotationError::Api {
                    what: format!("failed to inject the CA into the {kind} {}", self.configuration),
                    source,
                }
            })?;
            tracing::info!(kind, name = self.configuration, "injected the CA into the webhook configuration");
        }
        let exists = |kind: &str| found.iter().any(|found| found.kind == kind);
        let missing: Vec<_> =
            self.configurations.iter().map(|(kind, _)| *kind).filter(|kind| !exists(kind)).collect();
        Ok((!missing.is_empty()).then(|| {
            let missing = missing.join(" and no ");
            format!(
                "there is no {missing} named {}, so Kaspr resources are not validated: apply it, or \
                 set --webhook-configuration to the name of the existing one",
                self.configuration
            )
        }))
    }

    /// Switches to the Secret's certificate once clients trust it, or if the current one has expired.
    fn serve_latest(&mut self, data: &SecretData, settled: &Trust) -> Result<(), RotationError> {
        let Some(pair) =
            authority::serving_key_pair(data).ok().filter(|pair| self.serving.as_ref() != Some(pair))
        else {
            return Ok(());
        };
        let expired = self
            .serving
            .as_ref()
            .is_none_or(|serving| serving.not_after().is_ok_and(|not_after| not_after <= now()));
        if expired || settled.accepts(&pair) {
            let not_after = self.reloader.replace(&pair)?;
            tracing::info!(not_after, "serving a new certificate");
            self.serving = Some(pair);
        }
        Ok(())
    }
}

fn data_of(secret: &Secret) -> SecretData {
    let data = secret.data.iter().flatten();
    data.map(|(key, ByteString(value))| (key.clone(), value.clone())).collect()
}

fn bundles<'a>(found: &'a Configuration<'_>) -> impl Iterator<Item = &'a [u8]> {
    found.bundles.iter().map(|(_, bundle)| bundle.as_slice())
}

/// Treats an unreadable CA bundle as an empty one.
fn bundles_of(configuration: &DynamicObject) -> Vec<(String, Vec<u8>)> {
    let webhooks = configuration.data["webhooks"].as_array().into_iter().flatten();
    let read = |webhook: &Value| {
        let bundle = serde_json::from_value(webhook["clientConfig"]["caBundle"].clone());
        let ByteString(bundle) = bundle.unwrap_or_default();
        Some((webhook["name"].as_str()?.to_owned(), bundle))
    };
    webhooks.filter_map(read).collect()
}

fn is_write_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() || status.is_not_found())
}

/// The current time in Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
