//! HTTP servers of the tests, on loopback.

use std::{error::Error, net::SocketAddr};

use hyper::{
    Request, Response,
    body::{Body, Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Runtime};

/// A server. It stops when it is dropped.
pub(crate) struct Listening {
    pub address: SocketAddr,
    _runtime: Runtime,
}

impl Listening {
    /// Starts a server. An error of `respond` breaks off the connection.
    pub(crate) fn start<A, F, B, E>(respond: A) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let respond = service_fn(respond.clone());
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), respond);
                tokio::spawn(connection.with_upgrades());
            }
        });
        Self { address, _runtime: runtime }
    }
}
