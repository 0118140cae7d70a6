//! Stands between the operator and the API server, and makes go wrong what the plan says.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderName},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    plan::{Fault, Plan},
    watches,
};

/// The body of an answer.
pub(crate) type Answer = UnsyncBoxBody<Bytes, io::Error>;

/// What concerns one connection and not the request, or is written anew.
const OWN: [HeaderName; 5] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::AUTHORIZATION,
];

/// Serves on a port of the loopback address until the process ends. Gives the address.
pub(crate) async fn serve(client: Client, plan: Arc<Plan>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (client, plan) = (client.clone(), plan.clone());
            let answer = service_fn(move |request| answer(client.clone(), plan.clone(), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A connection that ends with an error is one that was cut, by the plan or the operator.
            tokio::spawn(async move { _ = connection.await });
        }
    });
    Ok(address)
}

/// Answers a request. An error cuts the connection.
async fn answer(
    client: Client,
    plan: Arc<Plan>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, io::Error> {
    if *plan.frozen().borrow() {
        return Err(dead(&plan).await);
    }
    let fault = written(&request).and_then(|(namespace, what)| plan.write(&namespace, &what));
    match fault {
        Some(Fault::KillBefore) => return Err(dead(&plan).await),
        Some(Fault::Answer(status)) => return refusal(status),
        _ => {}
    }
    let watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
    let forwarded = forward(&client, request).await?;
    match fault {
        Some(Fault::KillAfter) => Err(dead(&plan).await),
        Some(Fault::Cut) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Webhooks) => {
            plan.until_without_webhooks().await;
            Ok(forwarded.map(|body| body.map_err(io::Error::other).boxed_unsync()))
        }
        _ if watch && forwarded.status().is_success() => {
            Ok(forwarded.map(|body| watches::disturbed(body, plan)))
        }
        _ => Ok(forwarded.map(|body| body.map_err(io::Error::other).boxed_unsync())),
    }
}

async fn forward(client: &Client, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    OWN.iter().for_each(|name| drop(parts.headers.remove(name)));
    let mut forwarded = Request::new(Body::from(body));
    *forwarded.method_mut() = parts.method;
    *forwarded.uri_mut() = parts.uri;
    *forwarded.headers_mut() = parts.headers;
    let mut response = client.send(forwarded).await.map_err(io::Error::other)?;
    OWN.iter().for_each(|name| drop(response.headers_mut().remove(name)));
    Ok(response)
}

/// Waits until the operator has ended, and the client with it.
async fn dead(plan: &Plan) -> io::Error {
    // The plan lives as long as this process.
    _ = plan.frozen().wait_for(|frozen| !frozen).await;
    io::ErrorKind::ConnectionReset.into()
}

/// The namespace that a request writes in, and what it writes. Leases are written all the time.
fn written(request: &Request<Incoming>) -> Option<(String, String)> {
    let (method, path) = (request.method(), request.uri().path());
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || path.contains("/leases") {
        return None;
    }
    let (namespace, object) = path.split_once("/namespaces/")?.1.split_once('/')?;
    Some((namespace.to_owned(), format!("{method} {object}")))
}

/// What the API server says with such a status.
fn refusal(status: u16) -> io::Result<Response<Answer>> {
    let (reason, message) = match status {
        409 => ("Conflict", "Operation cannot be fulfilled: the object has been modified"),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        _ => ("InternalError", "etcdserver: request timed out"),
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    });
    let never = |error: Infallible| match error {};
    let mut response = Response::new(Full::from(body.to_string()).map_err(never).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if status == 429 {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    Ok(response)
}
