//! The client of the API server, with a count of its requests.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use hyper::http::{Request, Response};
use kube::{Api, Client, Config, client::ClientBuilder, core::DynamicObject};
use tower::{Layer, Service};

use crate::{resources::OwnedKind, telemetry::Metrics};

/// Creates a client that counts its requests.
///
/// # Errors
///
/// The configuration is not usable.
pub fn counting_client(config: Config, metrics: Arc<Metrics>) -> kube::Result<Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&CountingLayer(metrics)).build())
}

/// Returns the API of a kind of owned objects.
pub(super) fn owned_api(client: Client, kind: OwnedKind, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &kind.api_resource())
}

struct CountingLayer(Arc<Metrics>);

impl<S> Layer<S> for CountingLayer {
    type Service = CountingService<S>;

    fn layer(&self, inner: S) -> CountingService<S> {
        CountingService { inner, metrics: self.0.clone() }
    }
}

struct CountingService<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S, A, B> Service<Request<A>> for CountingService<S>
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
        let failed = (metrics.clone(), method.clone());
        self.inner
            .call(request)
            .inspect_ok(move |response| {
                metrics.client_request(method.as_str(), Some(response.status().as_u16()));
            })
            .inspect_err(move |_| failed.0.client_request(failed.1.as_str(), None))
            .boxed()
    }
}
