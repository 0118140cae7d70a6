//! Stands in for the network of Services: the API server connects through it, and whatever it asks
//! for, the operator answers.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::Arc,
    thread,
};

/// Serves `CONNECT` at a Unix socket until the process ends; every tunnel leads to that port of this
/// machine.
pub fn serve(socket: &Path, port: u16) {
    serve_with(socket, move || TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
}

/// The same with tunnels that lead to whatever is connected to then.
pub fn serve_with(socket: &Path, connect: impl Fn() -> io::Result<TcpStream> + Send + Sync + 'static) {
    let listener = UnixListener::bind(socket).expect("a socket");
    let connect = Arc::new(connect);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Whoever hangs up is no concern of the others.
            let connect = connect.clone();
            thread::spawn(move || tunnel(client, connect()));
        }
    });
}

fn tunnel(mut client: UnixStream, server: io::Result<TcpStream>) -> io::Result<()> {
    let mut request = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    while request.read_line(&mut line)? > 0 && line.trim() != "" {
        line.clear();
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
