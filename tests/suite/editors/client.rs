//! A client of language servers, as an editor is one: it speaks the protocol over standard input and output.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long an answer may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running language server.
pub(super) struct Client {
    server: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    /// Notifications that arrived while an answer was awaited.
    waiting: Vec<Value>,
    next_id: i64,
    /// What the server reads as the user's settings, by section.
    settings: Value,
}

impl Client {
    /// Starts a server for a folder, and introduces the client.
    pub(super) fn start(command: &mut Command, folder: &Path, settings: Value) -> (Self, Value) {
        let mut server =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a language server");
        let (sender, messages) = channel();
        let mut output = BufReader::new(server.stdout.take().expect("an output"));
        thread::spawn(move || {
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = server.stdin.take().expect("an input");
        let mut client = Self { server, input, messages, waiting: Vec::new(), next_id: 1, settings };
        let folder = uri(folder);
        let params = json!({
            "processId": null,
            "rootUri": folder,
            "workspaceFolders": [{ "uri": folder, "name": "test" }],
            "capabilities": { "textDocument": {
                "hover": { "contentFormat": ["markdown", "plaintext"] },
                "publishDiagnostics": { "relatedInformation": true },
            }},
        });
        let answer = client.request("initialize", params);
        client.notify("initialized", json!({}));
        (client, answer)
    }

    /// Sends a notification.
    pub(super) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Opens a document with a text.
    pub(super) fn open(&mut self, path: &Path, text: &str) {
        let document = json!({ "uri": uri(path), "languageId": "yaml", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Sends a request. Returns its result.
    pub(super) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive(&format!("an answer to {method}"));
            if message["id"] == id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.waiting.push(message);
        }
    }

    /// Sends a request about a position in a document.
    pub(super) fn request_at(&mut self, method: &str, path: &Path, line: usize, character: usize) -> Value {
        let position = json!({ "line": line, "character": character });
        self.request(method, json!({ "textDocument": { "uri": uri(path) }, "position": position }))
    }

    /// Waits until the diagnostics of a document satisfy a condition.
    pub(super) fn diagnostics(&mut self, path: &Path, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let of = uri(path);
        let begun = Instant::now();
        let mut last = Value::Null;
        loop {
            let message = match self.waiting.is_empty() {
                false => self.waiting.remove(0),
                true => self.receive(&format!("diagnostics; the last were {last}")),
            };
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == *of {
                last = message["params"]["diagnostics"].clone();
                let found = last.as_array().expect("a list");
                if holds(found) {
                    return found.clone();
                }
            }
            assert!(begun.elapsed() < DEADLINE, "the last diagnostics were {last}");
        }
    }

    /// Ends the server. Returns whether it ended as the protocol requires.
    pub(super) fn end(mut self) -> bool {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.server.wait().expect("an end").success()
    }

    fn receive(&mut self, what: &str) -> Value {
        loop {
            let message = self.messages.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no {what}"));
            // A request of the server, such as the registration of a capability.
            if message.get("id").is_some() && message.get("method").is_some() {
                let section = |item: &Value| {
                    item["section"].as_str().map_or(Value::Null, |name| self.settings[name].clone())
                };
                let items = message["params"]["items"].as_array();
                let answer = items.map_or(Value::Null, |items| items.iter().map(section).collect());
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer }));
                continue;
            }
            return message;
        }
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("written");
        self.input.flush().expect("written");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Reads a message: a header with the length of the content, and the content.
fn read_message(output: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            header => {
                length = header.strip_prefix("Content-Length: ").and_then(|n| n.parse().ok()).or(length);
            }
        }
    }
    let mut content = vec![0; length?];
    output.read_exact(&mut content).ok()?;
    serde_json::from_slice(&content).ok()
}

/// The address of a file.
pub(super) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}
