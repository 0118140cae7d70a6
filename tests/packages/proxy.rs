//! A store in front of a store, which goes down after some requests.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode, body::Bytes, body::Incoming, client::conn::http1 as client,
    server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// The proxy. It ends when it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    _runtime: Runtime,
}

type Body = BoxBody<Bytes, hyper::Error>;

impl Proxy {
    /// Passes on that many requests, and answers the others with 503.
    pub fn start(to: SocketAddr, requests: usize) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let left = Arc::new(AtomicUsize::new(requests));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let left = left.clone();
                tokio::spawn(async move {
                    let answer = |request| pass(request, to, left.clone());
                    _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service_fn(answer))
                        .await;
                });
            }
        });
        Self { address, _runtime: runtime }
    }
}

async fn pass(
    mut request: Request<Incoming>,
    to: SocketAddr,
    left: Arc<AtomicUsize>,
) -> Result<Response<Body>, Infallible> {
    let passes = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if !passes {
        return Ok(down());
    }
    // The request is signed for the proxy's own address where it is signed at all.
    if request.headers().get("authorization").is_none() {
        request.headers_mut().insert("host", to.to_string().parse().expect("a host"));
    }
    let Ok(stream) = TcpStream::connect(to).await else { return Ok(down()) };
    let Ok((mut sender, connection)) = client::handshake(TokioIo::new(stream)).await else {
        return Ok(down());
    };
    tokio::spawn(connection);
    match sender.send_request(request).await {
        Ok(answer) => Ok(answer.map(BodyExt::boxed)),
        Err(_) => Ok(down()),
    }
}

fn down() -> Response<Body> {
    let body = Full::new(Bytes::from_static(b"down")).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer
}
