//! A look at the members of an app, and what follows from it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;
use tokio::time::Instant;

use super::{
    assignment::{self, Cure},
    client::Answer,
    hung::{self, Hung, Strikes},
    picture::{self, Asked, Picture},
};
use crate::{
    api::{AppStatus, ConditionStatus, KasprApp},
    build::{self, environment, names},
    reconcile::{
        app::PAUSE, conditions as is, context::Context, links::Key, pods::CachedPod, report, status::Pods,
        watch::describe,
    },
};

/// The annotation that asks for a rebalance now.
pub const REBALANCE: &str = "kaspr.io/rebalance";

/// The annotation that wins over the setting.
const AUTO_REBALANCE: &str = "kaspr.io/auto-rebalance";

/// The annotation that wins over the setting.
const HUNG_DETECTION: &str = "kaspr.io/hung-member-detection-enabled";

/// The annotation that wins over the setting, in seconds.
const HUNG_THRESHOLD: &str = "kaspr.io/hung-rebalancing-threshold-seconds";

/// How many members of an app are asked at a time.
const AT_A_TIME: usize = 16;

/// Seconds that a hung member gets to stop.
const GRACE_SECONDS: u32 = 10;

/// The pause while something moves; it doubles while members do not answer.
const MOVING: Duration = Duration::from_secs(5);

/// The longest pause while members do not answer.
const SILENT: Duration = Duration::from_secs(60);

/// The pause while nothing moves: a member that begins to hang tells nobody else.
const CALM: Duration = Duration::from_secs(30);

/// How far apart two looks must be to count as two: events can bring many at once.
const EVIDENCE: Duration = Duration::from_secs(4);

/// What a burst of events is given to end.
const BURST: Duration = Duration::from_millis(500);

/// What is remembered between two looks.
#[derive(Default)]
struct Memory {
    strikes: Strikes,
    hung: Vec<Hung>,
    cure: Cure,
    /// When a look counted last.
    counted: Option<Instant>,
    silent: u32,
    /// When the next try may be, after a rebalance that could not be asked for.
    retry: Option<Instant>,
}

/// Looks again and again until the app is gone, which it then gives back.
pub async fn until_gone(ctx: Arc<Context>, key: Key) -> Key {
    let nudge = ctx.members.with(&key, |known| known.nudge.clone());
    let mut memory = Memory::default();
    // Nothing of a look is kept while there is nothing to look at: there is a task for each app.
    while let Some(pause) = Box::pin(look_once(&ctx, &key, &mut memory)).await {
        let _ = tokio::time::timeout(pause, nudge.notified()).await;
        tokio::time::sleep(BURST).await;
    }
    ctx.members.forget(&key);
    key
}

/// Gives the time until the next look; none if the app is gone.
async fn look_once(ctx: &Arc<Context>, key: &Key, memory: &mut Memory) -> Option<Duration> {
    let app = current(ctx, key)?;
    Some(look(ctx, key, &app, memory).await)
}

/// The app with its newest status, if it is there to stay.
pub fn current(ctx: &Context, key: &Key) -> Option<KasprApp> {
    let cached = ctx.caches.get::<KasprApp>(key)?;
    let app = cached.0.as_ref().ok().filter(|app| app.metadata.deletion_timestamp.is_none())?;
    Some(ctx.told.newest(key, app).into_owned())
}

/// What the rest of the cluster knows of an app.
struct Around {
    status: AppStatus,
    pods: Pods,
    /// Nothing is under way: objects stand as they should and members are those that should be.
    settled: bool,
    paused: bool,
}

impl Around {
    fn of(ctx: &Context, key: &Key, app: &KasprApp) -> Self {
        let status = app.status.clone().unwrap_or_default();
        let set = names::app(&key.name);
        let pods = Pods::of(ctx.stateful_set(key).as_ref());
        let progressing = status.conditions.iter().flatten().find(|c| c.r#type == is::PROGRESSING);
        let settled = progressing.is_some_and(|condition| {
            condition.status == ConditionStatus::False
                && condition.reason == is::RECONCILE_COMPLETE
                && Some(condition.observed_generation) == app.metadata.generation
        });
        let seen = ctx.applied.is_seen(build::OwnedKind::StatefulSet, &key.namespace, &set);
        let paused = build::annotated(app, PAUSE);
        Self { status, pods, settled: settled && seen && pods.complete() && !paused, paused }
    }
}

/// One look. Gives the pause until the next one.
async fn look(ctx: &Arc<Context>, key: &Key, app: &KasprApp, memory: &mut Memory) -> Duration {
    let around = Around::of(ctx, key, app);
    let manual = build::annotated(app, REBALANCE) && !around.paused;
    if !ctx.settings.members.client_status_check && !manual {
        return CALM;
    }
    let asked = ask(ctx, key, app).await;
    let before = ctx.members.picture(key);
    let known = before.members.as_deref().or(around.status.members.as_deref()).unwrap_or_default();
    let now = Timestamp::now();
    let (members, transitions) = picture::follow(known, &asked, now);
    for (member, from, to) in transitions {
        ctx.metrics.member_changed(&key.name, &key.namespace, member, from, to);
    }
    let answers: Vec<&Answer> = asked.iter().filter_map(|asked| asked.answer.as_ref()).collect();
    let all = !asked.is_empty() && answers.len() == asked.len() && asked.len() as i64 == around.pods.wanted;
    let busy = answers.iter().any(|answer| answer.rebalancing || answer.recovering);
    let counts = memory.counted.is_none_or(|last| last.elapsed() >= EVIDENCE);
    if counts {
        memory.counted = Some(Instant::now());
    }
    let unassigned = if !counts {
        before.unassigned.clone()
    } else if around.settled && all && !busy {
        let linked = ctx.sorted(key, app).linked;
        memory.cure.saw(assignment::unassigned(&assignment::expected(app, &linked), &answers))
    } else {
        memory.cure.saw_nothing();
        // Still missing until the contrary is known.
        before.unassigned.clone()
    };
    if counts {
        count_hung(ctx, key, app, around.settled, &members, &asked, memory);
    }
    // Those that are left alone are told of in metrics only.
    let hung = if ends_hung(ctx, app) { memory.hung.clone() } else { Vec::new() };
    let next = Picture {
        members: ctx.settings.members.client_status_check.then_some(members),
        unassigned,
        hung: hung.iter().map(|hung| hung.id).collect(),
    };
    let changed = next != before;
    ctx.members.with(key, |known| known.picture = next.clone());
    let tried = rebalance(ctx, key, app, &around, Seen { asked: &asked, all, busy, manual }, memory).await;
    for hung in hung::to_end(&hung).iter().filter(|_| counts) {
        end(ctx, key, app, hung).await;
    }
    if changed || tried {
        ctx.queues.send([key.clone()]);
    }
    let required = around.status.rebalance_required == Some(true);
    let suspicious = memory.cure.is_suspicious();
    let moving =
        busy || suspicious || required || !around.settled || !hung.is_empty() || !next.unassigned.is_empty();
    memory.pause(asked.len(), all, moving)
}

impl Memory {
    fn pause(&mut self, pods: usize, all: bool, moving: bool) -> Duration {
        if pods == 0 {
            return SILENT;
        }
        if !all {
            self.silent = self.silent.saturating_add(1);
            return MOVING.saturating_mul(1 << (self.silent - 1).min(8)).min(SILENT);
        }
        self.silent = 0;
        if moving { MOVING } else { CALM }
    }
}

/// Asks each member that has an address.
async fn ask(ctx: &Context, key: &Key, app: &KasprApp) -> Vec<Asked> {
    let path = &environment::status_path(app);
    let asks = ctx.member_pods(key).into_iter().map(|pod| async move {
        let answer = match &pod.address {
            Some(address) => ctx.member_client.status(address, path).await,
            None => return Asked { pod, answer: None },
        };
        if let Err(error) = &answer {
            tracing::debug!(namespace = key.namespace, pod = pod.name, %error, "a member gave no answer");
        }
        Asked { pod, answer: answer.ok() }
    });
    stream::iter(asks.collect::<Vec<_>>()).buffered(AT_A_TIME).collect().await
}

/// What was seen in this look.
struct Seen<'a> {
    asked: &'a [Asked],
    /// Whether every member answered.
    all: bool,
    /// Whether one is in a rebalance or recovers.
    busy: bool,
    /// Whether the user asks for a rebalance.
    manual: bool,
}

/// Asks for a rebalance, if there is a reason. Gives whether it did.
///
/// Every rebalance can repeat messages: there is never a second one at the same time, and one that
/// nobody asked for waits until everything else is done.
async fn rebalance(
    ctx: &Context,
    key: &Key,
    app: &KasprApp,
    around: &Around,
    Seen { asked, all, busy, manual }: Seen<'_>,
    memory: &mut Memory,
) -> bool {
    let now = Instant::now();
    let auto = flag(app, AUTO_REBALANCE).unwrap_or(ctx.settings.members.auto_rebalance);
    let calm = auto && around.settled && all && !busy && memory.retry.is_none_or(|retry| retry <= now);
    let reason = match () {
        () if manual => "manual",
        () if calm && around.status.rebalance_required == Some(true) => "subscription_change",
        () if calm && memory.cure.is_due(now) => "unassigned_topics",
        () => return false,
    };
    let leader = asked.iter().find(|asked| asked.answer.as_ref().is_some_and(|answer| answer.leader));
    let address = leader.and_then(|leader| leader.pod.address.as_ref());
    let begun = Instant::now();
    let outcome = match address {
        Some(address) => {
            let path = environment::web_path(app, "/signal/rebalance");
            ctx.member_client.rebalance(address, &path).await.map_err(|error| error.to_string())
        }
        None => Err("no member answers that it leads".to_owned()),
    };
    ctx.metrics.rebalanced(&key.name, &key.namespace, reason, begun.elapsed(), outcome.is_ok());
    memory.cure.tried(now);
    memory.retry = outcome.is_err().then(|| now + SILENT);
    match &outcome {
        Ok(()) => {
            ctx.members.with(key, |known| known.rebalanced = true);
            tracing::info!(app = key.name, namespace = key.namespace, reason, "asked for a rebalance");
            report::normal(ctx, app, "Rebalance", format!("Asked for a rebalance: {reason}")).await;
        }
        Err(error) => {
            tracing::warn!(
                app = key.name,
                namespace = key.namespace,
                reason,
                error,
                "can't ask for a rebalance"
            );
            let note = format!("Can't ask for a rebalance ({reason}): {error}");
            report::warning(ctx, app, "RebalanceFailed", note).await;
        }
    }
    if manual {
        forget_wish(ctx, key).await;
    }
    outcome.is_ok()
}

/// The annotation asks for one attempt.
async fn forget_wish(ctx: &Context, key: &Key) {
    let patch = json!({ "metadata": { "annotations": { REBALANCE: null } } });
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &key.namespace);
    if let Err(error) = api.patch_metadata(&key.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        let error = describe(&error);
        tracing::warn!(
            app = key.name,
            namespace = key.namespace,
            error,
            "can't take the annotation {REBALANCE} off"
        );
    }
}

/// Whether members that hang are ended; they are counted all the same.
fn ends_hung(ctx: &Context, app: &KasprApp) -> bool {
    flag(app, HUNG_DETECTION).unwrap_or(ctx.settings.members.hung_member_detection)
}

/// Counts the members that hang, while nothing else explains it.
fn count_hung(
    ctx: &Context,
    key: &Key,
    app: &KasprApp,
    settled: bool,
    members: &[crate::api::Member],
    asked: &[Asked],
    memory: &mut Memory,
) {
    let ends = ends_hung(ctx, app);
    let threshold = app.annotations().get(HUNG_THRESHOLD).and_then(|text| text.trim().parse().ok());
    let threshold = threshold.unwrap_or(ctx.settings.members.hung_rebalancing_threshold_seconds);
    let hung = if settled {
        let answered = |id: i32| asked.iter().any(|asked| asked.pod.ordinal == id && asked.answer.is_some());
        memory.strikes.check(members, answered, threshold, Timestamp::now())
    } else {
        memory.strikes.clear();
        Vec::new()
    };
    let (app, namespace) = (key.name.as_str(), key.namespace.as_str());
    for Hung { id, strikes, seconds, .. } in &hung {
        ctx.metrics.hung(app, namespace, *id, *strikes, *seconds);
        if ends {
            tracing::warn!(app, namespace, member = id, strikes, seconds, "a member hangs in a rebalance");
        }
    }
    for gone in memory.hung.iter().filter(|was| hung.iter().all(|hung| hung.id != was.id)) {
        ctx.metrics.hung(app, namespace, gone.id, 0, 0);
    }
    memory.hung = hung;
}

/// Ends the pod of a hung member, if it still is that pod and still hangs.
async fn end(ctx: &Context, key: &Key, app: &KasprApp, hung: &Hung) {
    let name = format!("{}-{}", names::app(&key.name), hung.id);
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let ended = async {
        let Some(live) = api.get_opt(&name).await? else { return Ok(false) };
        if live.uid().as_deref() != Some(&hung.uid) || live.metadata.deletion_timestamp.is_some() {
            return Ok(false);
        }
        let Some(address) = CachedPod::from(live).member.and_then(|pod| pod.address) else {
            return Ok(false);
        };
        let answer = ctx.member_client.status(&address, &environment::status_path(app)).await;
        if !answer.is_ok_and(|answer| answer.rebalancing && !answer.recovering) {
            return Ok(false);
        }
        let params = DeleteParams {
            grace_period_seconds: Some(GRACE_SECONDS),
            preconditions: Some(Preconditions { uid: Some(hung.uid.clone()), resource_version: None }),
            ..DeleteParams::default()
        };
        api.delete(&name, &params).await.map(|_| true)
    };
    match ended.await {
        Ok(false) => {}
        Ok(true) => {
            let seconds = hung.seconds;
            ctx.metrics.terminated(&key.name, &key.namespace, hung.id, "hung");
            tracing::warn!(
                app = key.name,
                namespace = key.namespace,
                pod = name,
                seconds,
                "ended a hung member"
            );
            let note =
                format!("Ended pod {name}: in a rebalance for {seconds} s, seen in {} checks", hung.strikes);
            report::warning(ctx, app, "HungMemberTerminated", note).await;
        }
        // Gone or replaced in the meantime.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
        Err(error) => {
            let error = describe(&error);
            tracing::warn!(
                app = key.name,
                namespace = key.namespace,
                pod = name,
                error,
                "can't end a hung member"
            );
        }
    }
}

/// An annotation that says true or false.
fn flag(app: &KasprApp, annotation: &str) -> Option<bool> {
    match app.annotations().get(annotation)?.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
