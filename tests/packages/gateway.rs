//! The clouds as a container sees them: a proxy that answers for their hosts, with TLS and a certificate
//! that the container trusts. It issues tokens, and forwards requests with the right credentials to the
//! store.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
    upgrade,
};
use hyper_util::rt::TokioIo;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use crate::{installer::Container, listening::Listening, proxy, tls};

/// How a request is handled.
pub(crate) enum Verdict {
    /// The request is forwarded to the store.
    Forward,
    /// The gateway responds with this text.
    Respond(String),
    /// The request is refused.
    Refuse,
}

/// Decides about a request, given the host, the request, which it may change, and the body.
pub(crate) type Rule = fn(&str, &mut Parts, &str) -> Verdict;

/// The clouds. They stop when the gateway is dropped.
pub(crate) struct Gateway {
    pub listening: Listening,
    certificate: NamedTempFile,
    refused: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Clouds {
    tls: TlsAcceptor,
    store: SocketAddr,
    rule: Rule,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Starts a gateway for hosts in front of a store.
    pub(crate) fn start(hosts: &[&str], store: SocketAddr, rule: Rule) -> Self {
        let (tls, pem) = tls::acceptor(hosts);
        let certificate = NamedTempFile::new().expect("a file");
        std::fs::write(certificate.path(), pem).expect("written");
        let refused = Arc::default();
        let clouds = Clouds { tls, store, rule, refused: Arc::clone(&refused) };
        let listening = Listening::start(move |request| connect(request, clouds.clone()));
        Self { listening, certificate, refused }
    }

    /// Configures a container to use the gateway.
    pub(crate) fn configure(&self, container: Container) -> Container {
        container
            .env("HTTPS_PROXY", format!("http://{}", self.listening.address))
            .env("SSL_CERT_FILE", self.certificate.path())
    }

    /// Returns the file with the certificate.
    pub(crate) fn certificate(&self) -> &Path {
        self.certificate.path()
    }

    /// Lists the refused requests.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().expect("refused").clone()
    }
}

/// Opens a tunnel to a host, or responds to a request to the gateway itself.
async fn connect(request: Request<Incoming>, clouds: Clouds) -> Result<Response<proxy::Body>, Infallible> {
    if request.method() != Method::CONNECT {
        return respond("", request, clouds).await;
    }
    let host = request.uri().host().unwrap_or_default().to_owned();
    tokio::spawn(async move {
        let Ok(tunnel) = upgrade::on(request).await else { return };
        let Ok(stream) = clouds.tls.accept(TokioIo::new(tunnel)).await else { return };
        let respond = |request| respond(&host, request, clouds.clone());
        _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(respond)).await;
    });
    Ok(text_response(StatusCode::OK, String::new()))
}

async fn respond(
    host: &str,
    request: Request<Incoming>,
    clouds: Clouds,
) -> Result<Response<proxy::Body>, Infallible> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(match (clouds.rule)(host, &mut parts, &String::from_utf8_lossy(&body)) {
        Verdict::Forward => proxy::forward(Request::from_parts(parts, Full::new(body)), clouds.store).await,
        Verdict::Respond(text) => text_response(StatusCode::OK, text),
        Verdict::Refuse => {
            clouds.refused.lock().expect("refused").push(format!("{host}{}", parts.uri.path()));
            text_response(StatusCode::FORBIDDEN, "not for you".to_owned())
        }
    })
}

fn text_response(status: StatusCode, text: String) -> Response<proxy::Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
