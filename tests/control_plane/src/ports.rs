//! Finds free TCP ports.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Context, Error};

/// Below the ports that systems hand out for outgoing connections. A client that keeps trying to
/// reach a server which is away would sooner or later be given the server's own port, connect to
/// itself and keep the server from coming back.
const FIRST: u32 = 15_000;
const COUNT: u32 = 15_000;

/// Two runs that start together are to begin their search far from each other.
const STRIDE: u32 = 97;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port of the loopback address that no process listens on.
///
/// Another process may take it before it is used.
pub(crate) fn free() -> Result<u16, Error> {
    (0..COUNT)
        .filter_map(|_| {
            let turn = NEXT.fetch_add(1, Ordering::Relaxed);
            let offset = process::id().wrapping_mul(STRIDE).wrapping_add(turn) % COUNT;
            u16::try_from(FIRST + offset).ok()
        })
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
        .context(|| "find a free port")
}
