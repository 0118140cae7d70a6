//! Rules of webviews.

use std::collections::BTreeSet;

use super::{
    app_context::AppContext,
    codes, cross_resource,
    findings::Findings,
    path::Path,
    processors::{Caller, check_processors},
    python::{self, Call, Init, Role},
    regex, rule, shared,
    valid::{Validate, ValidateUpdate},
};
use crate::api::{KasprWebView, WebResponse};

impl Validate for KasprWebView {
    fn validate(&self, at: &Path, found: &mut Findings) {
        shared::component_metadata(&self.metadata, "-webview", &at.child("metadata"), found);
        let at = at.child("spec");
        codes::check_size(self, found);
        shared::spec_name(&self.metadata, Some(&self.spec.name), &at, found);
        let path = &self.spec.request.path;
        let at_path = at.child("request").child("path");
        let mut first = None;
        check_reserved(path, &at_path, found);
        if !path.starts_with('/') || path.contains(char::is_whitespace) {
            let detail = "must start with '/' and have no spaces";
            found.invalid(rule::WEB_PATH, at_path, path.as_str(), detail);
        } else {
            match parse_parameters(path) {
                Err(why) => found.invalid(rule::WEB_PATH, at_path, path.as_str(), why),
                Ok(parameters) => {
                    first = Some(parameters.iter().map(ToString::to_string).collect());
                    check_argument_names(self, &parameters, &at, found);
                }
            }
        }
        let mut init = Init::default();
        if let Some(processors) = &self.spec.processors {
            init = check_processors(processors, &at.child("processors"), &Caller::WebView(first), found);
        }
        if let Some(response) = &self.spec.response {
            check_response(response, &at.child("response"), &init, found);
        }
    }
}

impl ValidateUpdate for KasprWebView {
    fn register(&self, context: &mut AppContext) {
        context.add_webview(self);
    }

    fn validate_in_app(&self, context: &AppContext, found: &mut Findings) {
        cross_resource::validate_webview(self, context, found);
    }
}

/// Returns the parameters of a path.
///
/// Source: the router of aiohttp, which fails at startup for other uses of braces.
fn parse_parameters(path: &str) -> Result<BTreeSet<&str>, String> {
    const BRACES: &str =
        "must have parameters in braces, each a name of letters, digits and '_', such as '/order/{id}'";
    let mut names = BTreeSet::new();
    let mut rest = path;
    while let Some(open) = rest.find(['{', '}']) {
        check_literal(&rest[..open])?;
        let inside = rest[open..].strip_prefix('{').ok_or(BRACES)?;
        let end = find_closing_brace(inside).ok_or(BRACES)?;
        let (name, pattern) =
            inside[..end].split_once(':').map_or((&inside[..end], None), |(n, p)| (n, Some(p)));
        let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && pattern.is_none_or(|pattern| !pattern.is_empty());
        if !fits {
            return Err(BRACES.to_owned());
        }
        if let Some(why) = pattern.and_then(|pattern| regex::check(pattern).err()) {
            return Err(format!("must have expressions that Python accepts, but '{name}': {why}"));
        }
        if !names.insert(name) {
            return Err("must not name a parameter twice".to_owned());
        }
        rest = &inside[end + 1..];
    }
    check_literal(rest)?;
    Ok(names)
}

/// Checks the part of a path outside of parameters: a request's path never contains these characters.
fn check_literal(text: &str) -> Result<(), String> {
    match text.find(['?', '#']) {
        Some(at) => Err(format!("must not contain '{}': no path of a request does", &text[at..=at])),
        None => Ok(()),
    }
}

/// Warns about paths of the framework's own web server.
fn check_reserved(path: &str, at: &Path, found: &mut Findings) {
    if matches!(path.trim_end_matches('/'), "/status" | "/signal/rebalance") {
        found.warn_shortened(rule::RESERVED_PATH, at.clone(), "is a path of the framework, which answers it");
    }
}

/// Returns the offset of the brace that closes an open one. The pattern of a parameter may contain one
/// more pair.
fn find_closing_brace(inside: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in inside.char_indices() {
        match (c, depth) {
            ('}', 0) => return Some(i),
            ('}', _) => depth -= 1,
            ('{', 0) => depth = 1,
            ('{', _) => return None,
            _ => {}
        }
    }
    None
}

/// Checks that tables and parameters of the path have different names: the first operation receives both
/// as keyword arguments of one call.
fn check_argument_names(view: &KasprWebView, parameters: &BTreeSet<&str>, at: &Path, found: &mut Findings) {
    let Some(processors) = &view.spec.processors else { return };
    let Some(first) = processors.pipeline.as_ref().and_then(|pipeline| pipeline.first()) else { return };
    let operations = processors.operations.iter().flatten().enumerate();
    for (i, operation) in operations.filter(|(_, operation)| operation.name.as_ref() == Some(first)) {
        let at = at.child("processors").child("operations").index(i);
        for (i, table) in operation.tables.iter().flatten().enumerate() {
            if parameters.contains(table.param_name.as_str()) {
                let at = at.child("tables").index(i).child("paramName");
                found.invalid(
                    rule::TABLE_ARGUMENT,
                    at,
                    table.param_name.as_str(),
                    "must not be the name of a parameter of request.path",
                );
            }
        }
    }
}

fn check_response(response: &WebResponse, at: &Path, init: &Init, found: &mut Findings) {
    if let Some(code) = response.status_code.filter(|code| !(100..=599).contains(code)) {
        found.invalid(rule::NUMBER, at.child("statusCode"), code, "must be from 100 to 599");
    }
    if response.status_code.is_some() && response.status_code_selector.is_some() {
        found.forbidden(
            rule::EXCLUSIVE,
            at.child("statusCodeSelector"),
            "must not be given together with statusCode",
        );
    }
    if response.headers.as_ref().is_some_and(|headers| !headers.is_empty())
        && response.headers_selector.is_some()
    {
        found.forbidden(
            rule::EXCLUSIVE,
            at.child("headersSelector"),
            "must not be given together with headers",
        );
    }
    for ([field, case], code) in response.selectors() {
        let at = at.child(field).child(case);
        python::check(Some(code), &at, (init, Role::Selector), Some(&Call::value()), found);
    }
}
