//! Writes to Google Cloud Storage with its JSON API.
//!
//! object_store writes with the XML API. The Python operator writes with the JSON API, which emulators
//! support too, so existing proxy rules and test setups keep working.

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

/// Header of the XML API with the condition of a write.
const IF_GENERATION: &str = "x-goog-if-generation-match";

/// Header of the XML API with the version of an object.
const GENERATION: &str = "x-goog-generation";

/// Connector that translates writes to the JSON API.
#[derive(Debug)]
pub(super) struct JsonApi;

impl HttpConnector for JsonApi {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(JsonApiService(ReqwestConnector::default().connect(options)?)))
    }
}

#[derive(Debug)]
struct JsonApiService(HttpClient);

/// Response of the JSON API to a write.
#[derive(Deserialize)]
struct WriteResponse {
    generation: String,
    #[serde(default)]
    etag: String,
}

#[async_trait]
impl HttpService for JsonApiService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Some(uri) = upload_uri(&request) else { return self.0.execute(request).await };
        let (mut parts, body) = request.into_parts();
        parts.method = Method::POST;
        parts.uri = uri;
        parts.headers.remove(IF_GENERATION);
        parts.headers.remove(CONTENT_LENGTH);
        let response = self.0.execute(HttpRequest::from_parts(parts, body)).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let text = response.into_body().bytes().await?;
        to_xml_response(&text).map_err(|e| HttpError::new(HttpErrorKind::Decode, io::Error::other(e)))
    }
}

/// Returns the URI of the JSON API for a write of the XML API, or `None` for any other request.
fn upload_uri(request: &HttpRequest) -> Option<Uri> {
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

/// Converts a response of the JSON API to the response of the XML API.
fn to_xml_response(text: &[u8]) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
    let WriteResponse { generation, etag } = serde_json::from_slice(text)?;
    let body = HttpResponseBody::new(Empty::new().map_err(|never| match never {}));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let etag = if etag.is_empty() { generation.clone() } else { etag };
    response.headers_mut().insert(ETAG, HeaderValue::from_str(&etag)?);
    response.headers_mut().insert(GENERATION, HeaderValue::from_str(&generation)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use object_store::client::HttpRequestBody;

    use super::*;

    #[test]
    fn writes_use_the_json_api() {
        let request = |method: Method, uri: &str| {
            let request = Request::builder().method(method).uri(uri).header(IF_GENERATION, "0");
            request.body(HttpRequestBody::empty()).expect("a request")
        };
        let put = request(Method::PUT, "https://storage.example/team%2Dcache/a%2Fb%20c%2B.json");
        let expected = "https://storage.example/upload/storage/v1/b/team-cache/o?uploadType=media&name=a%2Fb+c%2B.json&ifGenerationMatch=0";
        assert_eq!(upload_uri(&put).map(|uri| uri.to_string()).as_deref(), Some(expected));
        assert_eq!(upload_uri(&request(Method::GET, "https://storage.example/b/k")), None);
        assert_eq!(upload_uri(&request(Method::PUT, "https://storage.example/b/k?partNumber=1")), None);
    }
}
