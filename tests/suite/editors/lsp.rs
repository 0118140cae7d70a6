//! `lsp`, as an editor sees it.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    client::{Client, uri},
    project,
};
use crate::harness::BINARY;

/// An editor with a folder, and the server.
struct Editor {
    folder: TempDir,
    client: Client,
}

impl Editor {
    fn new(examples: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in examples {
            fs::copy(project("examples").join(name), folder.path().join(name)).expect("a copy");
        }
        let (client, answer) =
            Client::start(Command::new(BINARY).arg("lsp"), folder.path(), Value::Object(Default::default()));
        assert_eq!(answer["serverInfo"]["name"], "kaspr-operator");
        assert_eq!(answer["capabilities"]["textDocumentSync"]["change"], 1);
        Self { folder, client }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the text of a document, as after a keystroke.
    fn change(&mut self, name: &str, text: &str) {
        let document = json!({ "uri": uri(&self.path(name)), "version": 2 });
        let changes = json!([{ "text": text }]);
        self.client
            .notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The labels at a position, given as the end of a part of the text.
    fn labels(&mut self, name: &str, text: &str, before: &str) -> Vec<String> {
        let items = self.complete(name, text, before);
        items.iter().map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
    }

    fn complete(&mut self, name: &str, text: &str, before: &str) -> Vec<Value> {
        let (line, character) = position(text, before);
        let path = self.path(name);
        let items = self.client.request_at("textDocument/completion", &path, line, character);
        items.as_array().expect("a list").clone()
    }
}

/// Line and character at the end of a part of a text.
fn position(text: &str, before: &str) -> (usize, usize) {
    let end = text.find(before).expect("a part of the text") + before.len();
    let start = text[..end].rfind('\n').map_or(0, |at| at + 1);
    (text[..end].matches('\n').count(), text[start..end].encode_utf16().count())
}

fn codes(found: &[Value]) -> Vec<&str> {
    found.iter().map(|it| it["code"].as_str().expect("a rule")).collect()
}

#[test]
fn findings_are_shown_while_the_user_types() {
    let mut editor = Editor::new(&["table.yaml"]);
    let path = editor.path("table.yaml");
    let good = fs::read_to_string(&path).expect("an example");
    editor.client.open(&path, &good);
    let found = editor.client.diagnostics(&path, |_| true);
    assert_eq!(codes(&found), ["secret-missing"], "{found:?}");

    let wrong = good.replacen("partitions:", "partition:", 1);
    editor.change("table.yaml", &wrong);
    let found = editor.client.diagnostics(&path, |found| found.len() > 1);
    let schema = found.iter().find(|it| it["code"] == "schema").expect("a finding of the schema");
    let (line, character) = position(&wrong, "partition:");
    assert_eq!(schema["severity"], 1);
    assert_eq!(schema["range"]["start"], json!({ "line": line, "character": 2 }));
    assert_eq!(schema["range"]["end"], json!({ "line": line, "character": character - 1 }));
    assert!(schema["message"].as_str().expect("text").contains("did you mean 'partitions'?"), "{schema}");

    // Embedded Python, with a position after characters that UTF-16 and UTF-8 count differently.
    let python = good.replacen("counts[path] += 1", "return \"é😀\" + counter", 1);
    assert_ne!(python, good);
    editor.change("table.yaml", &python);
    let found = editor.client.diagnostics(&path, |found| {
        found.iter().any(|it| it["message"].as_str().is_some_and(|text| text.contains("counter")))
    });
    let undefined = found.iter().find(|it| it["message"].to_string().contains("counter")).expect("a finding");
    let (line, character) = position(&python, "\"é😀\" + ");
    assert_eq!(undefined["range"]["start"], json!({ "line": line, "character": character }), "{undefined}");

    // A document that cannot be read has one finding, and none about what others refer to.
    editor.change("table.yaml", &good.replacen("spec:", "spec: [", 1));
    let found = editor.client.diagnostics(&path, |found| codes(found).contains(&"unreadable"));
    assert!(!codes(&found).contains(&"table-missing"), "{found:?}");

    editor.client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri(&path) } }));
    editor.client.diagnostics(&path, |found| found.is_empty());
    assert!(editor.client.end());
}

#[test]
fn other_files_of_the_folder_are_the_context() {
    let mut editor = Editor::new(&[]);
    let text = fs::read_to_string(project("examples/table.yaml")).expect("an example");
    let (app, rest) = text.split_once("---\n").expect("documents");
    fs::write(editor.path("app.yaml"), app).expect("written");
    let path = editor.path("rest.yaml");
    editor.client.open(&path, rest);
    assert_eq!(editor.client.diagnostics(&path, |_| true), Vec::<Value>::new());
    fs::remove_file(editor.path("app.yaml")).expect("removed");
    let saved = json!({ "textDocument": { "uri": uri(&path) } });
    editor.client.notify("textDocument/didSave", saved);
    let found = editor.client.diagnostics(&path, |found| !found.is_empty());
    assert!(found.iter().all(|it| it["severity"] == 2), "missing references are warnings: {found:?}");
}

#[test]
fn fields_and_names_are_completed() {
    let mut editor = Editor::new(&["table.yaml", "join.yaml"]);
    let start = "apiVersion: kaspr.io/v1alpha1\nkind: KasprAgent\nmetadata:\n  name: x\n  labels:\n    kaspr.io/app: clicks\n";
    let path = editor.path("x.yaml");
    let text = format!(
        "{start}spec:\n  input:\n    topic:\n      name: cli\n      val\n  processors:\n    operations:\n    - name: a\n      \
         tables:\n      - name: c\n        p\n"
    );
    editor.client.open(&path, &text);
    editor.client.diagnostics(&path, |_| true);
    // The folder without the invalid document.
    editor.change("x.yaml", start);
    editor.client.diagnostics(&path, |found| !codes(found).contains(&"unreadable"));
    editor.change("x.yaml", &text);

    let fields = editor.complete("x.yaml", &text, "      val");
    let label = |item: &Value| item["label"].as_str().expect("a label").to_owned();
    let labels: Vec<String> = fields.iter().map(label).collect();
    assert!(
        labels.contains(&"valueSerializer".to_owned()) && !labels.contains(&"name".to_owned()),
        "{labels:?}"
    );
    let serializer = fields.iter().find(|item| item["label"] == "valueSerializer").expect("the field");
    assert!(serializer["documentation"]["value"].as_str().expect("text").contains("serialized"));
    assert_eq!(serializer["textEdit"]["newText"], "valueSerializer: ");
    assert_eq!(serializer["textEdit"]["range"]["start"]["character"], 6);

    let topics = editor.labels("x.yaml", &text, "      name: cli");
    assert!(
        ["clicks", "pages", "click-counts"].iter().all(|it| topics.contains(&(*it).to_owned())),
        "{topics:?}"
    );
    let tables = editor.labels("x.yaml", &text, "      - name: c");
    assert!(
        tables.contains(&"clicks-counts".to_owned()) && !tables.contains(&"clicks".to_owned()),
        "{tables:?}"
    );
    assert_eq!(editor.labels("x.yaml", &text, "        p"), ["paramName"]);
    assert!(editor.labels("x.yaml", &text, "kaspr.io/app: ").contains(&"clicks".to_owned()));
    assert!(editor.labels("x.yaml", &text, "kind: Kaspr").contains(&"KasprAgent".to_owned()));

    let (line, character) = position(&text, "  proc");
    let hover = editor.client.request_at("textDocument/hover", &path, line, character);
    assert!(hover["contents"]["value"].is_string(), "{hover}");

    let tests = "app: cl\ntests:\n- name: a\n  send:\n  - topic: \n  exp\n";
    editor.client.open(&editor.path("x_test.yaml"), tests);
    assert!(editor.labels("x_test.yaml", tests, "  - topic: ").contains(&"pages".to_owned()));
    assert!(editor.labels("x_test.yaml", tests, "  exp").contains(&"expect".to_owned()));
    assert!(editor.labels("x_test.yaml", tests, "app: cl").contains(&"clicks".to_owned()));
    let path = editor.path("x_test.yaml");
    editor.change("x_test.yaml", "tests:\n- name: a\n  expects: {}\n");
    let found = editor.client.diagnostics(&path, |found| codes(found) == ["test-file"]);
    assert_eq!(found[0]["range"]["start"]["line"], 2, "{found:?}");
    assert!(editor.client.end());
}

#[test]
fn a_server_whose_editor_ends_without_a_word_ends_too() {
    let output =
        Command::new(BINARY).arg("lsp").stdin(std::process::Stdio::null()).output().expect("the binary");
    assert_eq!(output.status.code(), Some(1));
}
