//! Takes the webhooks' registration back: without it, the API server refuses every Kaspr resource
//! once nobody answers any more.

use clap::Args;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::{Api, Client, api::DeleteParams};

use super::Error;
use crate::webhook::registration::NAME;

/// Arguments of `deregister`.
#[derive(Args, Debug)]
pub struct DeregisterArgs {
    /// Name of both webhook configurations
    #[arg(long, env = "WEBHOOK_CONFIGURATION", default_value = NAME, value_name = "NAME")]
    webhook_configuration: String,
}

/// Deletes the configurations, for who is about to remove the operator.
pub async fn deregister(args: DeregisterArgs) -> Result<(), Error> {
    let DeregisterArgs { webhook_configuration } = args;
    let client = Client::try_from(kube::Config::infer().await?).map_err(Error::Client)?;
    delete(&client, &webhook_configuration).await?;
    tracing::info!(name = webhook_configuration, "the webhooks are no longer registered");
    Ok(())
}

/// Deletes both configurations of that name; one that is gone is as good.
pub async fn delete(client: &Client, name: &str) -> Result<(), Error> {
    let params = DeleteParams::default();
    let mutating =
        Api::<MutatingWebhookConfiguration>::all(client.clone()).delete(name, &params).await.map(drop);
    let validating =
        Api::<ValidatingWebhookConfiguration>::all(client.clone()).delete(name, &params).await.map(drop);
    for result in [mutating, validating] {
        match result {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(source) => {
                return Err(Error::Api {
                    what: "can't take the webhook registration back".to_owned(),
                    source,
                });
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
