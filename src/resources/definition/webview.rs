use kube::ResourceExt;
use serde_json::{Value, json};

use super::{code::code, processors::processors};
use crate::api::{KasprWebView, ResponseSelector, WebResponse, texts};

pub(super) fn definition(view: &KasprWebView) -> Value {
    let spec = &view.spec;
    json!({
        "description": spec.description,
        "name": view.name_any(),
        "processors": processors(spec.processors.as_ref()),
        "request": { "method": spec.request.method, "path": spec.request.path },
        "response": spec.response.as_ref().map(response),
    })
}

fn response(response: &WebResponse) -> Value {
    json!({
        "body_selector": response.body_selector.as_ref().map(selector),
        "content_type": response.content_type,
        "headers": response.headers.as_ref().map(texts).unwrap_or_default(),
        "headers_selector": response.headers_selector.as_ref().map(selector),
        "status_code": response.status_code,
        "status_code_selector": response.status_code_selector.as_ref().map(selector),
    })
}

fn selector(selector: &ResponseSelector) -> Value {
    json!({ "on_error": code(selector.on_error.as_ref()), "on_success": code(selector.on_success.as_ref()) })
}
