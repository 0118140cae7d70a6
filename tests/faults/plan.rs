//! What is to go wrong, where, and what has happened so far in each namespace.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// How long a watch continues without an event that it lost. Then it ends and the client lists anew,
/// as an API server makes it do sooner or later. Delayed events come then, too.
pub(crate) const LOST: Duration = Duration::from_secs(2);

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The operator is killed before the API server hears of a write.
    KillBefore,
    /// The operator is killed after a write, before it hears the answer.
    KillAfter,
    /// A write is answered with this status and not made.
    Answer(u16),
    /// A write is made and its answer lost.
    Cut,
    /// The API server restarts after a write.
    ApiServer,
    /// etcd restarts after a write.
    Etcd,
    /// The API server does not reach the webhooks for a while after a write.
    Webhooks,
    /// The event of a watch is lost.
    Lose,
    /// All watches end with `410 Gone` after the event of a watch.
    Gone,
    /// All events come this many milliseconds late.
    Late(u64),
    /// Each watch holds its last events back, this many of them, as long as more come.
    Behind(usize),
}

impl Fault {
    /// Whether it strikes at an event of a watch, and not at a write.
    pub(crate) fn at_event(self) -> bool {
        matches!(self, Self::Lose | Self::Gone)
    }

    /// Whether it is too much for what happens in other namespaces at the same time.
    pub(crate) fn is_alone(self) -> bool {
        self.needs_hands() || self.lasts()
    }

    /// Whether it strikes nothing by itself, but is there all the time.
    pub(crate) fn lasts(self) -> bool {
        matches!(self, Self::Late(_) | Self::Behind(_))
    }

    /// Whether the operator learns things late or in another order.
    pub(crate) fn blinds(self) -> bool {
        self.lasts() || matches!(self, Self::Lose | Self::Gone | Self::ApiServer | Self::Etcd)
    }

    /// Whether a process is to be killed or restarted when it strikes.
    pub(crate) fn needs_hands(self) -> bool {
        self.kills() || matches!(self, Self::ApiServer | Self::Etcd | Self::Webhooks)
    }

    /// Whether the operator is killed.
    pub(crate) fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillBefore => f.pad("kill before"),
            Self::KillAfter => f.pad("kill after"),
            Self::Answer(status) => f.pad(&status.to_string()),
            Self::Cut => f.pad("cut"),
            Self::ApiServer => f.pad("API server"),
            Self::Etcd => f.pad("etcd"),
            Self::Webhooks => f.pad("no webhooks"),
            Self::Lose => f.pad("event lost"),
            Self::Gone => f.pad("410"),
            Self::Late(by) => f.pad(&format!("late {by} ms")),
            Self::Behind(by) => f.pad(&format!("{by} behind")),
        }
    }
}

/// What was counted in a namespace, and what is to go wrong in it.
#[derive(Default)]
struct Space {
    writes: usize,
    events: usize,
    last: Option<Instant>,
    armed: Option<(Fault, usize)>,
    struck: Option<String>,
    /// Whether the fault still requires an action.
    open: bool,
}

/// What the proxy asks and the campaign sets.
pub(crate) struct Plan {
    spaces: Mutex<HashMap<String, Space>>,
    /// Counts how often all watches were ended.
    ended: watch::Sender<u64>,
    /// Whether the operator is as good as dead: nothing of it gets through.
    frozen: watch::Sender<bool>,
    /// Whether the operator is being restarted: killing it again would leave no process that restarts it.
    restarting: AtomicBool,
    /// Whether the API server does not reach the webhooks.
    without_webhooks: watch::Sender<bool>,
    late: watch::Sender<Duration>,
    behind: watch::Sender<usize>,
}

impl Plan {
    /// Nothing goes wrong.
    pub(crate) fn new() -> Self {
        Self {
            spaces: Mutex::default(),
            ended: watch::Sender::new(0),
            frozen: watch::Sender::new(false),
            restarting: AtomicBool::new(false),
            without_webhooks: watch::Sender::new(false),
            late: watch::Sender::new(Duration::ZERO),
            behind: watch::Sender::new(0),
        }
    }

    /// Counts anew in a namespace, and lets the fault strike at the n-th write or event from here.
    pub(crate) fn arm(&self, namespace: &str, fault: Option<(Fault, usize)>) {
        match fault {
            Some((Fault::Late(by), _)) => _ = self.late.send_replace(Duration::from_millis(by)),
            Some((Fault::Behind(by), _)) => _ = self.behind.send_replace(by),
            _ => {}
        }
        let space = Space { armed: fault, ..Space::default() };
        self.spaces().insert(namespace.to_owned(), space);
    }

    /// Nothing goes wrong in the namespace any more. Gives how many writes and events there were.
    pub(crate) fn disarm(&self, namespace: &str) -> (usize, usize) {
        self.late.send_replace(Duration::ZERO);
        self.behind.send_replace(0);
        self.spaces().remove(namespace).map_or((0, 0), |space| (space.writes, space.events))
    }

    /// Counts a write; gives the fault that strikes at it.
    pub(crate) fn write(&self, namespace: &str, what: &str) -> Option<Fault> {
        let mut spaces = self.spaces();
        let space = spaces.get_mut(namespace)?;
        space.writes += 1;
        space.last = Some(Instant::now());
        let (fault, at) = space.armed.filter(|(fault, _)| !fault.at_event())?;
        // A kill that another run's restart delays strikes at a later write.
        let waits = fault.kills() && self.restarting.load(Ordering::Relaxed);
        if at > space.writes || space.struck.is_some() || waits || fault.lasts() {
            return None;
        }
        space.struck = Some(what.to_owned());
        space.open = fault.needs_hands();
        if fault.kills() {
            self.frozen.send_replace(true);
        }
        Some(fault)
    }

    /// Counts an event of a watch; gives the fault that strikes at it.
    pub(crate) fn event(&self, namespace: &str, what: &str) -> Option<Fault> {
        let mut spaces = self.spaces();
        let space = spaces.get_mut(namespace)?;
        space.events += 1;
        let (fault, at) = space.armed.filter(|(fault, _)| fault.at_event())?;
        if at != space.events {
            return None;
        }
        space.struck = Some(what.to_owned());
        space.open = fault == Fault::Lose;
        Some(fault)
    }

    /// Ends all watches, once the client has gone without a lost event for a while.
    pub(crate) async fn make_up_for(&self, namespace: &str) {
        tokio::time::sleep(LOST).await;
        self.end_watches();
        self.attended(namespace);
    }

    /// Ends all watches.
    pub(crate) fn end_watches(&self) {
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// The fault that waits for the hands of the campaign.
    pub(crate) fn to_attend(&self, namespace: &str) -> Option<Fault> {
        let spaces = self.spaces();
        let space = spaces.get(namespace).filter(|space| space.open)?;
        space.armed.map(|(fault, _)| fault).filter(|fault| fault.needs_hands())
    }

    /// The campaign has done its part.
    pub(crate) fn attended(&self, namespace: &str) {
        if let Some(space) = self.spaces().get_mut(namespace) {
            space.open = false;
            space.last = Some(Instant::now());
        }
    }

    /// The operator is gone, and a new one may speak.
    pub(crate) fn thaw(&self) {
        self.restarting.store(true, Ordering::Relaxed);
        self.frozen.send_replace(false);
    }

    /// The new operator is ready, and may be killed.
    pub(crate) fn restarted(&self) {
        self.restarting.store(false, Ordering::Relaxed);
    }

    /// The API server does not reach the webhooks, or does again.
    pub(crate) fn set_without_webhooks(&self, without: bool) {
        self.without_webhooks.send_replace(without);
    }

    /// Waits until the API server does not reach the webhooks.
    pub(crate) async fn until_without_webhooks(&self) {
        // The plan lives as long as this process.
        _ = self.without_webhooks.subscribe().wait_for(|without| *without).await;
    }

    /// Whether nothing was written in the namespace for that long, and nothing is left to be done.
    pub(crate) fn is_quiet(&self, namespace: &str, time: Duration) -> bool {
        let held = if self.behind() > 0 { LOST } else { Duration::ZERO };
        let time = time + self.late() + held;
        self.spaces()
            .get(namespace)
            .is_none_or(|space| !space.open && space.last.is_none_or(|last| last.elapsed() > time))
    }

    /// What was struck.
    pub(crate) fn struck(&self, namespace: &str) -> Option<String> {
        self.spaces().get(namespace)?.struck.clone()
    }

    /// A receiver that changes when all watches ended.
    pub(crate) fn ends(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    /// A receiver that changes when a fault stops the operator.
    pub(crate) fn frozen(&self) -> watch::Receiver<bool> {
        self.frozen.subscribe()
    }

    /// How late events are.
    pub(crate) fn late(&self) -> Duration {
        *self.late.borrow()
    }

    /// How many events each watch delays.
    pub(crate) fn behind(&self) -> usize {
        *self.behind.borrow()
    }

    fn spaces(&self) -> MutexGuard<'_, HashMap<String, Space>> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
