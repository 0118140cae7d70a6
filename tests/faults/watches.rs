//! The answer to a watch, line by line, with events that come late, are lost, or are the last.

use std::{collections::VecDeque, io, sync::Arc};

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    plan::{Fault, LOST, Plan},
    proxy::Answer,
};

/// What the API server ends a watch with whose version it no longer knows.
const EXPIRED: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version","reason":"Expired","code":410}}"#,
    "\n"
);

/// A line, and when it came.
type Line = (Instant, Vec<u8>);

/// What is left of a watch.
struct Rest {
    lines: mpsc::UnboundedReceiver<Line>,
    /// Those that came and were not let through.
    held: VecDeque<Line>,
    ends: watch::Receiver<u64>,
    plan: Arc<Plan>,
    over: bool,
}

/// The watch as the plan lets it through.
pub(crate) fn disturbed(body: Body, plan: Arc<Plan>) -> Answer {
    let (sender, lines) = mpsc::unbounded_channel();
    tokio::spawn(read(body, sender));
    let mut ends = plan.ends();
    ends.mark_unchanged();
    let rest = Rest { lines, held: VecDeque::new(), ends, plan, over: false };
    let frames = stream::unfold(rest, |mut rest| async {
        let line = rest.next().await?;
        Some((Ok::<_, io::Error>(Frame::data(line)), rest))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Takes lines as they come, so that several can wait here.
async fn read(mut body: Body, lines: mpsc::UnboundedSender<Line>) {
    let mut left = Vec::new();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = lines.closed() => return,
        };
        let Some(Ok(frame)) = frame else { return };
        left.extend_from_slice(&frame.into_data().unwrap_or_default());
        while let Some(end) = left.iter().position(|byte| *byte == b'\n') {
            let line = left.drain(..=end).collect();
            if lines.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    }
}

impl Rest {
    async fn next(&mut self) -> Option<Bytes> {
        while !self.over {
            let line = tokio::select! {
                // The plan lives as long as this process.
                _ = self.ends.changed() => None,
                line = due(&mut self.lines, &mut self.held, &self.plan) => Some(line?),
            };
            let Some(line) = line else { break };
            match self.strikes(&line) {
                Some(Fault::Lose) => {}
                Some(_) => {
                    self.plan.end_watches();
                    return Some(line.into());
                }
                None => return Some(line.into()),
            }
        }
        (!std::mem::replace(&mut self.over, true)).then(|| Bytes::from_static(EXPIRED.as_bytes()))
    }

    fn strikes(&self, line: &[u8]) -> Option<Fault> {
        let event: Value = serde_json::from_slice(line).ok()?;
        let object = &event["object"];
        let namespace = object["metadata"]["namespace"].as_str()?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let what = format!("{} {kind} {name}", event["type"].as_str().unwrap_or_default());
        let fault = self.plan.event(namespace, &what)?;
        if fault == Fault::Lose {
            let (plan, namespace) = (self.plan.clone(), namespace.to_owned());
            tokio::spawn(async move { plan.make_up_for(&namespace).await });
        }
        Some(fault)
    }
}

/// The next line, when it is time.
async fn due(
    lines: &mut mpsc::UnboundedReceiver<Line>,
    held: &mut VecDeque<Line>,
    plan: &Plan,
) -> Option<Vec<u8>> {
    loop {
        if held.len() > plan.behind() {
            break;
        }
        let line = if held.is_empty() {
            lines.recv().await
        } else {
            match tokio::time::timeout(LOST, lines.recv()).await {
                Ok(line) => line,
                Err(_) => break,
            }
        };
        held.push_back(line?);
    }
    let (came, _) = held.front()?;
    tokio::time::sleep_until(*came + plan.late()).await;
    held.pop_front().map(|(_, line)| line)
}
