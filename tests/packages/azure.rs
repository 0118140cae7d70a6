//! As much of Azure Blob Storage as the installer talks to: there is no emulator that needs neither
//! Node nor a container. Conditions, answers and error codes are those of its "Put Blob", "Get Blob"
//! and "Get Blob Properties"; signatures are not checked.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{net::TcpListener, runtime::Runtime};

/// The store. It ends when it is dropped.
pub struct Azure {
    pub address: SocketAddr,
    blobs: Blobs,
    _runtime: Runtime,
}

type Blobs = Arc<Mutex<HashMap<String, Blob>>>;

#[derive(Clone)]
struct Blob {
    bytes: Bytes,
    version: usize,
    modified: Timestamp,
}

impl Azure {
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let blobs = Blobs::default();
        let all = blobs.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let blobs = all.clone();
                tokio::spawn(async move {
                    let answer = |request| answer(request, blobs.clone());
                    _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service_fn(answer))
                        .await;
                });
            }
        });
        Self { address, blobs, _runtime: runtime }
    }

    /// The names of what is kept.
    pub fn names(&self) -> Vec<String> {
        self.blobs.lock().expect("blobs").keys().cloned().collect()
    }
}

async fn answer(request: Request<Incoming>, blobs: Blobs) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let name = parts.uri.path().to_owned();
    let condition = |header: &str| parts.headers.get(header).and_then(|value| value.to_str().ok());
    let mut blobs = blobs.lock().expect("blobs");
    let is = blobs.get(&name).cloned();
    Ok(match parts.method {
        Method::PUT => {
            assert_eq!(condition("x-ms-blob-type"), Some("BlockBlob"));
            let wanted = condition("if-match").map(str::to_owned);
            if condition("if-none-match") == Some("*") && is.is_some() {
                refused(StatusCode::CONFLICT, "BlobAlreadyExists")
            } else if wanted.is_some() && wanted != is.as_ref().map(etag) {
                refused(StatusCode::PRECONDITION_FAILED, "ConditionNotMet")
            } else {
                let version = is.map_or(0, |blob| blob.version) + 1;
                let blob = Blob { bytes: body, version, modified: Timestamp::now() };
                blobs.insert(name, blob.clone());
                told(StatusCode::CREATED, &blob, Bytes::new())
            }
        }
        Method::GET | Method::HEAD => match is {
            Some(blob) => told(StatusCode::OK, &blob, blob.bytes.clone()),
            None => refused(StatusCode::NOT_FOUND, "BlobNotFound"),
        },
        Method::DELETE => {
            blobs.remove(&name);
            refused(StatusCode::ACCEPTED, "")
        }
        _ => refused(StatusCode::METHOD_NOT_ALLOWED, "UnsupportedHttpVerb"),
    })
}

fn etag(blob: &Blob) -> String {
    format!("\"0x{:X}\"", blob.version)
}

fn told(status: StatusCode, blob: &Blob, body: Bytes) -> Response<Full<Bytes>> {
    let modified = blob.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let answer = Response::builder().status(status).header("etag", etag(blob));
    // An answer to HEAD has the length of what it leaves out.
    let answer = answer.header("last-modified", modified).header("content-length", body.len());
    answer.body(Full::new(body)).expect("an answer")
}

fn refused(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("x-ms-error-code", code);
    answer.body(Full::new(Bytes::new())).expect("an answer")
}
