//! `check-admission`: checks that the API server calls the webhooks, trusts them and applies their
//! response. `helm test` runs this subcommand.
//!
//! The API server must reject an app with an error that only the webhooks detect, and accept a valid app.
//! Both requests are dry runs.

use std::time::Duration;

use clap::Args;
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{error::Error, kubeconfig};
use crate::{
    api::{GROUP, KasprApp, KasprResource, VERSION},
    error_chain::describe,
};

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Name of the app in the dry runs.
const NAME: &str = "check-admission";

/// Text that the API server puts before the message of a webhook that denies a request.
const DENIED: &str = "denied the request";

/// Arguments of `check-admission`.
#[derive(Args, Debug)]
pub(super) struct CheckAdmissionArgs {
    /// Namespace of the dry runs; not the operator's namespace, which the webhooks exclude
    #[arg(long, default_value = "default", value_name = "NAMESPACE")]
    namespace: String,
    /// Timeout of the check, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

/// Retries until the API server rejects an invalid app and accepts a valid one.
pub(super) async fn check_admission(args: CheckAdmissionArgs) -> Result<(), Error> {
    let CheckAdmissionArgs { namespace, timeout } = args;
    let client =
        Client::try_from(kubeconfig::infer(None).await.map_err(Error::Kubeconfig)?).map_err(Error::Client)?;
    let api: Api<KasprApp> = Api::namespaced(client, &namespace);
    let deadline = Instant::now() + Duration::from_secs(timeout);
    let mut last_problem = String::new();
    loop {
        let problem = match tokio::time::timeout_at(deadline, check(&api)).await {
            Ok(Ok(())) => {
                println!("admission works: an invalid KasprApp is rejected and a valid one is accepted");
                return Ok(());
            }
            Ok(Err(problem)) => problem,
            // The previous problem is more specific than the timeout.
            Err(_) if !last_problem.is_empty() => last_problem.clone(),
            Err(_) => "the API server did not answer in time".to_owned(),
        };
        if Instant::now() + PAUSE >= deadline {
            return Err(Error::Admission(problem));
        }
        if problem != last_problem {
            eprintln!("retrying: {problem}");
            last_problem = problem;
        }
        sleep(PAUSE).await;
    }
}

/// Sends both dry runs, and returns the problem that they show as an error.
async fn check(api: &Api<KasprApp>) -> Result<(), String> {
    // The schema accepts an unknown key, because `config` is an open block.
    match dry_run(api, json!({ "webport": 6065 })).await? {
        Err(kube::Error::Api(status)) if status.message.contains(DENIED) => {}
        Err(error) => return Err(format!("failed to send an invalid KasprApp: {}", describe(&error))),
        Ok(_) => {
            return Err("an invalid KasprApp was accepted: the API server did not call the webhooks".into());
        }
    }
    match dry_run(api, json!({ "webPort": 6065 })).await? {
        Ok(app) if app.spec.replicas.is_some() => Ok(()),
        Ok(_) => {
            Err("the API server did not call the defaulting webhook: `spec.replicas` is not set".to_owned())
        }
        Err(error) => Err(format!("a valid KasprApp was rejected: {}", describe(&error))),
    }
}

async fn dry_run(api: &Api<KasprApp>, config: Value) -> Result<kube::Result<KasprApp>, String> {
    let app = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": KasprApp::KIND.name(),
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
