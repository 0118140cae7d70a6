//! Runs `lsp`: the loop that reads messages of an editor and answers them.

use std::{process::ExitCode, time::Duration};

use ls_types::{
    CompletionOptions, HoverProviderCapability, InitializeResult, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use lsp_server::{Connection, Message};
use serde_json::json;

use super::{protocol, workspace::Workspace};
use crate::cli::error::Error;

/// Pause in the user's typing after which manifests are validated.
const PAUSE: Duration = Duration::from_millis(150);

/// Answers the messages of an editor on standard input until the editor ends the server.
///
/// # Errors
///
/// The editor does not follow the protocol, or closes standard input before it ends the server.
pub(in crate::cli) fn lsp() -> Result<ExitCode, Error> {
    let (connection, threads) = Connection::stdio();
    let answer = json!(InitializeResult {
        capabilities: capabilities(),
        server_info: Some(ServerInfo {
            name: "kaspr-operator".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
        ..InitializeResult::default()
    });
    let (id, _) = connection.initialize_start().map_err(failed)?;
    connection.initialize_finish(id, answer).map_err(failed)?;
    let ended = serve(&connection)?;
    // The threads end when both ends of the connection are closed.
    drop(connection);
    threads.join().map_err(failed)?;
    Ok(ExitCode::from(u8::from(!ended)))
}

fn failed(error: impl ToString) -> Error {
    Error::LanguageServer(error.to_string())
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::FULL),
            save: Some(true.into()),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(vec![" ".to_owned()]),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        ..ServerCapabilities::default()
    }
}

/// Answers messages. Returns whether the editor ended the server as the protocol requires.
fn serve(connection: &Connection) -> Result<bool, Error> {
    let mut workspace = Workspace::default();
    loop {
        let message = if workspace.has_changes() {
            match connection.receiver.recv_timeout(PAUSE) {
                Ok(message) => message,
                Err(error) if error.is_timeout() => {
                    for notification in workspace.check_changes() {
                        connection.sender.send(notification.into()).map_err(failed)?;
                    }
                    continue;
                }
                Err(_) => return Ok(false),
            }
        } else {
            let Ok(message) = connection.receiver.recv() else { return Ok(false) };
            message
        };
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).map_err(failed)? {
                    return Ok(true);
                }
                let response = protocol::answer(&workspace, request);
                connection.sender.send(response.into()).map_err(failed)?;
            }
            Message::Notification(notification) if notification.method == "exit" => return Ok(false),
            Message::Notification(notification) => {
                for published in protocol::receive(&mut workspace, notification) {
                    connection.sender.send(published.into()).map_err(failed)?;
                }
            }
            Message::Response(_) => {}
        }
    }
}
