//! A time limit for reviews: large ones run on a thread pool, so that the server's own threads stay free.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use hyper::body::Bytes;
use kube::core::{DynamicObject, admission::AdmissionReview, response::Status};
use serde::Deserialize;
use tokio::{sync::Semaphore, task, time};

use super::{
    Phase,
    review::{self, ReviewError},
};
use crate::validate::AppContextProvider;

/// A smaller review is answered faster than it is handed over.
const INLINE_BYTES: usize = 16 << 10;

/// The API server waits for five seconds; a clear answer must reach it earlier.
const TIME_LIMIT: Duration = Duration::from_secs(4);

/// Answers reviews, as many large ones at a time as there are processors.
#[derive(Clone)]
pub struct ReviewExecutor {
    permits: Arc<Semaphore>,
    time_limit: Duration,
}

impl Default for ReviewExecutor {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self { permits: Arc::new(Semaphore::new(cores)), time_limit: TIME_LIMIT }
    }
}

type Answer = Result<AdmissionReview<DynamicObject>, ReviewError>;

impl ReviewExecutor {
    /// Answers the review in `body`. A review that takes too long is denied with a message that says so.
    ///
    /// # Errors
    ///
    /// The body is not a review of a supported version.
    pub async fn answer(
        &self,
        phase: Phase,
        body: Bytes,
        provider: Option<Arc<dyn AppContextProvider>>,
    ) -> Answer {
        if body.len() < INLINE_BYTES {
            return review::answer(phase, &body, provider.as_deref());
        }
        let owned = body.clone();
        self.run_limited(&body, move || review::answer(phase, &owned, provider.as_deref())).await
    }

    async fn run_limited(&self, body: &Bytes, work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
        let permits = self.permits.clone();
        let done = async {
            let permit = permits.acquire_owned().await.ok();
            // A late review still runs to its end and keeps its permit until then.
            task::spawn_blocking(move || {
                let answer = work();
                drop(permit);
                answer
            })
            .await
            .ok()
        };
        match time::timeout(self.time_limit, done).await {
            Ok(Some(answer)) => answer,
            Ok(None) => denied(body, "validation failed inside the operator: see its log"),
            Err(_) => denied(body, "validation timed out because the operator is overloaded; try again"),
        }
    }
}

/// Denies a review that was not answered.
fn denied(body: &[u8], message: &str) -> Answer {
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
    async fn a_review_that_takes_too_long_is_denied_with_a_reason() {
        let executor =
            ReviewExecutor { permits: Arc::new(Semaphore::new(1)), time_limit: Duration::from_millis(20) };
        let body = Bytes::from(json!({ "request": { "uid": "7", "object": {} } }).to_string());
        let (release, held) = mpsc::channel::<()>();
        let stuck = move || {
            // Ends with the test.
            _ = held.recv();
            Err(ReviewError::NoRequest)
        };
        // The first is stuck, the second waits for a permit: both are denied.
        let other = || Err(ReviewError::NoRequest);
        let (first, second) =
            tokio::join!(executor.run_limited(&body, stuck), executor.run_limited(&body, other));
        for answer in [first, second] {
            let response = answer.expect("an answer").response.expect("a response");
            assert_eq!((response.uid.as_str(), response.allowed, response.result.code), ("7", false, 504));
            assert_eq!(
                response.result.message,
                "validation timed out because the operator is overloaded; try again"
            );
        }
        drop(release);
    }

    #[tokio::test]
    async fn a_review_in_time_is_answered() {
        let body = Bytes::from_static(b"{}");
        let answer = ReviewExecutor::default().run_limited(&body, || Err(ReviewError::NoRequest)).await;
        assert!(matches!(answer, Err(ReviewError::NoRequest)));
    }
}
