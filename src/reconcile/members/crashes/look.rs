//! Looks for crashes of an app's agents in the logs and metrics of its members, and reports them.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{
    backlog::{Backlog, StalledTopics},
    blame::{ComponentCode, blame},
    ledger::{AgentCrash, Ledger},
    log::{self, CodeFrame, Crash},
    read,
    schedule::LogSchedule,
};
use crate::{
    api::{ConditionStatus, InputTopic, KasprAgent, KasprApp, Kind},
    reconcile::{
        cache::{index::ObjectKey, pod::MemberPod},
        conditions,
        context::Context,
        events, fetch,
        state::members::AgentReports,
    },
    resources::{RunnableComponent, environment},
    telemetry::metrics::ResourceLabels,
};

/// The minimum time between two looks at the metrics: between two of them, an agent that crashes receives few messages,
/// and another one many.
const METRICS_INTERVAL: Duration = Duration::from_secs(25);

/// How many members are asked concurrently.
const CONCURRENCY: usize = 4;

/// The delay for an app without agents.
const IDLE_DELAY: Duration = Duration::from_secs(30);

/// What is remembered between two looks at an app.
#[derive(Default)]
struct CrashWatch {
    ledger: Ledger,
    schedule: LogSchedule,
    restored: bool,
    /// The time of the newest crash that was counted, by the UID of the pod and the agent.
    counted: HashMap<(String, String), Timestamp>,
    /// What the members reported last, by the UID of the pod.
    backlogs: HashMap<String, (Instant, Backlog)>,
    metrics_read: Option<Instant>,
    stalled: StalledTopics,
}

/// Looks for crashes of an app's agents. Never ends.
pub(crate) async fn watch(ctx: &Context, key: &ObjectKey) {
    let mut watch = CrashWatch::default();
    loop {
        // Boxed, so that a look takes no memory between looks: there is a task for each app.
        let delay = Box::pin(look(ctx, key, &mut watch)).await;
        tokio::time::sleep(delay).await;
    }
}

/// Looks once. Returns the delay until the next look.
async fn look(ctx: &Context, key: &ObjectKey, watch: &mut CrashWatch) -> Duration {
    let Some(app) = fetch::app(ctx, key) else { return IDLE_DELAY };
    let agents = fetch::components(ctx, key).agents;
    watch.update_agents(&agents, Timestamp::now());
    if agents.is_empty() {
        publish(ctx, key, watch, &agents);
        return IDLE_DELAY;
    }
    let mut pods = fetch::member_pods(ctx, key);
    pods.retain(|pod| pod.address.is_some());
    watch.retain(&pods);
    let reads_logs = ctx.settings.members.member_logs && !ctx.log_access.is_denied(Instant::now());
    let metrics_answered = read_metrics(ctx, key, &app, &pods, watch).await;
    let logs_answered = reads_logs && read_logs(ctx, key, &agents, &pods, watch).await;
    let now = Timestamp::now();
    if !reads_logs {
        watch.record_waiting(&agents, now);
    }
    if logs_answered || (!reads_logs && metrics_answered) {
        watch.ledger.expire(now);
    }
    publish(ctx, key, watch, &agents);
    Duration::from_secs(watch.schedule.next(watch.is_suspicious(), now).unsigned_abs())
}

impl CrashWatch {
    /// Compares the definitions of the agents; the first time, reads from their status which are not healthy.
    fn update_agents(&mut self, agents: &[RunnableComponent<KasprAgent>], now: Timestamp) {
        if !std::mem::replace(&mut self.restored, true) {
            for agent in agents {
                let status = agent.status.as_ref();
                let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
                let mut healthy = conditions.filter(|c| c.r#type == conditions::AGENT_HEALTHY);
                if let Some(known) = healthy.find(|condition| condition.status != ConditionStatus::True) {
                    let hash = status.and_then(|status| status.hash.as_deref()).unwrap_or_default();
                    self.ledger.restore(&agent.name_any(), hash, &known.message, now);
                }
            }
        }
        let definitions: Vec<(String, String)> =
            agents.iter().map(|agent| (agent.name_any(), agent.hash.clone())).collect();
        self.ledger.compare(&definitions, now);
    }

    /// Forgets pods that are gone.
    fn retain(&mut self, pods: &[MemberPod]) {
        let runs = |uid: &str| pods.iter().any(|pod| pod.uid == uid);
        self.counted.retain(|(uid, _), _| runs(uid));
        self.backlogs.retain(|uid, _| runs(uid));
    }

    /// Returns whether logs should be read more often.
    fn is_suspicious(&self) -> bool {
        self.ledger.is_suspicious() || !self.stalled.is_empty()
    }

    /// Records agents whose messages wait.
    fn record_waiting(&mut self, agents: &[RunnableComponent<KasprAgent>], now: Timestamp) {
        for agent in agents {
            if let Some(topic) = topics(agent).find(|topic| self.stalled.is_confirmed(topic)) {
                self.ledger.record_waiting(&agent.name_any(), topic, now);
            }
        }
    }

    /// Returns the crashes that were not counted before.
    fn take_uncounted(&mut self, pod: &MemberPod, crashes: Vec<Crash>) -> Vec<Crash> {
        let mut uncounted = Vec::new();
        for crash in crashes {
            let counted = self.counted.entry((pod.uid.clone(), crash.agent.clone()));
            let newest = counted.or_insert(Timestamp::MIN);
            if crash.at > *newest {
                *newest = crash.at;
                uncounted.push(crash);
            }
        }
        uncounted
    }
}

fn topics(agent: &KasprAgent) -> impl Iterator<Item = &str> {
    agent.spec.input.topic.iter().flat_map(InputTopic::names)
}

/// Reads the metrics of the members, if it is time, and updates the topics whose messages wait. Returns whether a member
/// answered.
async fn read_metrics(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    pods: &[MemberPod],
    watch: &mut CrashWatch,
) -> bool {
    let is_early = watch.metrics_read.is_some_and(|read| read.elapsed() < METRICS_INTERVAL);
    if is_early || !ctx.settings.members.client_status_check {
        return false;
    }
    watch.metrics_read = Some(Instant::now());
    let path = &environment::metrics_path(app);
    let answers = pods.iter().map(|pod| async move {
        let answer = ctx.member_client.metrics(pod.address.as_ref()?, path).await;
        if let Err(error) = &answer {
            tracing::debug!(namespace = key.namespace, pod = pod.name, %error, "failed to read metrics");
        }
        Some((pod.uid.clone(), Backlog::parse(&answer.ok()?)))
    });
    let answers: Vec<_> = stream::iter(answers.collect::<Vec<_>>())
        .buffered(CONCURRENCY)
        .filter_map(std::future::ready)
        .collect()
        .await;
    let answered = !answers.is_empty();
    let mut stalled = BTreeSet::new();
    for (uid, backlog) in answers {
        if let Some((read, before)) = watch.backlogs.get(&uid) {
            stalled.extend(backlog.stalled_since(before, read.elapsed()));
        }
        watch.backlogs.insert(uid, (Instant::now(), backlog));
    }
    watch.stalled.update(stalled);
    answered
}

/// Reads the logs that are due, and records their crashes. Returns whether a log was read.
async fn read_logs(
    ctx: &Context,
    key: &ObjectKey,
    agents: &[RunnableComponent<KasprAgent>],
    pods: &[MemberPod],
    watch: &mut CrashWatch,
) -> bool {
    let created = |pod: &MemberPod| pod.created.parse::<Timestamp>().ok();
    let running: Vec<(&str, Option<Timestamp>)> =
        pods.iter().map(|pod| (pod.uid.as_str(), created(pod))).collect();
    let suspicious = watch.is_suspicious();
    let due = watch.schedule.due(&running, suspicious, Timestamp::now());
    let reads = due.into_iter().filter_map(|(uid, seconds)| {
        let pod = pods.iter().find(|pod| pod.uid == uid)?;
        Some(async move { (pod, read::log(ctx, &key.namespace, &pod.name, seconds).await) })
    });
    let logs: Vec<_> = stream::iter(reads.collect::<Vec<_>>()).buffered(CONCURRENCY).collect().await;
    let mut was_read = false;
    for (pod, log) in logs {
        match log {
            Some(log) => {
                was_read = true;
                let mut crashes = log::crashes(&log);
                // What logs name without being an agent is not remembered.
                crashes.retain(|crash| agents.iter().any(|agent| agent.name_any() == crash.agent));
                let crashes = watch.take_uncounted(pod, crashes);
                record(ctx, key, agents, pod, crashes, &mut watch.ledger).await;
            }
            None => watch.schedule.failed(&pod.uid, Timestamp::now()),
        }
    }
    was_read
}

/// Counts crashes on a member, and reports exceptions that are new.
async fn record(
    ctx: &Context,
    key: &ObjectKey,
    agents: &[RunnableComponent<KasprAgent>],
    pod: &MemberPod,
    crashes: Vec<Crash>,
    ledger: &mut Ledger,
) {
    let mut places: HashMap<(String, String, usize), Option<String>> = HashMap::new();
    let created = pod.created.parse().ok();
    for Crash { agent: name, exception, frame, .. } in crashes {
        let Some(agent) = agents.iter().find(|agent| agent.name_any() == name) else { continue };
        let labels = ResourceLabels { app: &key.name, component: &name, namespace: &key.namespace };
        ctx.metrics.agent_crashed(labels);
        let place = frame.and_then(|frame| {
            let known = (name.clone(), frame.function.clone(), frame.line);
            places.entry(known).or_insert_with(|| place(agent, &frame)).clone()
        });
        let exception = place.map_or(exception.clone(), |place| format!("{exception} ({place})"));
        let now = Timestamp::now();
        let crash = AgentCrash {
            agent: name.clone(),
            member: pod.ordinal,
            pod_uid: pod.uid.clone(),
            exception: exception.clone(),
            since: now,
        };
        if ledger.record(crash, created, now) {
            let (app, namespace, member) = (&key.name, &key.namespace, pod.ordinal);
            tracing::warn!(app, namespace, agent = name, member, exception, "an agent crashed");
            let note = format!("Crashed on member {member}: {exception}; each crash loses the message");
            events::warning(ctx, &**agent, conditions::AGENT_CRASHED, note).await;
        }
    }
}

fn place(agent: &RunnableComponent<KasprAgent>, frame: &CodeFrame) -> Option<String> {
    blame(frame, &[ComponentCode::of(&**agent)], false)
}

/// Publishes what is known. The status of the agents follows, and that of the app, whose rollout may depend on it.
fn publish(ctx: &Context, key: &ObjectKey, watch: &CrashWatch, agents: &[RunnableComponent<KasprAgent>]) {
    let reports = AgentReports { crashes: watch.ledger.crashes(), health: watch.ledger.health() };
    if ctx.members.set_agent_reports(key, reports) {
        let agents = agents.iter().map(|agent| ObjectKey {
            kind: Kind::Agent,
            namespace: key.namespace.clone(),
            name: agent.name_any(),
        });
        ctx.queues.send(agents.chain([key.clone()]));
    }
}
