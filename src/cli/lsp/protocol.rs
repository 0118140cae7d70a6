//! Requests and notifications of an editor.

use ls_types::{
    CompletionParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, HoverParams, TextDocumentPositionParams,
};
use lsp_server::{ErrorCode, Notification, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    completion,
    workspace::{Workspace, path_of},
};

/// Answers a request. An answer about a document that is not open is empty.
#[must_use]
pub(super) fn answer(workspace: &Workspace, request: Request) -> Response {
    let Request { id, method, params } = request;
    let result = match method.as_str() {
        "textDocument/completion" => parse(params).map(|params: CompletionParams| {
            json!(at(workspace, &params.text_document_position, completion::complete).unwrap_or_default())
        }),
        "textDocument/hover" => parse(params).map(|params: HoverParams| {
            json!(at(workspace, &params.text_document_position_params, completion::hover).flatten())
        }),
        _ => {
            let message = format!("the request {method} is not supported");
            return Response::new_err(id, ErrorCode::MethodNotFound as i32, message);
        }
    };
    match result {
        Ok(result) => Response::new_ok(id, result),
        Err(why) => Response::new_err(id, ErrorCode::InvalidParams as i32, why),
    }
}

/// Calls a function with the text and the names of an open document, and a position in it.
fn at<T>(
    workspace: &Workspace,
    params: &TextDocumentPositionParams,
    f: impl Fn(&completion::Question<'_>) -> T,
) -> Option<T> {
    let path = path_of(&params.text_document.uri)?;
    let (text, names) = workspace.document(&path)?;
    Some(f(&completion::Question { path: &path, text, names, position: params.position }))
}

/// Takes a notification into account. Returns notifications for the editor. Unknown notifications have no effect.
#[must_use]
pub(super) fn receive(workspace: &mut Workspace, notification: Notification) -> Vec<Notification> {
    let Notification { method, params } = notification;
    match method.as_str() {
        "textDocument/didOpen" => {
            if let Ok(DidOpenTextDocumentParams { text_document }) = parse(params) {
                workspace.set_text(text_document.uri, text_document.text);
            }
        }
        "textDocument/didChange" => {
            if let Ok(mut params) = parse::<DidChangeTextDocumentParams>(params)
                // The capabilities request the whole text.
                && let Some(change) = params.content_changes.pop()
            {
                workspace.set_text(params.text_document.uri, change.text);
            }
        }
        "textDocument/didSave" => {
            if let Ok(DidSaveTextDocumentParams { text_document, .. }) = parse(params) {
                workspace.set_changed(&text_document.uri);
            }
        }
        "textDocument/didClose" => {
            if let Ok(DidCloseTextDocumentParams { text_document }) = parse(params) {
                return workspace.close(text_document.uri).into_iter().collect();
            }
        }
        _ => {}
    }
    Vec::new()
}

fn parse<T: DeserializeOwned>(params: Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| error.to_string())
}
