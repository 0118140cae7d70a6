//! Probes an operator's webhooks as the kubelet does: without verifying the certificate.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// How long an answer may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(10);

/// A port that no process listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The answer: status line, headers and body.
    pub answer: String,
    /// The certificate that was shown, DER.
    pub certificate: Vec<u8>,
}

/// A connection that is kept.
pub(crate) struct Kept(StreamOwned<ClientConnection, TcpStream>);

impl Kept {
    /// Connects to a port of this machine.
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        Ok(Self(StreamOwned::new(tls, stream)))
    }

    /// Asks once more. The body must fit into one packet.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Seen> {
        write!(self.0, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        self.0.flush()?;
        let mut buffer = [0; 4096];
        let length = self.0.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let shown = self.0.conn.peer_certificates().and_then(<[_]>::first);
        Ok(Seen {
            answer: String::from_utf8_lossy(&buffer[..length]).into_owned(),
            certificate: shown.map(|certificate| certificate.to_vec()).unwrap_or_default(),
        })
    }
}

/// What a port of this machine answers on a new connection.
pub(crate) fn look(port: u16, path: &str) -> io::Result<Seen> {
    Kept::open(port)?.get(path)
}

/// Whether `/readyz` says yes.
pub(crate) fn is_ready(port: u16) -> bool {
    look(port, "/readyz").is_ok_and(|seen| seen.answer.starts_with("HTTP/1.1 200 "))
}

/// Trusts anybody.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
