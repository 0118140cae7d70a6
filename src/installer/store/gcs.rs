//! Writes to Google Cloud Storage by its JSON interface.
//!
//! object_store writes by the XML interface. The published operator writes by JSON, which emulators
//! speak too, and so what its users allow in proxies and play in tests goes on working.

use std::io;

use async_trait::async_trait;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Response, StatusCode, Uri,
    header::{CONTENT_LENGTH, ETAG, HeaderValue},
};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
        HttpService, ReqwestConnector,
    },
};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::{Url, form_urlencoded};

/// The condition of a write in the XML interface.
const IF_GENERATION: &str = "x-goog-if-generation-match";

/// The version of an object in the XML interface.
const GENERATION: &str = "x-goog-generation";

/// Connects to the JSON interface.
#[derive(Debug)]
pub struct Json;

impl HttpConnector for Json {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(ReqwestConnector::default().connect(options)?)))
    }
}

#[derive(Debug)]
struct Service(HttpClient);

/// What the JSON interface answers to a write.
#[derive(Deserialize)]
struct Written {
    generation: String,
    #[serde(default)]
    etag: String,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Some(uri) = upload(&request) else { return self.0.execute(request).await };
        let (mut parts, body) = request.into_parts();
        parts.method = Method::POST;
        parts.uri = uri;
        parts.headers.remove(IF_GENERATION);
        parts.headers.remove(CONTENT_LENGTH);
        let answer = self.0.execute(HttpRequest::from_parts(parts, body)).await?;
        if !answer.status().is_success() {
            return Ok(answer);
        }
        let text = answer.into_body().bytes().await?;
        as_xml(&text).map_err(|e| HttpError::new(HttpErrorKind::Decode, io::Error::other(e)))
    }
}

/// Where a write of the XML interface goes in the JSON interface; none for what is no write.
fn upload(request: &HttpRequest) -> Option<Uri> {
    let uri = request.uri();
    if request.method() != Method::PUT || uri.query().is_some() {
        return None;
    }
    let url = Url::parse(&uri.to_string()).ok()?;
    let (bucket, key) = url.path().trim_start_matches('/').split_once('/')?;
    let decoded = |text| percent_decode_str(text).decode_utf8().ok();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("uploadType", "media").append_pair("name", &decoded(key)?);
    if let Some(generation) = request.headers().get(IF_GENERATION).and_then(|value| value.to_str().ok()) {
        query.append_pair("ifGenerationMatch", generation);
    }
    let (bucket, query) = (decoded(bucket)?, query.finish());
    let mut target = url.clone();
    target.set_path(&format!("/upload/storage/v1/b/{bucket}/o"));
    target.set_query(Some(&query));
    target.as_str().parse().ok()
}

/// What the XML interface would have answered.
fn as_xml(text: &[u8]) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
    let Written { generation, etag } = serde_json::from_slice(text)?;
    let body = HttpResponseBody::new(Empty::new().map_err(|never| match never {}));
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::OK;
    let etag = if etag.is_empty() { generation.clone() } else { etag };
    answer.headers_mut().insert(ETAG, HeaderValue::from_str(&etag)?);
    answer.headers_mut().insert(GENERATION, HeaderValue::from_str(&generation)?);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use object_store::client::HttpRequestBody;

    use super::*;

    #[test]
    fn writes_go_to_the_json_interface() {
        let request = |method: Method, uri: &str| {
            let request = Request::builder().method(method).uri(uri).header(IF_GENERATION, "0");
            request.body(HttpRequestBody::empty()).expect("a request")
        };
        let put = request(Method::PUT, "https://storage.example/team%2Dcache/a%2Fb%20c%2B.json");
        let expected = "https://storage.example/upload/storage/v1/b/team-cache/o?uploadType=media&name=a%2Fb+c%2B.json&ifGenerationMatch=0";
        assert_eq!(upload(&put).map(|uri| uri.to_string()).as_deref(), Some(expected));
        assert_eq!(upload(&request(Method::GET, "https://storage.example/b/k")), None);
        assert_eq!(upload(&request(Method::PUT, "https://storage.example/b/k?partNumber=1")), None);
    }
}
