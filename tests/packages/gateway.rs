//! The clouds around a container: a proxy, of which it is told, answers for their hosts by TLS with a
//! certificate that it trusts. It hands out tokens, and passes on to the store what carries the right
//! credentials.

use std::{
    convert::Infallible,
    net::SocketAddr,
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

/// What becomes of a request.
pub enum Verdict {
    /// The store answers it.
    Pass,
    /// This is the answer.
    Answer(String),
    /// Who asks is not allowed to.
    Refuse,
}

/// Judges requests: the host, the request, which it may change, and its body.
pub type Rule = fn(&str, &mut Parts, &str) -> Verdict;

/// The clouds. They end when they are dropped.
pub struct Gateway {
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
    /// Plays hosts in front of a store.
    pub fn start(hosts: &[&str], store: SocketAddr, rule: Rule) -> Self {
        let (tls, pem) = tls::acceptor(hosts);
        let certificate = NamedTempFile::new().expect("a file");
        std::fs::write(certificate.path(), pem).expect("written");
        let refused = Arc::default();
        let clouds = Clouds { tls, store, rule, refused: Arc::clone(&refused) };
        let listening = Listening::start(move |request| connect(request, clouds.clone()));
        Self { listening, certificate, refused }
    }

    /// Leads a container here.
    pub fn give(&self, container: Container) -> Container {
        container
            .env("HTTPS_PROXY", format!("http://{}", self.listening.address))
            .env("SSL_CERT_FILE", self.certificate.path())
    }

    /// What was asked for without the right to.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().expect("refused").clone()
    }
}

/// Opens a tunnel to a host, or answers what is sent here itself.
async fn connect(request: Request<Incoming>, clouds: Clouds) -> Result<Response<proxy::Body>, Infallible> {
    if request.method() != Method::CONNECT {
        return answer("", request, clouds).await;
    }
    let host = request.uri().host().unwrap_or_default().to_owned();
    tokio::spawn(async move {
        let Ok(tunnel) = upgrade::on(request).await else { return };
        let Ok(stream) = clouds.tls.accept(TokioIo::new(tunnel)).await else { return };
        let answer = |request| answer(&host, request, clouds.clone());
        _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    });
    Ok(said(StatusCode::OK, String::new()))
}

async fn answer(
    host: &str,
    request: Request<Incoming>,
    clouds: Clouds,
) -> Result<Response<proxy::Body>, Infallible> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(match (clouds.rule)(host, &mut parts, &String::from_utf8_lossy(&body)) {
        Verdict::Pass => proxy::pass(Request::from_parts(parts, Full::new(body)), clouds.store).await,
        Verdict::Answer(text) => said(StatusCode::OK, text),
        Verdict::Refuse => {
            clouds.refused.lock().expect("refused").push(format!("{host}{}", parts.uri.path()));
            said(StatusCode::FORBIDDEN, "not for you".to_owned())
        }
    })
}

fn said(status: StatusCode, text: String) -> Response<proxy::Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}
