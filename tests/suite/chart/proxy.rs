//! Replaces the network of Services: the API server connects through this proxy, and the operator answers every
//! request.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::Arc,
    thread,
};

/// The port of the Service of the webhooks.
const SERVICE_PORT: u16 = 443;

/// Serves `CONNECT` at a Unix socket until the process ends; tunnels to the Service of the webhooks lead to
/// that port of this machine, and those to pods and to the node to the port that they name.
pub(crate) fn serve(socket: &Path, webhooks: u16) {
    serve_with(socket, move |target| {
        let named = target.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = named.filter(|port| *port != SERVICE_PORT).unwrap_or(webhooks);
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
    });
}

/// Serves like [`serve`], with a function that connects to a target, `host:port`.
pub(crate) fn serve_with(
    socket: &Path,
    connect: impl Fn(&str) -> io::Result<TcpStream> + Send + Sync + 'static,
) {
    let listener = UnixListener::bind(socket).expect("a socket");
    let connect = Arc::new(connect);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // An error of one connection does not affect the others.
            let connect = connect.clone();
            thread::spawn(move || tunnel(client, &*connect));
        }
    });
}

fn tunnel(mut client: UnixStream, connect: &dyn Fn(&str) -> io::Result<TcpStream>) -> io::Result<()> {
    let mut request = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    request.read_line(&mut line)?;
    // As in `CONNECT host:port HTTP/1.1`.
    let server = connect(line.split_whitespace().nth(1).unwrap_or_default());
    while !line.trim().is_empty() {
        line.clear();
        request.read_line(&mut line)?;
    }
    let Ok(mut server) = server else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    let _ = io::copy(&mut request, &mut server);
    server.shutdown(Shutdown::Both)
}
