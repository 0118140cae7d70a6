//! Answers in place of the members in the pods of kwok, which runs no container.
//!
//! kwok gives its pods addresses of the loopback network, and this server listens on all of them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::thread;

use axum::{Json, Router, http::Method};
use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::{Context, Error};

/// Addresses of the pods: loopback addresses that nothing else uses.
pub(crate) const CIDR: &str = "127.244.0.0/16";

/// The ports of the members in tests and examples.
const PORTS: [u16; 4] = [6065, 6067, 7070, 8080];

/// Starts the members of this process, once.
pub(crate) fn start() -> Result<(), Error> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_some() {
        return Ok(());
    }
    // Another program may use one of the ports.
    let others = PORTS[1..].iter().filter_map(|port| listen(*port).ok());
    let listeners: Vec<TcpListener> = [listen(PORTS[0])?].into_iter().chain(others).collect();
    STARTED.get_or_init(|| drop(thread::spawn(move || serve(listeners))));
    Ok(())
}

/// Listens on a port together with other processes: each runs a control plane of its own, and all answer the same.
fn listen(port: u16) -> Result<TcpListener, Error> {
    let bound = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
        socket.listen(1024)?;
        Ok(socket.into())
    };
    bound().context(|| format!("listen on port {port} as a member"))
}

fn serve(listeners: Vec<TcpListener>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let mut servers = tokio::task::JoinSet::new();
        for listener in listeners {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                let routes = Router::new().fallback(answer);
                servers.spawn(async move { axum::serve(listener, routes).await });
            }
        }
        while servers.join_next().await.is_some() {}
    });
}

/// A member that works and is not the leader. It reports no assignment, so that any topic may be assigned.
async fn answer(method: Method) -> Json<Value> {
    if method == Method::GET {
        return Json(json!({ "leader": false, "rebalancing": false, "recovering": false }));
    }
    Json(Value::Null)
}
