//! The part of Azure Blob Storage that the installer uses. The available emulators need Node or a container.
//!
//! Source: conditions, responses and error codes are those of "Put Blob", "Get Blob" and "Get Blob
//! Properties" in Microsoft's REST reference, signatures those of "Authorize with Shared Key".

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    http::request::Parts,
};
use jiff::Timestamp;
use ring::hmac;

use crate::{
    listening::Listening,
    server::{ACCOUNT, ACCOUNT_KEY},
};

/// Token that is accepted in place of a signature.
pub(crate) const TOKEN: &str = "entra-token-41c7";

/// The store. It stops when it is dropped.
pub(crate) struct Azure {
    pub listening: Listening,
    blobs: Blobs,
}

type Blobs = Arc<Mutex<HashMap<String, Blob>>>;

#[derive(Clone)]
struct Blob {
    bytes: Bytes,
    version: usize,
    modified: Timestamp,
}

impl Azure {
    pub(crate) fn start() -> Self {
        let blobs = Blobs::default();
        let all = blobs.clone();
        let listening = Listening::start(move |request| respond(request, all.clone()));
        Self { listening, blobs }
    }

    /// Lists the names of all blobs.
    pub(crate) fn names(&self) -> Vec<String> {
        self.blobs.lock().expect("blobs").keys().cloned().collect()
    }
}

async fn respond(request: Request<Incoming>, blobs: Blobs) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    if !is_allowed(&parts) {
        return Ok(empty_response(StatusCode::FORBIDDEN, "AuthenticationFailed"));
    }
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let name = parts.uri.path().to_owned();
    let condition = |header: &str| parts.headers.get(header).and_then(|value| value.to_str().ok());
    let mut blobs = blobs.lock().expect("blobs");
    let current = blobs.get(&name).cloned();
    Ok(match parts.method {
        Method::PUT => {
            assert_eq!(condition("x-ms-blob-type"), Some("BlockBlob"));
            let expected = condition("if-match").map(str::to_owned);
            if condition("if-none-match") == Some("*") && current.is_some() {
                empty_response(StatusCode::CONFLICT, "BlobAlreadyExists")
            } else if expected.is_some() && expected != current.as_ref().map(etag) {
                empty_response(StatusCode::PRECONDITION_FAILED, "ConditionNotMet")
            } else {
                let version = current.map_or(0, |blob| blob.version) + 1;
                let blob = Blob { bytes: body, version, modified: Timestamp::now() };
                blobs.insert(name, blob.clone());
                blob_response(StatusCode::CREATED, &blob, Bytes::new())
            }
        }
        Method::GET | Method::HEAD => match current {
            Some(blob) => blob_response(StatusCode::OK, &blob, blob.bytes.clone()),
            None => empty_response(StatusCode::NOT_FOUND, "BlobNotFound"),
        },
        Method::DELETE => {
            blobs.remove(&name);
            empty_response(StatusCode::ACCEPTED, "")
        }
        _ => empty_response(StatusCode::METHOD_NOT_ALLOWED, "UnsupportedHttpVerb"),
    })
}

/// Whether the request is signed with the key of the account, or has the token.
fn is_allowed(request: &Parts) -> bool {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = header("authorization") else { return false };
    if authorization == format!("Bearer {TOKEN}") {
        return true;
    }
    let signature = authorization.strip_prefix(&format!("SharedKey {ACCOUNT}:"));
    let signature = signature.and_then(|signature| STANDARD.decode(signature).ok()).unwrap_or_default();
    let length = header("content-length").filter(|length| *length != "0");
    let mut signed = format!("{}\n\n\n{}\n", request.method, length.unwrap_or_default());
    for name in ["content-md5", "content-type", "date", "if-modified-since", "if-match", "if-none-match"] {
        signed += &format!("{}\n", header(name).unwrap_or_default());
    }
    signed += &format!("\n{}\n", header("range").unwrap_or_default());
    let mut own: Vec<&str> = request.headers.keys().map(|name| name.as_str()).collect();
    own.retain(|name| name.starts_with("x-ms-"));
    own.sort_unstable();
    own.iter().for_each(|name| signed += &format!("{name}:{}\n", header(name).unwrap_or_default()));
    assert_eq!(request.uri.query(), None, "a query would have to be signed too");
    signed += &format!("/{ACCOUNT}{}", request.uri.path());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(ACCOUNT_KEY).expect("a key"));
    hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

fn etag(blob: &Blob) -> String {
    format!("\"0x{:X}\"", blob.version)
}

fn blob_response(status: StatusCode, blob: &Blob, body: Bytes) -> Response<Full<Bytes>> {
    let modified = blob.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let response = Response::builder().status(status).header("etag", etag(blob));
    // A response to HEAD has the length of the body that it omits.
    let response = response.header("last-modified", modified).header("content-length", body.len());
    response.body(Full::new(body)).expect("a response")
}

fn empty_response(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("x-ms-error-code", code);
    response.body(Full::new(Bytes::new())).expect("a response")
}
