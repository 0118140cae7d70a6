//! The client of the API server, with a count of its requests.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use hyper::http::{Request, Response};
use kube::{Client, Config, client::ClientBuilder};
use tower::{Layer, Service};

use crate::telemetry::Metrics;

/// A client whose requests are counted.
///
/// Errors: the configuration does not make a client.
pub fn counted(config: Config, metrics: Arc<Metrics>) -> kube::Result<Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&Counting(metrics)).build())
}

struct Counting(Arc<Metrics>);

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, metrics: self.0.clone() }
    }
}

struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S, A, B> Service<Request<A>> for Counted<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (metrics, method) = (self.metrics.clone(), request.method().clone());
        let lost = (metrics.clone(), method.clone());
        self.inner
            .call(request)
            .inspect_ok(move |response| metrics.requested(method.as_str(), Some(response.status().as_u16())))
            .inspect_err(move |_| lost.0.requested(lost.1.as_str(), None))
            .boxed()
    }
}
