//! `deregister`: deletes the webhook configurations. While they exist and no operator answers, the API
//! server rejects every write of a Kaspr resource.

use clap::Args;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::{Api, Client, api::DeleteParams};

use super::{error::Error, kubeconfig};
use crate::webhook::registration::NAME;

/// Arguments of `deregister`.
#[derive(Args, Debug)]
pub(super) struct DeregisterArgs {
    /// Name of both webhook configurations
    #[arg(long, env = "WEBHOOK_CONFIGURATION", default_value = NAME, value_name = "NAME")]
    webhook_configuration: String,
}

/// Deletes the webhook configurations before the operator is removed.
pub(super) async fn deregister(args: DeregisterArgs) -> Result<(), Error> {
    let DeregisterArgs { webhook_configuration } = args;
    let client =
        Client::try_from(kubeconfig::infer(None).await.map_err(Error::Kubeconfig)?).map_err(Error::Client)?;
    delete_webhook_configurations(&client, &webhook_configuration).await?;
    tracing::info!(name = webhook_configuration, "deleted the webhook configurations");
    Ok(())
}

/// Deletes both webhook configurations of a name. A missing configuration is not an error.
pub(super) async fn delete_webhook_configurations(client: &Client, name: &str) -> Result<(), Error> {
    let params = DeleteParams::default();
    let mutating =
        Api::<MutatingWebhookConfiguration>::all(client.clone()).delete(name, &params).await.map(drop);
    let validating =
        Api::<ValidatingWebhookConfiguration>::all(client.clone()).delete(name, &params).await.map(drop);
    for result in [mutating, validating] {
        match result {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(source) => {
                return Err(Error::Api {
                    what: "failed to delete the webhook configurations".to_owned(),
                    source,
                });
            }
        }
    }
    Ok(())
}
