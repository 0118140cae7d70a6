//! Reviews that may take long are judged beside the server's own threads, and only for so long.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use axum::body::Bytes;
use kube::core::{DynamicObject, admission::AdmissionReview, response::Status};
use serde::Deserialize;
use tokio::{sync::Semaphore, task, time};

use super::{
    Phase,
    review::{self, NotAReview},
};
use crate::validate::Surroundings;

/// A review that is smaller is judged faster than handed over.
const SMALL: usize = 16 << 10;

/// The API server waits for five seconds; a clear answer has to reach it before.
const LONGEST: Duration = Duration::from_secs(4);

/// Judges reviews, a few large ones at a time.
#[derive(Clone)]
pub struct Judge {
    turns: Arc<Semaphore>,
    longest: Duration,
}

impl Default for Judge {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self { turns: Arc::new(Semaphore::new(cores)), longest: LONGEST }
    }
}

type Answer = Result<AdmissionReview<DynamicObject>, NotAReview>;

impl Judge {
    /// The answer to the review in a body. One that is not there in time is a denial that says so.
    pub async fn answer(&self, phase: Phase, body: Bytes, known: Option<Arc<dyn Surroundings>>) -> Answer {
        if body.len() < SMALL {
            return review::answer(phase, &body, known.as_deref());
        }
        let judged = body.clone();
        self.within(&body, move || review::answer(phase, &judged, known.as_deref())).await
    }

    async fn within(&self, body: &Bytes, work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
        let turns = self.turns.clone();
        let done = async {
            let turn = turns.acquire_owned().await.ok();
            // What is late goes on to its end; its turn is over only then.
            task::spawn_blocking(move || {
                let answer = work();
                drop(turn);
                answer
            })
            .await
            .ok()
        };
        match time::timeout(self.longest, done).await {
            Ok(Some(answer)) => answer,
            Ok(None) => late(body, "the operator failed to judge the object: see its log"),
            Err(_) => late(body, "the operator is too busy to judge the object in time: try again"),
        }
    }
}

/// A denial of a review that was not judged.
fn late(body: &[u8], message: &str) -> Answer {
    #[derive(Deserialize)]
    struct Review {
        request: Request,
    }
    #[derive(Deserialize)]
    struct Request {
        uid: String,
    }
    let review: Review = serde_json::from_slice(body)?;
    let mut response = kube::core::admission::AdmissionResponse::invalid(message);
    response.uid = review.request.uid;
    response.result = Status::failure(message, "Timeout").with_code(504);
    Ok(response.into_review())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_denied_with_a_reason() {
        let judge = Judge { turns: Arc::new(Semaphore::new(1)), longest: Duration::from_millis(20) };
        let body = Bytes::from(json!({ "request": { "uid": "7", "object": {} } }).to_string());
        let (release, held) = mpsc::channel::<()>();
        let stuck = move || {
            // Ends when the test does.
            _ = held.recv();
            Err(NotAReview::NoRequest)
        };
        // The first is stuck, the second waits for its turn: both are told.
        let other = || Err(NotAReview::NoRequest);
        let (first, second) = tokio::join!(judge.within(&body, stuck), judge.within(&body, other));
        for answer in [first, second] {
            let response = answer.expect("an answer").response.expect("a response");
            assert_eq!((response.uid.as_str(), response.allowed, response.result.code), ("7", false, 504));
            assert_eq!(
                response.result.message,
                "the operator is too busy to judge the object in time: try again"
            );
        }
        drop(release);
    }

    #[tokio::test]
    async fn what_is_in_time_is_answered() {
        let body = Bytes::from_static(b"{}");
        let answer = Judge::default().within(&body, || Err(NotAReview::NoRequest)).await;
        assert!(matches!(answer, Err(NotAReview::NoRequest)));
    }
}
