//! A store in front of a store, with which something goes wrong after some requests.

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

/// What happens after the requests that pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// All others are answered with 503.
    Down,
    /// The next one reaches the store, but its answer breaks off; all others pass.
    Cut,
    /// No other is ever answered.
    Silent,
}

pub type Body = BoxBody<Bytes, io::Error>;

/// Passes on that many requests; then there is trouble.
pub fn start(to: SocketAddr, requests: usize, trouble: Trouble) -> Listening {
    let seen = Arc::new(AtomicUsize::new(0));
    Listening::start(move |request| {
        let number = seen.fetch_add(1, Ordering::SeqCst);
        async move {
            match trouble {
                Trouble::Cut if number == requests => cut(pass(request, to).await).await,
                Trouble::Down if number >= requests => Ok(down()),
                Trouble::Silent if number >= requests => pending().await,
                _ => Ok(pass(request, to).await),
            }
        }
    })
}

/// Passes a request on to a store.
pub async fn pass<B>(mut request: Request<B>, to: SocketAddr) -> Response<Body>
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
        Ok(answer) => answer.map(|body| body.map_err(io::Error::other).boxed()),
        Err(_) => down(),
    }
}

/// Breaks off an answer in the middle of its body, or before it begins if there is none.
async fn cut(answer: Response<Body>) -> io::Result<Response<Body>> {
    let (mut parts, body) = answer.into_parts();
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
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer
}
