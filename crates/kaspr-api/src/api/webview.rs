use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, ComponentStatus, Processors, TextMap, cel};

/// An HTTP endpoint that every member of an app serves.
///
/// It belongs to the KasprApp that its label `kaspr.io/app` names.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "kaspr.io",
    version = "v1alpha1",
    kind = "KasprWebView",
    plural = "kasprwebviews",
    shortname = "kwebviews",
    shortname = "kwebview",
    category = "kaspr",
    namespaced,
    status = "ComponentStatus",
    doc = "An HTTP endpoint that every member of a KasprApp, which its label `kaspr.io/app` names, serves.",
    printcolumn = r#"{"name": "App", "type": "string", "jsonPath": ".metadata.labels.kaspr\\.io/app"}"#,
    printcolumn = r#"{"name": "Method", "type": "string", "jsonPath": ".spec.request.method"}"#,
    printcolumn = r#"{"name": "Path", "type": "string", "jsonPath": ".spec.request.path"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KasprWebViewSpec {
    /// Has no effect: the app calls the webview by its `metadata.name`.
    pub name: String,
    /// Description of the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Requests that the endpoint answers.
    pub request: WebRequest,
    /// Settings of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<WebResponse>,
    /// Operations on a request. The first operation is called with the request, and with each parameter
    /// of the path as a keyword argument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processors: Option<Processors>,
}

/// The requests that a webview answers.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRequest {
    /// HTTP method.
    pub method: HttpMethod,
    /// Path below the app's `config.webBasePath`, with parameters in braces: `/order/{id}`.
    #[x_kube(validation = cel::web_path())]
    pub path: String,
}

/// HTTP method of a webview.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// PATCH
    Patch,
    /// HEAD
    Head,
    /// OPTIONS
    Options,
}

/// Settings of a webview's response.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::not_both("statusCode", "statusCodeSelector"))]
pub struct WebResponse {
    /// Content type of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// HTTP status code. Mutually exclusive with `statusCodeSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::status_code())]
    pub status_code: Option<i32>,
    /// HTTP headers. Mutually exclusive with `headersSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<TextMap>,
    /// Returns the body for a result or an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_selector: Option<ResponseSelector>,
    /// Returns the status code for a result or an error. Mutually exclusive with `statusCode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code_selector: Option<ResponseSelector>,
    /// Returns the headers for a result or an error. Mutually exclusive with `headers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_selector: Option<ResponseSelector>,
}

/// Content type of a webview's response.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ContentType {
    /// HTML
    #[serde(rename = "text/html")]
    Html,
    /// JSON
    #[serde(rename = "application/json")]
    Json,
    /// Plain text
    #[serde(rename = "text/plain")]
    Text,
    /// Bytes
    #[serde(rename = "application/octet-stream")]
    Binary,
}

/// Code that returns a part of the response.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseSelector {
    /// Called with the result of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Code>,
    /// Called with the exception that the pipeline raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<Code>,
}

impl WebResponse {
    /// Returns the code of the selectors, each with the names of its two fields.
    pub fn selectors(&self) -> impl Iterator<Item = ([&'static str; 2], &Code)> {
        let selectors = [
            ("bodySelector", &self.body_selector),
            ("statusCodeSelector", &self.status_code_selector),
            ("headersSelector", &self.headers_selector),
        ];
        selectors.into_iter().filter_map(|(field, selector)| Some((field, selector.as_ref()?))).flat_map(
            |(field, selector)| {
                let codes = [("onSuccess", &selector.on_success), ("onError", &selector.on_error)];
                codes.into_iter().filter_map(move |(case, code)| Some(([field, case], code.as_ref()?)))
            },
        )
    }
}
