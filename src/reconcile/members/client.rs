//! The client of the members' web servers.

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

/// How many members are polled concurrently. The members of a thousand apps start with their cluster,
/// and each connection takes memory and a file descriptor.
const CONCURRENCY: usize = 64;

/// A pod network connects at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Larger than any assignment: what sends more is not a member.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The status that a member reports.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct Answer {
    /// Whether it is the leader of its consumer group.
    #[serde(default)]
    pub leader: bool,
    /// Whether it is rebalancing.
    #[serde(default)]
    pub rebalancing: bool,
    /// Whether it is rebuilding its tables.
    #[serde(default)]
    pub recovering: bool,
    /// The partitions that it is assigned, if it reports them.
    #[serde(default)]
    pub assignment: Option<TopicPartitions>,
    /// The changelogs of tables that members hold, by the address of the member.
    #[serde(default)]
    pub table_metadata: BTreeMap<String, BTreeMap<String, Vec<i64>>>,
}

/// The partitions of a member, by topic.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct TopicPartitions {
    /// Partitions that it processes.
    #[serde(default)]
    pub actives: BTreeMap<String, Vec<i64>>,
    /// Partitions that it keeps a standby copy of.
    #[serde(default)]
    pub standbys: BTreeMap<String, Vec<i64>>,
}

/// Why a member did not answer.
#[derive(Debug, Error)]
pub(crate) enum MemberError {
    /// The address is not valid.
    #[error("the address of the member is not valid: {0}")]
    Address(#[from] hyper::http::Error),
    /// The connection failed or was closed.
    #[error("failed to reach the member: {0}")]
    Unreachable(String),
    /// The member did not answer in time.
    #[error("the member did not answer in time")]
    Timeout,
    /// The member answered with an error.
    #[error("the member answered with status {0}")]
    Refused(StatusCode),
    /// The answer is not the expected JSON.
    #[error("failed to parse the answer of the member: {0}")]
    Answer(#[from] serde_json::Error),
}

/// An HTTP client for members.
#[derive(Clone)]
pub(crate) struct MemberClient {
    client: Client<HttpConnector, Empty<Bytes>>,
    timeout: Duration,
    permits: Arc<Semaphore>,
}

impl MemberClient {
    /// Creates a client with a timeout for the whole answer.
    pub(crate) fn new(timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout.min(CONNECT_TIMEOUT)));
        // Polls are rare: an idle connection would occupy both ends for nothing.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, timeout, permits: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Asks a member for its status.
    ///
    /// # Errors
    ///
    /// The member could not be reached, or did not answer with a status in time.
    pub(crate) async fn status(&self, address: &(String, i32), path: &str) -> Result<Answer, MemberError> {
        let (status, body) = self.send(Method::GET, address, path).await?;
        match status {
            StatusCode::OK => Ok(serde_json::from_slice(&body)?),
            other => Err(MemberError::Refused(other)),
        }
    }

    /// Asks a member for its metrics.
    ///
    /// # Errors
    ///
    /// The member could not be reached, or did not answer in time.
    pub(crate) async fn metrics(&self, address: &(String, i32), path: &str) -> Result<String, MemberError> {
        let (status, body) = self.send(Method::GET, address, path).await?;
        match status {
            StatusCode::OK => Ok(String::from_utf8_lossy(&body).into_owned()),
            other => Err(MemberError::Refused(other)),
        }
    }

    /// Requests a rebalance from the leader.
    ///
    /// The framework's handler returns no response, which its web server reports as an internal error:
    /// that is a success. The route ends with a slash in some versions.
    ///
    /// # Errors
    ///
    /// The member could not be reached, or rejected the request.
    pub(crate) async fn rebalance(&self, address: &(String, i32), path: &str) -> Result<(), MemberError> {
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
            .header("accept", "application/json, text/plain")
            .body(Empty::<Bytes>::new())?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(unreachable)?;
            let (head, body) = response.into_parts();
            Ok((head.status, read_body(body).await?))
        };
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        tokio::time::timeout(self.timeout, exchange).await.map_err(|_| MemberError::Timeout)?
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, MemberError> {
    let read = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| MemberError::Unreachable(error.to_string()))
}

fn unreachable(error: hyper_util::client::legacy::Error) -> MemberError {
    MemberError::Unreachable(crate::error_chain::describe(&error))
}
