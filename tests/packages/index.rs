//! A package index with moods: each is a path of its own in front of the same packages.

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

pub const USER: &str = "deployer";
pub const PASSWORD: &str = "pa$$ w0rd/%+secret";
/// The user name, without password, that opens the repository.
pub const GIT_TOKEN: &str = "git-tok-58e1";

/// The index. It ends when it is dropped.
pub struct Index {
    address: SocketAddr,
    /// Where it speaks TLS, with a certificate that nobody vouches for.
    secured: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    files: HashMap<String, PathBuf>,
    /// What is below `git`.
    repository: Option<PathBuf>,
    counts: Mutex<HashMap<String, usize>>,
    _folder: TempDir,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl Index {
    pub fn with(wheels: &[Wheel]) -> Self {
        Self::with_repository(wheels, None)
    }

    /// The same with a repository below `git`.
    pub fn with_repository(wheels: &[Wheel], repository: Option<PathBuf>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = wheels.iter().map(|wheel| (wheel.file(), wheel.make(folder.path()))).collect();
        let shared = Arc::new(Shared { files, repository, counts: Mutex::default(), _folder: folder });
        let runtime = Runtime::new().expect("a runtime");
        let serve = |tls: Option<TlsAcceptor>| {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
            let address = listener.local_addr().expect("an address");
            runtime.spawn(serve(listener, tls, shared.clone()));
            address
        };
        let (address, secured) = (serve(None), serve(Some(tls::acceptor(&["127.0.0.1"]).0)));
        Self { address, secured, shared, _runtime: runtime }
    }

    /// The index in a mood: `open`, `auth`, `forbidden`, `missing`, `broken`, `cut`, `slow`, `flaky`,
    /// `mismatch`.
    pub fn url(&self, mood: &str) -> String {
        format!("http://{}/{mood}/simple", self.address)
    }

    /// Its host and port with TLS.
    pub fn secured(&self) -> String {
        self.secured.to_string()
    }

    /// The address of a file.
    pub fn file(&self, mood: &str, file: &str) -> String {
        format!("http://{}/{mood}/files/{file}", self.address)
    }

    /// The address of the repository, with a login.
    pub fn repository(&self, login: &str) -> String {
        format!("git+http://{login}@{}/git", self.address)
    }

    /// How often a file was asked for.
    pub fn downloads(&self, file: &str) -> usize {
        self.shared.counts.lock().expect("counts").get(file).copied().unwrap_or_default()
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, tls) = (shared.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => converse(stream, shared).await,
                Some(tls) => {
                    // Who does not trust it hangs up.
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let answer = |request| answer(request, shared.clone());
    // A connection that is cut is what the client is to see.
    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

fn with(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(text.into()).map_err(|never| match never {}).boxed();
    Response::builder().status(status).header("content-type", "text/html").body(body).expect("an answer")
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().trim_matches('/').to_owned();
    let (mood, rest) = path.split_once('/').unwrap_or((&path, ""));
    let name = rest.rsplit('/').next().unwrap_or_default().to_owned();
    let count = {
        let mut counts = shared.counts.lock().expect("counts");
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        *count
    };
    match mood {
        "auth" if !is_allowed(&request, USER, PASSWORD) => return Ok(unknown()),
        "git" if !is_allowed(&request, GIT_TOKEN, "") => return Ok(unknown()),
        "git" => {
            let file = shared.repository.as_ref().and_then(|folder| std::fs::read(folder.join(rest)).ok());
            return Ok(file.map_or(with(StatusCode::NOT_FOUND, "no file"), |file| with(StatusCode::OK, file)));
        }
        "forbidden" => return Ok(with(StatusCode::FORBIDDEN, "not for you")),
        "missing" => return Ok(with(StatusCode::NOT_FOUND, "not here")),
        "broken" => return Ok(with(StatusCode::INTERNAL_SERVER_ERROR, "out of order")),
        // Both tools try three or four times by themselves.
        "flaky" if count <= 5 => return Ok(with(StatusCode::INTERNAL_SERVER_ERROR, "out of order")),
        "slow" => tokio::time::sleep(Duration::from_secs(120)).await,
        _ => {}
    }
    if rest.starts_with("files/") {
        let Some(file) = shared.files.get(&name) else { return Ok(with(StatusCode::NOT_FOUND, "no file")) };
        let bytes = Bytes::from(std::fs::read(file).expect("a wheel"));
        if mood == "cut" {
            let half = bytes.slice(..bytes.len() / 2);
            let frames = [Ok(Frame::data(half)), Err(std::io::Error::other("cut"))];
            let body = BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)));
            let answer = Response::builder().header("content-length", bytes.len());
            return Ok(answer.body(body).expect("an answer"));
        }
        return Ok(with(StatusCode::OK, bytes));
    }
    Ok(page(mood, &name, &shared))
}

fn unknown() -> Response<Body> {
    let mut refused = with(StatusCode::UNAUTHORIZED, "who are you?");
    refused.headers_mut().insert(WWW_AUTHENTICATE, "Basic realm=\"index\"".parse().expect("a header"));
    refused
}

fn is_allowed(request: &Request<Incoming>, user: &str, password: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    request.headers().get(AUTHORIZATION).is_some_and(|given| given == expected.as_str())
}

/// The page of a project.
fn page(mood: &str, project: &str, shared: &Shared) -> Response<Body> {
    let prefix = format!("{}-", project.replace('-', "_"));
    let mut links = String::new();
    for (name, path) in shared.files.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        let mut bytes = std::fs::read(path).expect("a wheel");
        if mood == "mismatch" {
            bytes.push(0);
        }
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        links += &format!("<a href=\"/{mood}/files/{name}#sha256={digest}\">{name}</a>\n");
    }
    if links.is_empty() {
        return with(StatusCode::NOT_FOUND, "no project");
    }
    with(StatusCode::OK, format!("<!DOCTYPE html><html><body>{links}</body></html>"))
}
