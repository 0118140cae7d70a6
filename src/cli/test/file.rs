//! Test files: their fields, as users write them.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

/// Tests of the pipelines of one app.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TestFile {
    /// Name of the KasprApp. Required if the manifests have several apps.
    pub app: Option<String>,
    /// Namespace of the app, if the manifests have apps of this name in several namespaces.
    pub namespace: Option<String>,
    /// Files and directories with the manifests, relative to this file. The default is the manifests in the directory
    /// of this file.
    #[serde(default)]
    pub manifests: Vec<PathBuf>,
    /// The tests. Each test starts with an empty app: nothing remains from the test before it.
    pub tests: Vec<TestCase>,
}

/// One test: what is there before, what happens, and what is expected. Messages are sent first, then the task runs,
/// then the request is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TestCase {
    /// What the test shows.
    pub name: String,
    /// Content of tables before the test, by the names of the tables.
    #[serde(default)]
    pub tables: BTreeMap<String, TableContent>,
    /// Messages, in the order in which the app receives them.
    #[serde(default)]
    pub send: Vec<Message>,
    /// A task that runs once.
    pub run: Option<TaskRun>,
    /// A request to a webview.
    pub request: Option<HttpRequest>,
    /// What is expected. Without it, the test only requires that no code raises an exception.
    #[serde(default)]
    pub expect: Expectation,
}

/// Content of a table: a map, or a list of entries for keys that are not strings.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum TableContent {
    /// Values by key.
    Map(BTreeMap<String, Value>),
    /// Entries.
    List(Vec<TableEntry>),
}

/// An entry of a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TableEntry {
    /// The key, as the table's key serializer takes it.
    pub key: Value,
    /// The value, as the table's value serializer takes it.
    pub value: Value,
}

/// A message to a topic or a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Message {
    /// Name of the topic.
    pub topic: Option<String>,
    /// Name of the channel, for agents that read the results of a join.
    pub channel: Option<String>,
    /// The key. Without it, the message has none.
    #[serde(default, deserialize_with = "given")]
    pub key: Option<Value>,
    /// The value. Without it, the message has none, as Kafka's tombstones.
    #[serde(default, deserialize_with = "given")]
    pub value: Option<Value>,
    /// The headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The partition. The default is 0.
    pub partition: Option<u32>,
    /// The time of the message, in seconds since 1970. The default is the time of the test.
    pub timestamp: Option<f64>,
}

/// A task that runs once, whatever its schedule is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskRun {
    /// Name of the KasprTask.
    pub task: String,
}

/// A request to a webview.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpRequest {
    /// The method. The default is GET.
    #[serde(default = "get")]
    pub method: String,
    /// The path with its query, as a client sends it: with the app's `webBasePath`.
    pub path: String,
    /// The headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The body: a string is sent as it is, any other value as JSON.
    #[serde(default)]
    pub body: Value,
}

fn get() -> String {
    "GET".to_owned()
}

/// Reads a field that is there, also if it is null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What is expected after a test. Values may contain matchers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// Messages that the app sends to topics: all messages of each topic that is named, in order. Only the fields of a
    /// message that are given are compared.
    #[serde(default)]
    pub topics: BTreeMap<String, Value>,
    /// Content of tables: all entries of each table that is named.
    #[serde(default)]
    pub tables: BTreeMap<String, Value>,
    /// Status code of the response.
    pub status: Option<Value>,
    /// Headers of the response. Only those that are given are compared.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// Body of the response: a value if the response is JSON, otherwise a string.
    pub body: Option<Value>,
    /// The exception that code raises: its type, or its fields. The default is that no message and no task raises one.
    pub error: Option<ExpectedError>,
    /// All exceptions in order, instead of `error`.
    pub errors: Option<Vec<ExpectedError>>,
}

/// An exception.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum ExpectedError {
    /// Its type, such as `ValueError`.
    Type(String),
    /// Its fields. Only those that are given are compared.
    Fields(ErrorFields),
}

/// Fields of an exception.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorFields {
    /// Its type, such as `ValueError`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its message; may be a matcher.
    pub message: Option<Value>,
    /// Name of the component whose code raises it.
    pub component: Option<String>,
    /// Name of the operation whose code raises it.
    pub operation: Option<String>,
    /// Line of the code, from 1 in its block.
    pub line: Option<usize>,
}

impl<'de> Deserialize<'de> for TableContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Content;

        impl<'de> Visitor<'de> for Content {
            type Value = TableContent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of keys and values, or a list of entries with `key` and `value`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableContent, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                BTreeMap::deserialize(map).map(TableContent::Map)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<TableContent, A::Error> {
                let items = serde::de::value::SeqAccessDeserializer::new(items);
                Vec::deserialize(items).map(TableContent::List)
            }
        }

        deserializer.deserialize_any(Content)
    }
}

impl<'de> Deserialize<'de> for ExpectedError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Error;

        impl<'de> Visitor<'de> for Error {
            type Value = ExpectedError;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the type of an exception, or its fields")
            }

            fn visit_str<E>(self, kind: &str) -> Result<ExpectedError, E> {
                Ok(ExpectedError::Type(kind.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExpectedError, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                ErrorFields::deserialize(map).map(ExpectedError::Fields)
            }
        }

        deserializer.deserialize_any(Error)
    }
}

impl TableContent {
    /// Returns the entries, keys and values.
    pub(super) fn entries(&self) -> Vec<(Value, &Value)> {
        match self {
            Self::Map(map) => map.iter().map(|(key, value)| (Value::from(key.as_str()), value)).collect(),
            Self::List(entries) => entries.iter().map(|entry| (entry.key.clone(), &entry.value)).collect(),
        }
    }
}

impl TestCase {
    /// Returns the place of the request among the steps of the test, which come after its messages and its task.
    pub(super) fn request_step(&self) -> usize {
        self.send.len() + usize::from(self.run.is_some())
    }
}

impl ExpectedError {
    /// Returns the fields, unless only the type is given.
    pub(super) fn fields(&self) -> Option<&ErrorFields> {
        match self {
            Self::Type(_) => None,
            Self::Fields(fields) => Some(fields),
        }
    }
}
