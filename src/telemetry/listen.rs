use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

/// The address of all interfaces in both families: Linux accepts IPv4 connections at `[::]` too.
pub(crate) const ALL_FAMILIES: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Binds a listen address. At `[::]`, listens on IPv4 alone where the host has no IPv6.
///
/// # Errors
///
/// The address is in use, or does not belong to this host.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = match TcpListener::bind(address) {
        Err(error) if address.ip() == ALL_FAMILIES && lacks_ipv6(&error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
        }
        bound => bound,
    }?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Returns whether the kernel was built or started without IPv6.
fn lacks_ipv6(error: &io::Error) -> bool {
    /// `EAFNOSUPPORT` of Linux, for which the standard library has no name.
    const FAMILY_NOT_SUPPORTED: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(FAMILY_NOT_SUPPORTED)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn all_families_are_served() {
        let listener = bind((ALL_FAMILIES, 0).into()).expect("a listener");
        let address = listener.local_addr().expect("an address");
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).expect("IPv4");
        // A host may have switched IPv6 off.
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, address.port())).expect("IPv6");
        }
    }

    #[test]
    fn hosts_without_ipv6_are_recognized() {
        // What the kernel answers with `net.ipv6.conf.all.disable_ipv6=1`, and with `ipv6.disable=1`.
        assert!(lacks_ipv6(&ErrorKind::AddrNotAvailable.into()));
        assert!(lacks_ipv6(&io::Error::from_raw_os_error(97)));
        assert!(!lacks_ipv6(&ErrorKind::AddrInUse.into()));
    }
}
