//! Whether admission works: the API server asks the webhooks, trusts them and does as they say.
//!
//! A dry run of a mistake that only the webhooks know must be refused by them, and one of a good app
//! be accepted. `helm test` runs this.

use std::time::Duration;

use clap::Args;
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Error;
use crate::{
    api::{GROUP, KasprApp, VERSION},
    error_chain::describe,
};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// The name of the app that is never made.
const NAME: &str = "check-admission";

/// What the API server says before the words of a webhook that refuses.
const DENIED: &str = "denied the request";

/// Arguments of `check-admission`.
#[derive(Args, Debug)]
pub struct CheckAdmissionArgs {
    /// Namespace of the dry runs: not the operator's own, which its webhooks leave alone
    #[arg(long, default_value = "default", value_name = "NAMESPACE")]
    namespace: String,
    /// Seconds after which it is given up
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

/// Tries until a bad app is refused and a good one accepted.
pub async fn check_admission(args: CheckAdmissionArgs) -> Result<(), Error> {
    let CheckAdmissionArgs { namespace, timeout } = args;
    let client = Client::try_from(kube::Config::infer().await?).map_err(Error::Client)?;
    let api: Api<KasprApp> = Api::namespaced(client, &namespace);
    let end = Instant::now() + Duration::from_secs(timeout);
    let mut said = String::new();
    loop {
        let wrong = match tokio::time::timeout_at(end, look(&api)).await {
            Ok(Ok(())) => {
                println!("a bad KasprApp is refused and a good one accepted: admission works");
                return Ok(());
            }
            Ok(Err(wrong)) => wrong,
            // What was wrong before says more.
            Err(_) if !said.is_empty() => said.clone(),
            Err(_) => "the API server did not answer in time".to_owned(),
        };
        if Instant::now() + PAUSE >= end {
            return Err(Error::Admission(wrong));
        }
        if wrong != said {
            eprintln!("not yet: {wrong}");
            said = wrong;
        }
        sleep(PAUSE).await;
    }
}

/// Sends both; says what is not as it should be.
async fn look(api: &Api<KasprApp>) -> Result<(), String> {
    // A key that the schema lets pass: `config` stays open there.
    match create(api, json!({ "webPrt": 6065 })).await? {
        Err(kube::Error::Api(status)) if status.message.contains(DENIED) => {}
        Err(error) => return Err(format!("a bad KasprApp: {}", describe(&error))),
        Ok(_) => return Err("a bad KasprApp was accepted: nobody asked the webhooks".to_owned()),
    }
    match create(api, json!({ "webPort": 6065 })).await? {
        Ok(app) if app.spec.replicas.is_some() => Ok(()),
        Ok(_) => Err("the defaulting webhook was not asked: `spec.replicas` is absent".to_owned()),
        Err(error) => Err(format!("a good KasprApp was refused: {}", describe(&error))),
    }
}

async fn create(api: &Api<KasprApp>, config: Value) -> Result<kube::Result<KasprApp>, String> {
    let app = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "KasprApp",
        "metadata": { "name": NAME },
        "spec": {
            "bootstrapServers": "kafka:9092",
            "authentication": {
                "type": "scram-sha-512",
                "username": NAME,
                "passwordSecret": { "secretName": NAME, "passwordKey": "password" },
            },
            "storage": { "type": "ephemeral" },
            "config": config,
        },
    });
    let app = serde_json::from_value(app).map_err(|error| error.to_string())?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    Ok(api.create(&params, &app).await)
}
