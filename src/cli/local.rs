//! What `run --local` does to the cluster beside reconciling: CRDs in, webhooks in and out.

use std::{future::Future, time::Duration};

use k8s_openapi::{
    api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{
        conditions::is_crd_established,
        wait::{Error as WaitError, await_condition},
    },
};
use semver::Version;

use super::Error;
use crate::{
    api::annotations::{OPERATOR_VERSION, RESOURCE_HASH},
    crds,
    naming::MANAGER,
    webhook::registration::{NAME, Target, configurations},
};

/// The first pause while the API server is away, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Applies the CRDs that are missing or older, and waits until the API server serves them.
pub async fn ensure_crds(client: &Client) -> Result<(), Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds::all() {
        let name = crd.name_any();
        let installed = api.get_opt(&name).await.map_err(failed(format!("can't read the CRD {name}")))?;
        if let Some(installed) = &installed {
            match installed_version(installed) {
                Some(version) if version > crds::version() => {
                    tracing::warn!(crd = name, %version, "a newer CRD is installed, it is left as it is");
                    continue;
                }
                Some(_) if same_hash(installed, &crd) => continue,
                _ => {}
            }
        }
        api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&crd))
            .await
            .map_err(failed(format!("can't apply the CRD {name}")))?;
        tracing::info!(crd = name, replaced = installed.is_some(), "applied the CRD");
    }
    for crd in crds::all() {
        let name = crd.name_any();
        let established = await_condition(api.clone(), &name, is_crd_established());
        established.await.map_err(|WaitError::ProbeFailed(source)| Error::Api {
            what: format!("can't watch the CRD {name}"),
            source: kube::Error::Service(Box::new(source)),
        })?;
    }
    Ok(())
}

fn same_hash(installed: &CustomResourceDefinition, crd: &CustomResourceDefinition) -> bool {
    installed.annotations().get(RESOURCE_HASH) == crd.annotations().get(RESOURCE_HASH)
}

fn installed_version(crd: &CustomResourceDefinition) -> Option<Version> {
    crd.annotations().get(OPERATOR_VERSION)?.parse().ok()
}

/// Registers both webhooks.
pub async fn register(client: &Client, target: &Target) -> Result<(), Error> {
    let (mutating, validating) = configurations(target);
    let params = PatchParams::apply(MANAGER).force();
    Api::<MutatingWebhookConfiguration>::all(client.clone())
        .patch(NAME, &params, &Patch::Apply(&mutating))
        .await
        .map_err(failed("can't register the defaulting webhook"))?;
    Api::<ValidatingWebhookConfiguration>::all(client.clone())
        .patch(NAME, &params, &Patch::Apply(&validating))
        .await
        .map_err(failed("can't register the validating webhook"))?;
    Ok(())
}

/// Takes the registration back.
pub async fn deregister(client: &Client) -> Result<(), Error> {
    super::deregister::delete(client, NAME).await
}

/// Tries until it succeeds: an API server that is away comes back, and a permission that is missing
/// is granted while one reads the log.
pub async fn insist<F, T>(mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pause = PAUSES.0;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => {
                let error = crate::error_chain::describe(&error);
                tracing::warn!(error, again_in = ?pause, "the API server refused or can't be reached");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

fn failed(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Error {
    let what = what.into();
    move |source| Error::Api { what, source }
}
