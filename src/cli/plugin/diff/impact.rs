//! Which pods would restart, and why.

use kube::core::DynamicObject;
use serde::Serialize;
use serde_json::Value;

use super::compare::{Change, Field};
use crate::resources::OwnedKind;

/// The most fields that a reason names.
const MOST: usize = 3;

/// What a change means to the members of an app.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestartImpact {
    /// The app's namespace.
    pub namespace: String,
    /// The app.
    pub name: String,
    /// The pods that would restart.
    pub restarts: Vec<String>,
    /// Why they would.
    pub because: Vec<String>,
    /// What else happens to the members.
    pub notes: Vec<String>,
}

impl RestartImpact {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        let Self { namespace, name, restarts, because, notes } = self;
        let pods = match restarts.as_slice() {
            [] => "no pod restarts".to_owned(),
            pods => format!("restarts {}: {}", pods.join(", "), because.join(", ")),
        };
        let notes: String = notes.iter().map(|note| format!("; {note}")).collect();
        format!("KasprApp {namespace}/{name}: {pods}{notes}")
    }
}

/// What changes mean for an app with this StatefulSet.
pub fn of(
    (namespace, name): (&str, &str),
    changes: &[Change],
    set: Option<&DynamicObject>,
    grows: bool,
    newer_template_waits: bool,
) -> RestartImpact {
    let mut effect =
        RestartImpact { namespace: namespace.to_owned(), name: name.to_owned(), ..RestartImpact::default() };
    let of_pods: Vec<Field> = changes.iter().flat_map(Change::of_pods).collect();
    if !of_pods.is_empty() {
        effect.restarts = set.map(pods).unwrap_or_default();
        effect.because = reasons(&of_pods);
        if effect.restarts.is_empty() {
            effect.notes.push("there is none: the next ones start with the new template".to_owned());
        }
    }
    if set.is_none() && changes.iter().any(|change| change.kind == OwnedKind::StatefulSet) {
        effect.notes.push("the app is new: its members start".to_owned());
    }
    effect.notes.extend(scaling(changes));
    if grows {
        effect
            .notes
            .push("claims grow, and the StatefulSet is made again context its running pods".to_owned());
    }
    if newer_template_waits {
        effect.notes.push("a newer pod template waits for the next change, or for `roll`".to_owned());
    }
    effect
}

/// The pods of a StatefulSet.
fn pods(set: &DynamicObject) -> Vec<String> {
    let number = |path: &str| set.data.pointer(path).and_then(Value::as_i64);
    let count = number("/status/replicas").or(number("/spec/replicas")).unwrap_or_default();
    let name = set.metadata.name.clone().unwrap_or_default();
    (0..count).map(|i| format!("{name}-{i}")).collect()
}

/// How many members there may be.
fn scaling(changes: &[Change]) -> Option<String> {
    let autoscaler = changes.iter().find(|change| change.kind == OwnedKind::HorizontalPodAutoscaler)?;
    let most = |object: &Option<Value>| {
        object.as_ref().and_then(|object| object["spec"]["maxReplicas"].as_i64()).unwrap_or_default()
    };
    let (before, after) = (most(&autoscaler.before), most(&autoscaler.after));
    (before != after && autoscaler.before.is_some()).then(|| match after {
        0 => "the app stops: its members go, their data stays".to_owned(),
        after => format!("scales from at most {before} to at most {after} members"),
    })
}

/// The reasons that people understand first, then the fields that are left.
fn reasons(fields: &[Field]) -> Vec<String> {
    const HASHES: [(&str, &str); 7] = [
        ("AGENTS_HASH", "agents changed"),
        ("WEBVIEWS_HASH", "webviews changed"),
        ("TABLES_HASH", "tables changed"),
        ("TASKS_HASH", "tasks changed"),
        ("JOINS_HASH", "joins changed"),
        ("CONFIG_HASH", "settings changed"),
        ("PACKAGES_HASH", "Python packages changed"),
    ];
    let mut reasons: Vec<String> = HASHES
        .iter()
        .filter(|(hash, _)| fields.iter().any(|field| field.path.contains(&format!("env[{hash}]"))))
        .map(|(_, words)| (*words).to_owned())
        .collect();
    let text =
        |value: &Option<Value>| value.as_ref().map(|v| v.as_str().map_or(v.to_string(), str::to_owned));
    let image = fields.iter().find(|field| field.path == "spec.containers[kaspr].image");
    if let Some(Field { before: Some(_), after: Some(_), .. }) = image
        && let Some(field) = image
    {
        let (before, after) = (text(&field.before), text(&field.after));
        reasons.push(format!("image {} to {}", before.unwrap_or_default(), after.unwrap_or_default()));
    }
    let told = |path: &str| {
        path.ends_with(".image")
            || path.contains("_HASH]")
            || path.contains("/definitions/")
            || path.starts_with("spec.volumes[")
    };
    let rest: Vec<&str> = fields.iter().map(|field| field.path.as_str()).filter(|path| !told(path)).collect();
    reasons.extend(rest.iter().take(MOST).map(|path| (*path).to_owned()));
    if rest.len() > MOST {
        reasons.push(format!("{} more fields", rest.len() - MOST));
    }
    if reasons.is_empty() {
        reasons.extend(fields.iter().take(MOST).map(|field| field.path.clone()));
    }
    reasons
}
