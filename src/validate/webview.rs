use super::{Findings, Path, Validate, ValidateUpdate, rules, topic};
use crate::api::{KasprWebView, ResponseSelector, WebResponse};

impl Validate for KasprWebView {
    fn validate(&self, at: &Path, found: &mut Findings) {
        rules::component_metadata(&self.metadata, "-webview", &at.child("metadata"), found);
        let at = at.child("spec");
        rules::component_name(&self.spec.name, &at, found);
        let path = &self.spec.request.path;
        if !path.starts_with('/') || path.contains(char::is_whitespace) {
            found.invalid(at.child("request").child("path"), path.as_str(), "must start with '/' and have no spaces");
        }
        if let Some(response) = &self.spec.response {
            response.validate(&at.child("response"), found);
        }
        if let Some(processors) = &self.spec.processors {
            processors.validate(&at.child("processors"), found);
        }
    }
}

impl ValidateUpdate for KasprWebView {}

impl Validate for WebResponse {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if let Some(code) = self.status_code.filter(|code| !(100..=599).contains(code)) {
            found.invalid(at.child("statusCode"), code, "must be from 100 to 599");
        }
        if self.status_code.is_some() && self.status_code_selector.is_some() {
            found.forbidden(at.child("statusCodeSelector"), "must not be given together with statusCode");
        }
        if self.headers.as_ref().is_some_and(|headers| !headers.is_empty()) && self.headers_selector.is_some() {
            found.forbidden(at.child("headersSelector"), "must not be given together with headers");
        }
        let selectors = [
            ("bodySelector", &self.body_selector),
            ("statusCodeSelector", &self.status_code_selector),
            ("headersSelector", &self.headers_selector),
        ];
        for (field, selector) in selectors {
            if let Some(selector) = selector {
                selector.validate(&at.child(field), found);
            }
        }
    }
}

impl Validate for ResponseSelector {
    fn validate(&self, at: &Path, found: &mut Findings) {
        topic::code_at(self.on_success.as_ref(), &at.child("onSuccess"), found);
        topic::code_at(self.on_error.as_ref(), &at.child("onError"), found);
    }
}
