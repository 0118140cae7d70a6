//! Access to an app of the cluster, for the subcommands that request actions by annotations.

use std::{fmt::Debug, time::Duration};

use clap::Args;
use k8s_openapi::api::core::v1::Event;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::PartialObjectMeta,
    runtime::wait::{Condition, await_condition},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    cluster::{Cluster, ClusterArgs},
    error::CliError,
    output::{OutputFormat, print, to_json},
};
use crate::{
    api::{KasprApp, KasprResource, annotations::PAUSE},
    cli::{error::Error, output::to_yaml},
    error_chain::describe,
    resources::is_annotated,
};

/// Arguments of `pause` and `resume`.
#[derive(Args, Debug)]
pub(crate) struct AppArgs {
    /// Name of the app
    #[arg(value_name = "APP")]
    pub app: String,
    /// Cluster and namespace of the app.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What a subcommand did.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActionResult {
    /// Name of the subcommand.
    pub action: &'static str,
    /// Whether the subcommand changed the app. False if the app already had the requested state, or if
    /// the same request was pending.
    pub changed: bool,
    /// Whether the requested state is reached. False for a rebalance or roll without `--wait`.
    pub done: bool,
}

/// An [`ActionResult`] in JSON and YAML.
#[derive(Serialize)]
struct ActionReport<'a> {
    namespace: &'a str,
    app: &'a str,
    action: &'a str,
    changed: bool,
    done: bool,
    message: String,
}

/// An existing app.
pub(super) struct AppHandle {
    /// Cluster and namespace of the app.
    pub cluster: Cluster,
    /// Metadata of the app.
    pub metadata: PartialObjectMeta<KasprApp>,
    /// Name of the app.
    pub name: String,
}

impl AppHandle {
    /// Fetches the metadata of an app. Its spec is not read, so that an invalid app can be paused too.
    ///
    /// # Errors
    ///
    /// The app does not exist, or the request fails.
    pub(super) async fn fetch(args: &ClusterArgs, name: &str) -> Result<Self, CliError> {
        let cluster = Cluster::connect(args).await?;
        let api = Api::<KasprApp>::namespaced(cluster.client.clone(), &cluster.namespace);
        let read = api.get_metadata_opt(name).await;
        let what = format!("read {} {name}", KasprApp::KIND);
        let Some(metadata) = read.map_err(cluster.request_error(what))? else {
            // If the CRDs are missing, a list request returns the more specific error.
            cluster.resources(Some(&cluster.namespace), Some(name)).await?;
            return Err(cluster.app_not_found(name).await);
        };
        Ok(Self { cluster, metadata, name: name.to_owned() })
    }

    /// Returns kind, namespace and name, for messages.
    #[must_use]
    pub(super) fn display_name(&self) -> String {
        format!("{} {}/{}", KasprApp::KIND, self.cluster.namespace, self.name)
    }

    /// Returns the API of apps in the namespace.
    #[must_use]
    pub(super) fn api(&self) -> Api<KasprApp> {
        Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace)
    }

    /// Sets an annotation of the app, or removes it if the value is `None`.
    pub(super) async fn set_annotation(&self, annotation: &str, value: Option<&str>) -> Result<(), CliError> {
        let patch = json!({ "metadata": { "annotations": { annotation: value } } });
        let (api, params) = (self.api(), PatchParams::default());
        let patched = api.patch_metadata(&self.name, &params, &Patch::Merge(&patch)).await;
        patched.map(drop).map_err(self.cluster.request_error(format!("annotate {}", self.display_name())))
    }

    /// Returns an error if the app is paused: the operator ignores requests for paused apps.
    pub(super) fn ensure_not_paused(&self, action: &str) -> Result<(), CliError> {
        if !is_annotated(&self.metadata, PAUSE) {
            return Ok(());
        }
        Err(CliError::Refused {
            what: action.to_owned(),
            why: format!("{} is paused; run `resume {}` first", self.display_name(), self.name),
        })
    }

    /// Prints the result of a subcommand. `text` follows the name of the app.
    pub(super) fn print_result(
        &self,
        output: OutputFormat,
        result: ActionResult,
        text: &str,
    ) -> Result<(), Error> {
        let message = self.display_name() + text;
        let ActionResult { action, changed, done } = result;
        let (namespace, app) = (self.cluster.namespace.as_str(), self.name.as_str());
        let report = |message| ActionReport { namespace, app, action, changed, done, message };
        print(&match output {
            OutputFormat::Text => message + "\n",
            OutputFormat::Json => to_json(&report(message))?,
            OutputFormat::Yaml => to_yaml(&report(message))?,
        })
    }

    /// Returns name, count and message of the app's events with a reason; no events if the user may not
    /// list them.
    pub(super) async fn events(&self, reason: &str) -> Vec<(String, Option<i32>, String)> {
        let api: Api<Event> = Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        let fields = format!(
            "reason={reason},involvedObject.kind={},involvedObject.name={}",
            KasprApp::KIND,
            self.name
        );
        let events = api.list(&ListParams::default().fields(&fields)).await;
        let summary = |event: Event| {
            let count = event.series.as_ref().and_then(|series| series.count);
            (event.name_any(), count, event.message.unwrap_or_default())
        };
        events.into_iter().flatten().map(summary).collect()
    }

    /// Waits until an object satisfies a condition. `what` describes the condition for the error message.
    ///
    /// # Errors
    ///
    /// The condition is not satisfied within the timeout, or the object cannot be watched.
    pub(super) async fn wait_until<K>(
        &self,
        api: Api<K>,
        name: &str,
        condition: impl Condition<K>,
        timeout: Duration,
        what: &str,
    ) -> Result<(), CliError>
    where
        K: Clone + Debug + Send + DeserializeOwned + kube::Resource + 'static,
    {
        match tokio::time::timeout(timeout, await_condition(api, name, condition)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(CliError::Refused {
                what: format!("watch {}", self.display_name()),
                why: describe(&error),
            }),
            Err(_) => Err(CliError::Timeout {
                what: what.to_owned(),
                seconds: timeout.as_secs(),
                app: self.name.clone(),
            }),
        }
    }
}
