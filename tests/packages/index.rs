//! A package index with several modes of behaviour: each mode is a path of its own with the same packages.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

use crate::{tls, wheels::Wheel};

pub(crate) const USER: &str = "deployer";
pub(crate) const PASSWORD: &str = "pa$$ w0rd/%+secret";
/// User name, without password, that can read the repository.
pub(crate) const GIT_TOKEN: &str = "git-tok-58e1";

/// The index. It stops when it is dropped.
pub(crate) struct Index {
    address: SocketAddr,
    /// Address with TLS and a self-signed certificate.
    secured: SocketAddr,
    certificate: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    files: HashMap<String, PathBuf>,
    /// Directory that is served below `git`.
    repository: Option<PathBuf>,
    counts: Mutex<HashMap<String, usize>>,
    _folder: TempDir,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl Index {
    pub(crate) fn new(wheels: &[Wheel]) -> Self {
        Self::with_repository(wheels, None)
    }

    /// Starts an index that also serves a repository below `git`.
    pub(crate) fn with_repository(wheels: &[Wheel], repository: Option<PathBuf>) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let files = wheels.iter().map(|wheel| (wheel.file(), wheel.build(folder.path()))).collect();
        let shared = Arc::new(Shared { files, repository, counts: Mutex::default(), _folder: folder });
        let runtime = Runtime::new().expect("a runtime");
        let serve = |tls: Option<TlsAcceptor>| {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
            let address = listener.local_addr().expect("an address");
            runtime.spawn(serve(listener, tls, shared.clone()));
            address
        };
        let (acceptor, certificate) = tls::acceptor(&["127.0.0.1"]);
        let (address, secured) = (serve(None), serve(Some(acceptor)));
        Self { address, secured, certificate, shared, _runtime: runtime }
    }

    /// Returns the address of the index in a mode: `open`, `auth`, `forbidden`, `missing`, `broken`,
    /// `cut`, `slow`, `flaky`, `mismatch`.
    pub(crate) fn url(&self, mode: &str) -> String {
        format!("http://{}/{mode}/simple", self.address)
    }

    /// Returns host and port with TLS.
    pub(crate) fn secured(&self) -> String {
        self.secured.to_string()
    }

    /// Returns the certificate of the address with TLS, in PEM format.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the address of a file.
    pub(crate) fn file(&self, mode: &str, file: &str) -> String {
        format!("http://{}/{mode}/files/{file}", self.address)
    }

    /// Returns the address of the repository, with a login.
    pub(crate) fn repository(&self, login: &str) -> String {
        format!("git+http://{login}@{}/git", self.address)
    }

    /// Returns how often a file was requested.
    pub(crate) fn downloads(&self, file: &str) -> usize {
        self.shared.counts.lock().expect("counts").get(file).copied().unwrap_or_default()
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, tls) = (shared.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve_connection_from(stream, shared).await,
                Some(tls) => {
                    // A client that does not trust the certificate closes the connection.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve_connection_from(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection_from(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let respond = |request| respond(request, shared.clone());
    // The client must see a connection that breaks off, so the error is ignored.
    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(respond)).await;
}

fn response(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(text.into()).map_err(|never| match never {}).boxed();
    Response::builder().status(status).header("content-type", "text/html").body(body).expect("a response")
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().trim_matches('/').to_owned();
    let (mode, rest) = path.split_once('/').unwrap_or((&path, ""));
    let name = rest.rsplit('/').next().unwrap_or_default().to_owned();
    let count = {
        let mut counts = shared.counts.lock().expect("counts");
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        *count
    };
    match mode {
        "auth" if !is_allowed(&request, USER, PASSWORD) => return Ok(unauthorized()),
        "git" if !is_allowed(&request, GIT_TOKEN, "") => return Ok(unauthorized()),
        "git" => {
            let file = shared.repository.as_ref().and_then(|folder| std::fs::read(folder.join(rest)).ok());
            return Ok(file
                .map_or(response(StatusCode::NOT_FOUND, "no file"), |file| response(StatusCode::OK, file)));
        }
        "forbidden" => return Ok(response(StatusCode::FORBIDDEN, "not for you")),
        "missing" => return Ok(response(StatusCode::NOT_FOUND, "not here")),
        "broken" => return Ok(response(StatusCode::INTERNAL_SERVER_ERROR, "out of order")),
        // Both tools make three or four attempts by themselves.
        "flaky" if count <= 5 => return Ok(response(StatusCode::INTERNAL_SERVER_ERROR, "out of order")),
        "slow" => tokio::time::sleep(Duration::from_secs(120)).await,
        _ => {}
    }
    if rest.starts_with("files/") {
        let Some(file) = shared.files.get(&name) else {
            return Ok(response(StatusCode::NOT_FOUND, "no file"));
        };
        let bytes = Bytes::from(std::fs::read(file).expect("a wheel"));
        if mode == "cut" {
            let half = bytes.slice(..bytes.len() / 2);
            let frames = [Ok(Frame::data(half)), Err(std::io::Error::other("cut"))];
            let body = BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)));
            let response = Response::builder().header("content-length", bytes.len());
            return Ok(response.body(body).expect("a response"));
        }
        return Ok(response(StatusCode::OK, bytes));
    }
    Ok(project_page(mode, &name, &shared))
}

fn unauthorized() -> Response<Body> {
    let mut refused = response(StatusCode::UNAUTHORIZED, "who are you?");
    refused.headers_mut().insert(WWW_AUTHENTICATE, "Basic realm=\"index\"".parse().expect("a header"));
    refused
}

fn is_allowed(request: &Request<Incoming>, user: &str, password: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    request.headers().get(AUTHORIZATION).is_some_and(|given| given == expected.as_str())
}

/// Returns the page of a project.
fn project_page(mode: &str, project: &str, shared: &Shared) -> Response<Body> {
    let prefix = format!("{}-", project.replace('-', "_"));
    let mut links = String::new();
    for (name, path) in shared.files.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        let mut bytes = std::fs::read(path).expect("a wheel");
        if mode == "mismatch" {
            bytes.push(0);
        }
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        links += &format!("<a href=\"/{mode}/files/{name}#sha256={digest}\">{name}</a>\n");
    }
    if links.is_empty() {
        return response(StatusCode::NOT_FOUND, "no project");
    }
    response(StatusCode::OK, format!("<!DOCTYPE html><html><body>{links}</body></html>"))
}
