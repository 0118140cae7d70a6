use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};

use super::{
    cache::{
        index::{AppIndex, ObjectKey},
        store::Caches,
    },
    members::client::MemberClient,
    state::{
        applied::AppliedObjects,
        assumed_status::AssumeCache,
        backoff::{Backoff, LONGEST_AFTER_ERROR, LONGEST_AFTER_REFUSAL},
        collected::CollectedSnapshots,
        counted_installs::CountedInstalls,
        counted_rollouts::CountedRollouts,
        log_access::LogAccess,
        members::{Members, MonitorQueue},
        refused::RefusedDefinitions,
        settling::Settling,
        validation_cache::ValidationCache,
        withheld::WithheldComponents,
        work_queue::WorkQueues,
    },
};
use crate::{api::Kind, naming::MANAGER, settings::ReconcileSettings, sync::lock, telemetry::Metrics};

/// What every reconcile works with.
pub(super) struct Context {
    pub client: Client,
    pub caches: Caches,
    pub settings: ReconcileSettings,
    pub metrics: Arc<Metrics>,
    /// Counts warnings that repeat, and remembers each for some minutes.
    pub recorder: Recorder,
    pub applied: AppliedObjects,
    pub index: Arc<Mutex<AppIndex>>,
    pub backoff: Backoff,
    /// Delays after objects were refused, which are longer.
    pub refusal_backoff: Backoff,
    /// Delays between looks at the events about pods.
    pub pod_events_backoff: Backoff,
    pub refused: RefusedDefinitions,
    pub settling: Settling,
    pub assumed: AssumeCache,
    pub validated: ValidationCache,
    pub queues: Arc<WorkQueues>,
    pub members: Members,
    pub member_client: MemberClient,
    pub monitor_queue: MonitorQueue,
    pub log_access: LogAccess,
    pub withheld: WithheldComponents,
    pub counted_installs: CountedInstalls,
    pub counted_rollouts: CountedRollouts,
    pub collected: CollectedSnapshots,
}

impl Context {
    pub(super) fn new(
        client: Client,
        caches: Caches,
        settings: ReconcileSettings,
        metrics: Arc<Metrics>,
        index: Arc<Mutex<AppIndex>>,
    ) -> Self {
        let recorder = new_recorder(client.clone());
        let timeout = Duration::from_secs_f64(settings.members.client_status_check_timeout_seconds);
        let queues = Arc::new(WorkQueues::new(metrics.clone(), index.clone()));
        Self {
            client,
            caches,
            settings,
            metrics,
            recorder,
            applied: AppliedObjects::default(),
            index,
            backoff: Backoff::new(LONGEST_AFTER_ERROR),
            refusal_backoff: Backoff::new(LONGEST_AFTER_REFUSAL),
            pod_events_backoff: Backoff::new(LONGEST_AFTER_REFUSAL),
            refused: RefusedDefinitions::default(),
            settling: Settling::default(),
            assumed: AssumeCache::default(),
            validated: ValidationCache::default(),
            queues,
            members: Members::default(),
            member_client: MemberClient::new(timeout),
            monitor_queue: MonitorQueue::default(),
            log_access: LogAccess::default(),
            withheld: WithheldComponents::default(),
            counted_installs: CountedInstalls::default(),
            counted_rollouts: CountedRollouts::default(),
            collected: CollectedSnapshots::default(),
        }
    }

    /// Returns a recorder without memory, for events that never repeat.
    pub(super) fn fresh_recorder(&self) -> Recorder {
        new_recorder(self.client.clone())
    }

    /// Locks the index of components by app.
    pub(super) fn index(&self) -> MutexGuard<'_, AppIndex> {
        lock(&self.index)
    }

    /// Forgets a resource that was deleted before its turn in the queue.
    pub(super) fn forget_queued(&self, key: &ObjectKey) {
        self.queues.dequeued(key);
        self.forget_metrics(key);
    }

    /// Forgets a resource that was deleted.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.assumed.forget(key);
        self.validated.forget(key);
        self.backoff.forget(key);
        self.refusal_backoff.forget(key);
        self.refused.remove(key);
        self.forget_metrics(key);
        if key.kind == Kind::App {
            self.pod_events_backoff.forget(key);
            self.withheld.forget(key);
            self.settling.forget(key);
            self.counted_installs.forget(key);
            self.counted_rollouts.forget(key);
            self.collected.forget(key);
            self.members.wake(key);
        }
    }

    fn forget_metrics(&self, key: &ObjectKey) {
        if key.kind == Kind::App {
            self.metrics.forget_app(&key.name, &key.namespace);
        } else {
            self.metrics.forget_component(&key.name, &key.namespace);
        }
    }
}

fn new_recorder(client: Client) -> Recorder {
    Recorder::new(client, Reporter::from(MANAGER))
}
