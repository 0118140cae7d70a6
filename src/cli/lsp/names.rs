//! Names that manifests of a folder define, for completion.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{api::Kind, cli::validate::ManifestSet};

/// Names that the manifests of a folder define or use.
#[derive(Default)]
pub(super) struct FolderNames {
    /// Names of KasprApps.
    pub apps: BTreeSet<String>,
    /// Names of KasprTables.
    pub tables: BTreeSet<String>,
    /// Names of KasprTasks.
    pub tasks: BTreeSet<String>,
    /// Topics that agents, tasks and webviews read or write.
    pub topics: BTreeSet<String>,
    /// Output channels of KasprJoins.
    pub channels: BTreeSet<String>,
}

impl FolderNames {
    /// Returns the names in manifests.
    #[must_use]
    pub(super) fn of(set: &ManifestSet) -> Self {
        let mut names = Self::default();
        for (kind, resource) in set.resources_with_defaults() {
            let name = text(&resource["metadata"]["name"]);
            match kind {
                Kind::App => names.apps.extend(name),
                Kind::Table => names.tables.extend(name),
                Kind::Task => names.tasks.extend(name),
                Kind::Join => names.channels.extend(text(&resource["spec"]["outputChannel"])),
                Kind::Agent | Kind::WebView => {}
            }
            add_topics(&resource["spec"], &mut names.topics);
        }
        names
    }
}

/// Adds the topics that blocks in a value name.
fn add_topics(value: &Value, topics: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| add_topics(item, topics)),
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("topic" | "topicSend", topic) => topics.extend(text(&topic["name"])),
                    ("topics", Value::Array(list)) => {
                        topics.extend(list.iter().filter_map(|topic| text(&topic["name"])));
                    }
                    _ => {}
                }
                add_topics(value, topics);
            }
        }
        _ => {}
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
