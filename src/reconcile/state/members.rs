//! What is known of the members of each app, and the queue of apps to monitor.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use tokio::sync::{Notify, mpsc};

use crate::{
    reconcile::{
        cache::index::ObjectKey,
        members::{
            crashes::ledger::{AgentCrash, Health},
            snapshot::MembersSnapshot,
        },
    },
    sync::lock,
};

/// What is known of the members of all apps.
#[derive(Default)]
pub(crate) struct Members(Mutex<HashMap<ObjectKey, AppMembers>>);

/// What is known of the members of an app.
#[derive(Default)]
struct AppMembers {
    snapshot: MembersSnapshot,
    wake: Arc<Notify>,
    /// Whether a rebalance was requested since the status was written.
    rebalance_requested: bool,
    /// The request of a manifest that was handled last.
    handled_request: Option<String>,
    agents: AgentReports,
}

/// What is known of the agents of an app.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AgentReports {
    /// The agents that crash, those first that were seen first.
    pub crashes: Vec<AgentCrash>,
    /// The health of agents, by name; without those of which nothing is known beyond their status.
    pub health: BTreeMap<String, Health>,
}

impl Members {
    /// Returns what the members of an app answered last.
    pub(crate) fn snapshot(&self, app: &ObjectKey) -> MembersSnapshot {
        self.with(app, |members| members.snapshot.clone())
    }

    /// Replaces what the members of an app answered last.
    pub(crate) fn set_snapshot(&self, app: &ObjectKey, snapshot: MembersSnapshot) {
        self.with(app, |members| members.snapshot = snapshot);
    }

    /// Returns the agents of an app that crash, those first that were seen first.
    pub(crate) fn agent_crashes(&self, app: &ObjectKey) -> Vec<AgentCrash> {
        self.with(app, |members| members.agents.crashes.clone())
    }

    /// Returns the health of an agent; `None` if nothing is known beyond its status.
    pub(crate) fn agent_health(&self, app: &ObjectKey, agent: &str) -> Option<Health> {
        self.with(app, |members| members.agents.health.get(agent).cloned())
    }

    /// Replaces what is known of the agents of an app. Returns whether that changed.
    pub(crate) fn set_agent_reports(&self, app: &ObjectKey, agents: AgentReports) -> bool {
        self.with(app, |members| {
            let changed = members.agents != agents;
            members.agents = agents;
            changed
        })
    }

    /// Returns whether a rebalance was requested, and resets it.
    pub(crate) fn take_rebalance_requested(&self, app: &ObjectKey) -> bool {
        self.with(app, |members| std::mem::take(&mut members.rebalance_requested))
    }

    /// A rebalance was requested, or the status that reports it could not be written.
    pub(crate) fn set_rebalance_requested(&self, app: &ObjectKey) {
        self.with(app, |members| members.rebalance_requested = true);
    }

    /// Returns the request of a manifest that this process handled last.
    pub(crate) fn handled_request(&self, app: &ObjectKey) -> Option<String> {
        self.with(app, |members| members.handled_request.clone())
    }

    /// Remembers that the request of a manifest was handled.
    pub(crate) fn set_handled_request(&self, app: &ObjectKey, value: &str) {
        self.with(app, |members| members.handled_request = Some(value.to_owned()));
    }

    /// Wakes the monitor of an app, if there is one: something changed.
    pub(crate) fn wake(&self, app: &ObjectKey) {
        if let Some(members) = lock(&self.0).get(app) {
            members.wake.notify_one();
        }
    }

    /// Returns what wakes the monitor of an app.
    pub(crate) fn waker(&self, app: &ObjectKey) -> Arc<Notify> {
        self.with(app, |members| members.wake.clone())
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }

    fn with<T>(&self, app: &ObjectKey, access: impl FnOnce(&mut AppMembers) -> T) -> T {
        access(lock(&self.0).entry(app.clone()).or_default())
    }
}

/// The queue of apps to monitor. It is closed while another replica reconciles.
#[derive(Default)]
pub(crate) struct MonitorQueue(Mutex<Option<mpsc::UnboundedSender<ObjectKey>>>);

impl MonitorQueue {
    /// Opens the queue, in place of an earlier one.
    pub(crate) fn open(&self) -> mpsc::UnboundedReceiver<ObjectKey> {
        let (sender, receiver) = mpsc::unbounded_channel();
        *lock(&self.0) = Some(sender);
        receiver
    }

    /// Requests that the members of an app be monitored, or polled soon if they already are.
    pub(crate) fn send(&self, app: ObjectKey) {
        if let Some(sender) = &*lock(&self.0) {
            // The receiver ends with the operator.
            let _ = sender.send(app);
        }
    }
}
