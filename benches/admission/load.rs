//! Sends reviews and takes the time.

use std::{
    io, process,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use futures::future::join_all;
use hyper::body::Bytes;
use serde_json::Value;

use crate::{
    cpu,
    https::{Connection, Protocol},
};

/// Connections that are kept.
pub(crate) const CONNECTIONS: usize = 16;

/// Threads that share them, each with its own runtime: nothing is handed from one to another, which
/// would cost the client more than the sending.
const THREADS: usize = 2;

/// Reviews a second of a steady pace.
const RATE: u32 = 1_000;

/// What is sent before anything is counted: the first reviews pay for what is made once.
const WARM_UP: Duration = Duration::from_millis(250);

/// A server under load.
pub(crate) struct Target {
    /// `https://ADDRESS:PORT`
    pub url: String,
    /// Its CA, PEM.
    pub authority: String,
    /// Its process id.
    pub pid: u32,
}

/// What is sent, and how.
pub(crate) struct Case {
    /// The protocol.
    pub protocol: Protocol,
    /// The webhook.
    pub path: &'static str,
    /// The body in words.
    pub what: &'static str,
    /// The body.
    pub body: Bytes,
}

/// How fast reviews are sent.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Each connection sends as soon as it has its answer.
    Fastest,
    /// All connections together send `RATE` reviews a second; one that is late is sent at once.
    Steady,
}

/// What a load showed.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How long each review took.
    pub times: Vec<Duration>,
    /// How long all of it took.
    pub length: Duration,
    /// Processor time of the server.
    pub server: Duration,
    /// Processor time of this process, which sends.
    pub client: Duration,
}

impl Outcome {
    /// Adds those of another round.
    pub(crate) fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.length += other.length;
        self.server += other.server;
        self.client += other.client;
    }
}

/// Sends the case once. Panics with the answer unless the review is allowed.
pub(crate) async fn check(target: &Target, case: &Case) {
    let mut connection = Connection::open(&target.url, &target.authority, case.protocol).await;
    let (status, answer) = connection.send(case.path, Some(case.body.clone())).await.expect("an answer");
    let text = String::from_utf8_lossy(&answer);
    let review: Value = serde_json::from_slice(&answer).unwrap_or_default();
    assert!(
        status.is_success() && review["response"]["allowed"] == true,
        "{} of the {} at {} is not allowed: {status} {text}",
        case.path,
        case.what,
        target.url
    );
}

/// Sends the case for a while over all connections.
pub(crate) fn run(target: &Target, case: &Case, pace: Pace, length: Duration) -> io::Result<Outcome> {
    thread::scope(|scope| {
        let mut gates = Vec::new();
        let (ready, warm) = mpsc::channel();
        let mut senders = Vec::new();
        for thread in 0..THREADS {
            let (gate, opened) = mpsc::channel();
            gates.push(gate);
            let start = Start { ready: ready.clone(), opened };
            senders.push(scope.spawn(move || send(target, case, pace, length, thread, start)));
        }
        drop(ready);
        // Less than all of them when one panics: it is joined below.
        let _ = warm.iter().take(THREADS).count();
        let before = (cpu::taken(target.pid)?, cpu::taken(process::id())?);
        let begun = Instant::now();
        drop(gates);
        let mut times = Vec::new();
        for sender in senders {
            times.extend(sender.join().expect("a sender that does not panic")?);
        }
        Ok(Outcome {
            times,
            length: begun.elapsed(),
            server: cpu::taken(target.pid)? - before.0,
            client: cpu::taken(process::id())? - before.1,
        })
    })
}

/// Lets all threads begin together. Made of channels for that they close when a thread panics.
struct Start {
    ready: mpsc::Sender<()>,
    /// Gets nothing: it is closed.
    opened: mpsc::Receiver<()>,
}

impl Start {
    /// Says that this thread is ready, and blocks until all are.
    fn wait(self) {
        let _ = self.ready.send(());
        drop(self.ready);
        let _ = self.opened.recv();
    }
}

/// One thread's share of the connections.
fn send(
    target: &Target,
    case: &Case,
    pace: Pace,
    length: Duration,
    thread: usize,
    start: Start,
) -> io::Result<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mine = (0..CONNECTIONS).filter(|index| index % THREADS == thread);
        let opened = mine.clone().map(|_| Connection::open(&target.url, &target.authority, case.protocol));
        let mut connections = join_all(opened).await;
        let warm = connections.iter_mut().map(|connection| as_fast_as_possible(connection, case, WARM_UP));
        join_all(warm).await;
        start.wait();
        let sent = connections.iter_mut().zip(mine).map(|(connection, index)| async move {
            match pace {
                Pace::Fastest => as_fast_as_possible(connection, case, length).await,
                Pace::Steady => steadily(connection, case, length, index).await,
            }
        });
        Ok(join_all(sent).await.concat())
    })
}

async fn as_fast_as_possible(connection: &mut Connection, case: &Case, length: Duration) -> Vec<Duration> {
    let end = Instant::now() + length;
    let mut times = Vec::new();
    while Instant::now() < end {
        times.push(one(connection, case).await);
    }
    times
}

/// The connection's share of `RATE`; the connections take turns.
async fn steadily(connection: &mut Connection, case: &Case, length: Duration, index: usize) -> Vec<Duration> {
    let step = Duration::from_secs(1) * CONNECTIONS as u32 / RATE;
    let first = tokio::time::Instant::now() + step * index as u32 / CONNECTIONS as u32;
    let mut clock = tokio::time::interval_at(first, step);
    let mut times = Vec::new();
    for _ in 0..length.as_millis() / step.as_millis() {
        clock.tick().await;
        times.push(one(connection, case).await);
    }
    times
}

async fn one(connection: &mut Connection, case: &Case) -> Duration {
    let begun = Instant::now();
    let (status, answer) = connection.send(case.path, Some(case.body.clone())).await.expect("an answer");
    let took = begun.elapsed();
    assert!(status.is_success() && answer.windows(14).any(|part| part == b"\"allowed\":true"), "not allowed");
    took
}
