//! The members' web servers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::{Bytes, Incoming},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Members that are asked at a time. A thousand apps start at once with their cluster, and each
/// connection takes memory and a file descriptor.
const AT_A_TIME: usize = 64;

/// A pod's network answers at once or not at all.
const CONNECT: Duration = Duration::from_secs(5);

/// More than any assignment: a member that sends more is not one of ours.
const LONGEST_ANSWER: usize = 16 << 20;

/// What a member says of itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Answer {
    /// Whether it leads.
    #[serde(default)]
    pub leader: bool,
    /// Whether it is in a rebalance.
    #[serde(default)]
    pub rebalancing: bool,
    /// Whether it rebuilds its tables.
    #[serde(default)]
    pub recovering: bool,
    /// What it works on.
    #[serde(default)]
    pub assignment: Assignment,
}

/// The partitions of a member, by topic.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Assignment {
    /// Those that it processes.
    #[serde(default)]
    pub actives: BTreeMap<String, Vec<i64>>,
    /// Those that it keeps a copy of.
    #[serde(default)]
    pub standbys: BTreeMap<String, Vec<i64>>,
}

/// Why a member gave no answer.
#[derive(Debug, Error)]
pub enum MemberError {
    /// Its address is none.
    #[error("the member has no usable address: {0}")]
    Address(#[from] hyper::http::Error),
    /// It can't be reached, or broke off.
    #[error("the member can't be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the member did not answer in time")]
    Timeout,
    /// It answered something else.
    #[error("the member answered with status {0}")]
    Refused(StatusCode),
    /// Its answer can't be read.
    #[error("the member's answer can't be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Speaks to members.
#[derive(Clone)]
pub struct MemberClient {
    client: Client<HttpConnector, Empty<Bytes>>,
    timeout: Duration,
    turns: Arc<Semaphore>,
}

impl MemberClient {
    /// A client that waits that long for a whole answer.
    pub fn new(timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout.min(CONNECT)));
        // A connection that is kept for the next time ties up both ends for nothing.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, timeout, turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// How a member is.
    pub async fn status(&self, address: &(String, i32), path: &str) -> Result<Answer, MemberError> {
        let (status, body) = self.send(Method::GET, address, path).await?;
        match status {
            StatusCode::OK => Ok(serde_json::from_slice(&body)?),
            other => Err(MemberError::Refused(other)),
        }
    }

    /// Asks a leader for a rebalance.
    ///
    /// The framework's handler takes the signal and returns no response, which its web server reports
    /// as an internal error: that is no refusal. The route ends with a slash in some versions.
    pub async fn rebalance(&self, address: &(String, i32), path: &str) -> Result<(), MemberError> {
        let mut last = StatusCode::NOT_FOUND;
        for path in [path.to_owned(), format!("{path}/")] {
            let (status, _) = self.send(Method::POST, address, &path).await?;
            if status.is_success() || status == StatusCode::INTERNAL_SERVER_ERROR {
                return Ok(());
            }
            last = status;
            if status != StatusCode::NOT_FOUND {
                break;
            }
        }
        Err(MemberError::Refused(last))
    }

    async fn send(
        &self,
        method: Method,
        (host, port): &(String, i32),
        path: &str,
    ) -> Result<(StatusCode, Bytes), MemberError> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let uri =
            Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query(path).build()?;
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("accept", "application/json")
            .body(Empty::<Bytes>::new())?;
        let whole = async {
            let response = self.client.request(request).await.map_err(unreachable)?;
            let (head, body) = response.into_parts();
            Ok((head.status, read(body).await?))
        };
        // It is never closed.
        let _turn = self.turns.acquire().await;
        tokio::time::timeout(self.timeout, whole).await.map_err(|_| MemberError::Timeout)?
    }
}

async fn read(body: Incoming) -> Result<Bytes, MemberError> {
    let read = Limited::new(body, LONGEST_ANSWER).collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| MemberError::Unreachable(error.to_string()))
}

fn unreachable(error: hyper_util::client::legacy::Error) -> MemberError {
    MemberError::Unreachable(super::super::watch::describe(&error))
}
