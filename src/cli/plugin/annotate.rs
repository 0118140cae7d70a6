//! `pause`, `resume`, `rebalance` and `roll`: annotations that ask the operator for something.

use std::time::Duration;

use clap::Args;
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Event};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::PartialObjectMeta,
    runtime::wait::{Condition, await_condition},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    CliError, Output,
    cluster::{Cluster, ClusterArgs},
    document, print,
};
use crate::{
    api::{
        KasprApp,
        annotations::{PAUSE, REBALANCE, ROLL},
    },
    cli::Error,
    error_chain::describe,
    naming,
    resources::is_annotated,
};

/// Arguments of `pause` and `resume`.
#[derive(Args, Debug)]
pub struct AppArgs {
    /// The app
    #[arg(value_name = "APP")]
    app: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

/// Arguments of `rebalance` and `roll`.
#[derive(Args, Debug)]
pub struct WaitArgs {
    /// The app
    #[arg(value_name = "APP")]
    app: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Wait until it is done
    #[arg(short, long)]
    wait: bool,
    /// The longest wait, such as 90s, 5m or 1h
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = duration)]
    timeout: Duration,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

/// What came of a wish, in a form for programs.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    namespace: &'a str,
    app: &'a str,
    /// The subcommand.
    action: &'a str,
    /// Whether there was something to change: not where it was so, or asked for, already.
    changed: bool,
    /// Whether it has come true; not for a rebalance or a roll that was not waited for.
    done: bool,
    /// What people read.
    message: String,
}

/// An app that is there.
struct Found {
    cluster: Cluster,
    app: PartialObjectMeta<KasprApp>,
    name: String,
}

impl Found {
    async fn find(args: &ClusterArgs, name: &str) -> Result<Self, CliError> {
        let cluster = Cluster::connect(args).await?;
        // Only its metadata: an app that the types can't read can be paused too.
        let api = Api::<KasprApp>::namespaced(cluster.client.clone(), &cluster.namespace);
        let read = api.get_metadata_opt(name).await;
        let Some(app) = read.map_err(cluster.trouble(format!("read KasprApp {name}")))? else {
            // The kind may be unknown too, which a list tells.
            cluster.resources(Some(&cluster.namespace), Some(name)).await?;
            return Err(cluster.no_app(name).await);
        };
        Ok(Self { cluster, app, name: name.to_owned() })
    }

    fn shown(&self) -> String {
        format!("KasprApp {}/{}", self.cluster.namespace, self.name)
    }

    fn api(&self) -> Api<KasprApp> {
        Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace)
    }

    async fn annotate(&self, annotation: &str, value: Option<&str>) -> Result<(), CliError> {
        let patch = json!({ "metadata": { "annotations": { annotation: value } } });
        let (api, params) = (self.api(), PatchParams::default());
        let patched = api.patch_metadata(&self.name, &params, &Patch::Merge(&patch)).await;
        patched.map(drop).map_err(self.cluster.trouble(format!("annotate {}", self.shown())))
    }

    /// Says what came of a wish; the words go on from the app's name.
    fn tell(
        &self,
        output: Output,
        action: &str,
        changed: bool,
        done: bool,
        words: &str,
    ) -> Result<(), Error> {
        let message = self.shown() + words;
        let (namespace, app) = (self.cluster.namespace.as_str(), self.name.as_str());
        print(&match output {
            Output::Text => message + "\n",
            form => {
                let outcome = Outcome { namespace, app, action, changed, done, message };
                document(&outcome, form == Output::Json)?
            }
        })
    }

    /// The app's events with that reason: name, how often, and words. None where they can't be read.
    async fn warnings(&self, reason: &str) -> Vec<(String, Option<i32>, String)> {
        let api: Api<Event> = Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        let fields =
            format!("reason={reason},involvedObject.kind=KasprApp,involvedObject.name={}", self.name);
        let events = api.list(&ListParams::default().fields(&fields)).await;
        let told = |event: Event| {
            let times = event.series.as_ref().and_then(|series| series.count);
            (event.name_any(), times, event.message.unwrap_or_default())
        };
        events.into_iter().flatten().map(told).collect()
    }

    /// Waits for something to come true.
    async fn wait<K>(
        &self,
        api: Api<K>,
        name: &str,
        condition: impl Condition<K>,
        patience: Duration,
        what: &str,
    ) -> Result<(), CliError>
    where
        K: Clone + std::fmt::Debug + Send + DeserializeOwned + kube::Resource + 'static,
    {
        let late = |why: String| {
            CliError::Late(format!("{what} did not come true in {}s: {why}", patience.as_secs()))
        };
        match tokio::time::timeout(patience, await_condition(api, name, condition)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                Err(CliError::Refused { what: format!("watch {}", self.shown()), why: describe(&error) })
            }
            Err(_) => Err(late(format!("is the operator at work? see `status {}`", self.name))),
        }
    }
}

/// Stops all writes for an app.
pub async fn pause(args: AppArgs) -> Result<(), Error> {
    let found = Found::find(&args.cluster, &args.app).await?;
    let already = is_annotated(&found.app, PAUSE);
    found.annotate(PAUSE, Some("true")).await?;
    let how = if already { "was paused already" } else { "is paused" };
    let words = format!(" {how}: nothing is written for it but its status; `resume {}` goes on", found.name);
    found.tell(args.output, "pause", !already, true, &words)
}

/// Goes on with an app.
pub async fn resume(args: AppArgs) -> Result<(), Error> {
    let found = Found::find(&args.cluster, &args.app).await?;
    if !found.app.annotations().contains_key(PAUSE) {
        return found.tell(args.output, "resume", false, true, " was not paused");
    }
    found.annotate(PAUSE, None).await?;
    found.tell(args.output, "resume", true, true, " goes on: the operator brings it up to date")
}

/// Asks for a rebalance.
pub async fn rebalance(args: WaitArgs) -> Result<(), Error> {
    let found = Found::find(&args.cluster, &args.app).await?;
    not_paused(&found)?;
    let changed = !is_annotated(&found.app, REBALANCE);
    let tell = |done, words| found.tell(args.output, "rebalance", changed, done, words);
    let before = found.warnings("RebalanceFailed").await;
    found.annotate(REBALANCE, Some("true")).await?;
    if !args.wait {
        return tell(false, ": the leader will be asked for a rebalance");
    }
    let tried = |app: Option<&KasprApp>| app.is_none_or(|app| !app.annotations().contains_key(REBALANCE));
    found.wait(found.api(), &found.name, tried, args.timeout, "the rebalance").await?;
    // The operator tells why before it takes the annotation off.
    let after = found.warnings("RebalanceFailed").await;
    if let Some((_, _, why)) = after.into_iter().find(|warning| !before.contains(warning)) {
        Err(CliError::Refused { what: "rebalance".to_owned(), why })?;
    }
    let calm = |app: Option<&KasprApp>| {
        let status = app.and_then(|app| app.status.as_ref());
        let members = status.and_then(|status| status.rebalancing_members.as_deref());
        members.is_none_or(|members| members.starts_with("0/"))
    };
    found.wait(found.api(), &found.name, calm, args.timeout, "the end of the rebalance").await?;
    tell(true, ": a rebalance was asked for, and no member is in one now")
}

/// Gives the pods the newer template.
pub async fn roll(args: WaitArgs) -> Result<(), Error> {
    let found = Found::find(&args.cluster, &args.app).await?;
    not_paused(&found)?;
    let changed = !is_annotated(&found.app, ROLL);
    let tell = |done, words| found.tell(args.output, "roll", changed, done, words);
    found.annotate(ROLL, Some("true")).await?;
    if !args.wait {
        return tell(false, ": its pods will take the template of this operator");
    }
    let begun = |app: Option<&KasprApp>| app.is_none_or(|app| !app.annotations().contains_key(ROLL));
    found.wait(found.api(), &found.name, begun, args.timeout, "the roll").await?;
    let sets = Api::<StatefulSet>::namespaced(found.cluster.client.clone(), &found.cluster.namespace);
    found.wait(sets, &naming::app(&found.name), rolled, args.timeout, "the end of the roll").await?;
    tell(true, ": every pod has the template of this operator")
}

/// Whether all pods of a StatefulSet are of its newest template, and ready.
fn rolled(set: Option<&StatefulSet>) -> bool {
    let Some(set) = set else { return true };
    let value = serde_json::to_value(set).unwrap_or_default();
    let number = |path: &str| value.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    let wanted = number("/spec/replicas");
    number("/status/observedGeneration") >= number("/metadata/generation")
        && value["status"]["currentRevision"] == value["status"]["updateRevision"]
        && number("/status/readyReplicas") >= wanted
}

/// A paused app would not hear the wish.
fn not_paused(found: &Found) -> Result<(), CliError> {
    if !is_annotated(&found.app, PAUSE) {
        return Ok(());
    }
    Err(CliError::Refused {
        what: "ask for it".to_owned(),
        why: format!("{} is paused; first `resume {}`", found.shown(), found.name),
    })
}

/// Digits and one of s, m, h.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration: give digits and one of s, m, h, such as 90s");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "5", "5d", "-1s", "18446744073709551615h", "5é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
