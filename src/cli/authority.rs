//! Keeps the operator's own CA and certificate in a Secret that its replicas share, and the CA in the
//! webhook configurations. What is to be held is decided in `webhook::authority`.

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
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::{
    build::labels::{MANAGED_BY, MANAGER},
    settings::CertificateSettings,
    webhook::{
        Pair, Served,
        authority::{self, AUTHORITIES, Data, Next, Trust, Wish},
    },
};

/// The pause after something that is missing or did not work; it doubles up to the usual one.
const PAUSE: Duration = Duration::from_secs(1);

/// How often in a row another replica may be quicker.
const ATTEMPTS: usize = 10;

/// One replica's look after the Secret, the configurations, and what it serves itself.
pub struct Keeper {
    secrets: Api<Secret>,
    /// Both kinds, with what people call them.
    configurations: [(&'static str, Api<DynamicObject>); 2],
    secret: String,
    configuration: String,
    namespace: String,
    wish: Wish,
    pause: Duration,
    served: Served,
    shown: Option<Pair>,
    /// What the configurations held at the last look.
    before: Trust,
}

/// A webhook configuration, with the CAs of its webhooks by their names.
struct Found<'a> {
    kind: &'static str,
    api: &'a Api<DynamicObject>,
    bundles: Vec<(String, Vec<u8>)>,
}

impl Keeper {
    /// A keeper of the Secret and the configurations that the settings name.
    pub fn new(client: &Client, namespace: &str, settings: &CertificateSettings, served: Served) -> Self {
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
            wish: Wish {
                names: Wish::names_of(service, namespace),
                authority_seconds: settings.authority_seconds,
                certificate_seconds: settings.certificate_seconds,
            },
            pause: Duration::from_secs(settings.certificate_check_seconds),
            served,
            shown: None,
            before: Trust::Unknown,
        }
    }

    /// Looks after everything until it is dropped; says when there is a certificate.
    pub async fn run(mut self, certified: CancellationToken) {
        let (mut pause, mut said) = (PAUSE, String::new());
        loop {
            let lacking = match self.look().await {
                Ok(lacking) => lacking,
                Err(error) => Some(crate::reconcile::describe(&error)),
            };
            if self.shown.is_some() {
                certified.cancel();
            }
            match lacking {
                None => {
                    (pause, said) = (PAUSE.min(self.pause), String::new());
                    tokio::time::sleep(self.pause).await;
                }
                Some(error) => {
                    if error != said {
                        tracing::warn!(error, "the operator's own certificate is not in order");
                        said = error;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(self.pause);
                }
            }
        }
    }

    /// Looks once. Gives what is missing, in words.
    async fn look(&mut self) -> Result<Option<String>, Error> {
        // A configuration that can't be read must not hold a renewal back.
        let (trust, found) = match self.configurations().await {
            Ok(found) => (Trust::of(found.iter().flat_map(bundles)), Ok(found)),
            Err(error) => (Trust::Unknown, Err(error)),
        };
        let settled = trust.settled(&self.before);
        let data = self.secret(&trust, &settled).await?;
        let told = match found {
            Ok(found) => self.tell(&found, &data).await,
            Err(error) => Err(error),
        };
        self.before = trust;
        self.show(&data, &settled)?;
        told
    }

    /// The Secret's content, after it was brought to what it is to be.
    async fn secret(&self, trust: &Trust, settled: &Trust) -> Result<Data, Error> {
        let secret = format!("{}/{}", self.namespace, self.secret);
        let failed = |source| Error::Api { what: format!("can't keep the Secret {secret}"), source };
        let mut conflict = None;
        for _ in 0..ATTEMPTS {
            let held = self.secrets.get_opt(&self.secret).await.map_err(failed)?;
            let data = held.as_ref().map(data_of).unwrap_or_default();
            let next = authority::next(&data, &self.wish, (trust, settled), now());
            let next = next.map_err(|source| Error::Secret { secret: secret.clone(), source })?;
            let Next::Write { data, why } = next else { return Ok(data) };
            match self.write(held, &data).await {
                Ok(()) => {
                    tracing::info!(secret, why, "wrote the operator's own certificate");
                    return Ok(data);
                }
                // Another replica was quicker, or somebody deleted it.
                Err(source @ kube::Error::Api(_)) if is_stale(&source) => conflict = Some(source),
                Err(source) => return Err(failed(source)),
            }
        }
        match conflict {
            Some(source) => Err(failed(source)),
            None => Ok(Data::new()),
        }
    }

    async fn write(&self, held: Option<Secret>, data: &Data) -> kube::Result<()> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let values = data.iter().map(|(key, value)| (key.clone(), ByteString(value.clone())));
        match held {
            Some(mut secret) => {
                secret.data.get_or_insert_default().extend(values);
                self.secrets.replace(&self.secret, &params, &secret).await?;
            }
            None => {
                let labels = [(MANAGED_BY.to_owned(), MANAGER.to_owned())];
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

    /// Both configurations, as far as they are there.
    async fn configurations(&self) -> Result<Vec<Found<'_>>, Error> {
        let mut found = Vec::new();
        for (kind, api) in &self.configurations {
            let what = || format!("can't read the {kind} {}", self.configuration);
            let failed = |source| Error::Api { what: what(), source };
            if let Some(object) = api.get_opt(&self.configuration).await.map_err(failed)? {
                found.push(Found { kind, api, bundles: bundles_of(&object) });
            }
        }
        Ok(found)
    }

    /// Puts the CAs into the configurations that hold others. Gives which ones are missing, in words.
    async fn tell(&self, found: &[Found<'_>], data: &Data) -> Result<Option<String>, Error> {
        let wanted = data.get(AUTHORITIES).cloned().unwrap_or_default();
        for Found { kind, api, bundles } in found {
            if bundles.iter().all(|(_, bundle)| *bundle == wanted) {
                continue;
            }
            let webhook = |(name, _): &(String, Vec<u8>)| json!({ "name": name, "clientConfig": { "caBundle": ByteString(wanted.clone()) } });
            let patch = json!({ "webhooks": bundles.iter().map(webhook).collect::<Vec<_>>() });
            let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            api.patch(&self.configuration, &params, &Patch::Strategic(patch)).await.map_err(|source| {
                Error::Api {
                    what: format!("can't put the CA into the {kind} {}", self.configuration),
                    source,
                }
            })?;
            tracing::info!(kind, name = self.configuration, "put the CA into the webhook configuration");
        }
        let there = |kind: &str| found.iter().any(|found| found.kind == kind);
        let missing: Vec<_> =
            self.configurations.iter().map(|(kind, _)| *kind).filter(|kind| !there(kind)).collect();
        Ok((!missing.is_empty()).then(|| {
            let missing = missing.join(" and no ");
            format!(
                "there is no {missing} of the name {}, so Kaspr resources are not judged: apply it, or \
                 name the one that there is in --webhook-configuration",
                self.configuration
            )
        }))
    }

    /// Serves what the Secret holds, as soon as it is trusted or better than what is served.
    fn show(&mut self, data: &Data, settled: &Trust) -> Result<(), Error> {
        let Some(pair) = authority::pair(data).filter(|pair| self.shown.as_ref() != Some(pair)) else {
            return Ok(());
        };
        let ended = self.shown.as_ref().is_none_or(|shown| shown.ends().is_ok_and(|ends| ends <= now()));
        if ended || settled.accepts(&pair) {
            let ends = self.served.replace(&pair)?;
            tracing::info!(ends, "serving a new certificate");
            self.shown = Some(pair);
        }
        Ok(())
    }
}

fn data_of(secret: &Secret) -> Data {
    let data = secret.data.iter().flatten();
    data.map(|(key, ByteString(value))| (key.clone(), value.clone())).collect()
}

fn bundles<'a>(found: &'a Found<'_>) -> impl Iterator<Item = &'a [u8]> {
    found.bundles.iter().map(|(_, bundle)| bundle.as_slice())
}

/// A CA that can't be read is as good as none.
fn bundles_of(configuration: &DynamicObject) -> Vec<(String, Vec<u8>)> {
    let webhooks = configuration.data["webhooks"].as_array().into_iter().flatten();
    let read = |webhook: &Value| {
        let bundle = serde_json::from_value(webhook["clientConfig"]["caBundle"].clone());
        let ByteString(bundle) = bundle.unwrap_or_default();
        Some((webhook["name"].as_str()?.to_owned(), bundle))
    };
    webhooks.filter_map(read).collect()
}

fn is_stale(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() || status.is_not_found())
}

/// The time in Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
