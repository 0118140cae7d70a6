//! A proxy in front of a store, with a fault after a number of requests.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame},
    client::conn::http1 as client,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::listening::Listening;

/// Fault after a number of requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// All further requests are answered with 503.
    Down,
    /// The next request reaches the store, but its response breaks off; all others pass.
    Cut,
    /// No further request is answered.
    Silent,
}

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// Starts a proxy that forwards a number of requests before the fault.
pub(crate) fn start(to: SocketAddr, requests: usize, fault: Fault) -> Listening {
    let seen = Arc::new(AtomicUsize::new(0));
    Listening::start(move |request| {
        let number = seen.fetch_add(1, Ordering::SeqCst);
        async move {
            match fault {
                Fault::Cut if number == requests => cut(forward(request, to).await).await,
                Fault::Down if number >= requests => Ok(down()),
                Fault::Silent if number >= requests => pending().await,
                _ => Ok(forward(request, to).await),
            }
        }
    })
}

/// Forwards a request to a store.
pub(crate) async fn forward<B>(mut request: Request<B>, to: SocketAddr) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    // Amazon's signature covers the host.
    if !authorization.is_some_and(|value| value.starts_with("AWS4")) {
        request.headers_mut().insert("host", to.to_string().parse().expect("a host"));
    }
    let Ok(stream) = TcpStream::connect(to).await else { return down() };
    let Ok((mut sender, connection)) = client::handshake(TokioIo::new(stream)).await else {
        return down();
    };
    tokio::spawn(connection);
    match sender.send_request(request).await {
        Ok(response) => response.map(|body| body.map_err(io::Error::other).boxed()),
        Err(_) => down(),
    }
}

/// Breaks off a response in the middle of its body, or before it begins if the body is empty.
async fn cut(response: Response<Body>) -> io::Result<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let broken = || io::Error::other("cut");
    if bytes.is_empty() {
        return Err(broken());
    }
    parts.headers.insert("content-length", bytes.len().into());
    let frames = [Ok(Frame::data(bytes.slice(..bytes.len() / 2))), Err(broken())];
    Ok(Response::from_parts(parts, StreamBody::new(futures::stream::iter(frames)).boxed()))
}

fn down() -> Response<Body> {
    let body = Full::new(Bytes::from_static(b"down")).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
