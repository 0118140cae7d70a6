//! What the harness reports about a test.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;

/// How a test ended.
#[derive(Debug)]
pub(super) enum End {
    /// The harness ran all of it.
    Completed(Box<Outcome>),
    /// It did not end within its time limit.
    TimedOut(Duration),
    /// It ended the process, with the status and the last lines of standard error.
    Died(String),
}

/// What came of a test.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Outcome {
    /// All messages that the app sent to topics, in order.
    #[serde(default)]
    pub sends: Vec<Sent>,
    /// Content of each table after the test.
    #[serde(default)]
    pub tables: BTreeMap<String, Vec<(Value, Value)>>,
    /// The response of each request.
    #[serde(default)]
    pub responses: Vec<Response>,
    /// All exceptions of code, in order.
    #[serde(default)]
    pub errors: Vec<Raised>,
    /// What the code printed.
    #[serde(default)]
    pub output: String,
    /// The code that ran.
    #[serde(default)]
    pub reached: Vec<Reached>,
    /// Why the test could not be completed.
    pub stopped: Option<String>,
    /// Duration.
    #[serde(default)]
    pub milliseconds: f64,
}

/// A message that the app sent.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sent {
    /// Name of the topic.
    pub topic: String,
    /// The key.
    #[serde(default)]
    pub key: Value,
    /// The value.
    #[serde(default)]
    pub value: Value,
    /// The headers.
    #[serde(default)]
    pub headers: Value,
    /// The partition, if the app chose one.
    #[serde(default)]
    pub partition: Value,
}

/// The response of a webview.
#[derive(Debug, Deserialize)]
pub(super) struct Response {
    /// Status code; `None` if there is no response.
    pub status: Option<u16>,
    /// Headers, with names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The body.
    #[serde(default)]
    pub body: Value,
}

/// An exception of code.
#[derive(Debug, Deserialize)]
pub(super) struct Raised {
    /// Index of the step of the test.
    #[serde(default)]
    pub step: usize,
    /// Type of the exception.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its message.
    #[serde(default)]
    pub message: String,
    /// The component whose code raised it.
    pub component: Option<ComponentName>,
    /// The operation whose code raised it.
    pub operation: Option<String>,
    /// Path of the field with the code.
    pub field: Option<String>,
    /// Line of the code, from 1.
    pub line: Option<usize>,
    /// Calls that led to it, the innermost last.
    #[serde(default)]
    pub frames: Vec<Frame>,
}

/// Kind and name of a component.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ComponentName {
    /// Kind.
    pub kind: String,
    /// Name of the resource.
    pub name: String,
}

/// A call: in code of a component, or in a library.
#[derive(Debug, Deserialize)]
pub(super) struct Frame {
    /// The component, for its code.
    pub component: Option<ComponentName>,
    /// Path of the field with the code.
    pub field: Option<String>,
    /// File of a library.
    pub file: Option<String>,
    /// Line of the code or the file.
    #[serde(default)]
    pub line: usize,
    /// Name of the function.
    #[serde(default)]
    pub function: String,
}

/// Code that ran.
#[derive(Debug, Deserialize)]
pub(super) struct Reached {
    /// The component.
    pub component: ComponentName,
    /// Path of the field with the code or the operation.
    pub field: String,
    /// For filters and predicates: whether a value passed.
    #[serde(default)]
    pub passed: bool,
    /// For filters and predicates: whether a value was dropped.
    #[serde(default)]
    pub dropped: bool,
}
