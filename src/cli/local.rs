//! Changes that `run --local` makes to the cluster: applies the CRDs and registers the webhooks.

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

use super::error::Error;
use crate::{
    api::annotations::{OPERATOR_VERSION, RESOURCE_HASH},
    crds,
    error_chain::describe,
    naming::MANAGER,
    webhook::registration::{NAME, Target, configurations},
};

/// First and longest pause between retries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Applies the CRDs that are missing or outdated, and waits until the API server serves all CRDs.
pub(super) async fn ensure_crds(client: &Client) -> Result<(), Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds::all() {
        ensure_crd(&api, &crd).await?;
    }
    for crd in crds::all() {
        let name = crd.name_any();
        let established = await_condition(api.clone(), &name, is_crd_established());
        established.await.map_err(|WaitError::ProbeFailed(source)| Error::Api {
            what: format!("failed to watch the CRD {name}"),
            source: kube::Error::Service(Box::new(source)),
        })?;
    }
    Ok(())
}

/// Applies a CRD, unless the installed CRD is the same or belongs to a newer operator.
async fn ensure_crd(
    api: &Api<CustomResourceDefinition>,
    crd: &CustomResourceDefinition,
) -> Result<(), Error> {
    let name = crd.name_any();
    let installed = api.get_opt(&name).await.map_err(api_error(format!("failed to read the CRD {name}")))?;
    if let Some(installed) = &installed
        && let Some(version) = installed_version(installed)
    {
        if version > crds::version() {
            tracing::warn!(crd = name, %version, "keeping the installed CRD, which is newer");
            return Ok(());
        }
        if is_same(installed, crd) {
            return Ok(());
        }
    }
    api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(crd))
        .await
        .map_err(api_error(format!("failed to apply the CRD {name}")))?;
    tracing::info!(crd = name, replaced = installed.is_some(), "applied the CRD");
    Ok(())
}

fn is_same(installed: &CustomResourceDefinition, crd: &CustomResourceDefinition) -> bool {
    // Another client may have applied other schemas and left the annotation.
    installed.annotations().get(RESOURCE_HASH) == crd.annotations().get(RESOURCE_HASH)
        && installed.spec.versions == crd.spec.versions
}

/// Returns the version of the operator that applied a CRD.
fn installed_version(crd: &CustomResourceDefinition) -> Option<Version> {
    crd.annotations().get(OPERATOR_VERSION)?.parse().ok()
}

/// Applies both webhook configurations.
pub(super) async fn register(client: &Client, target: &Target) -> Result<(), Error> {
    let (mutating, validating) = configurations(target);
    let params = PatchParams::apply(MANAGER).force();
    Api::<MutatingWebhookConfiguration>::all(client.clone())
        .patch(NAME, &params, &Patch::Apply(&mutating))
        .await
        .map_err(api_error("failed to register the defaulting webhook"))?;
    Api::<ValidatingWebhookConfiguration>::all(client.clone())
        .patch(NAME, &params, &Patch::Apply(&validating))
        .await
        .map_err(api_error("failed to register the validating webhook"))?;
    Ok(())
}

/// Retries with a growing pause until the attempt succeeds: the API server may be down for a while, and
/// the user may grant a missing permission after reading the log.
pub(super) async fn retry_until_success<F, T>(mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pause = PAUSES.0;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => {
                let error = describe(&error);
                tracing::warn!(error, again_in = ?pause, "the API server refused the request or cannot be reached; retrying");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

fn api_error(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Error {
    let what = what.into();
    move |source| Error::Api { what, source }
}
