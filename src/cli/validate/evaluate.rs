//! From documents to findings: each resource by itself, and all of an app together.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Finding, Resource, Severity,
    locate::{self, Mark},
    read::{Document, Input},
    schema,
};
use crate::{
    admission::{self, AdmittedObject, KindHandler},
    api::{GROUP, Kind, VERSION},
    validate::{AppContext, FieldError, Findings, Objects, Path, Problem, Segment, Warning, nearest, rule},
};

/// One manifest: a document, or an item of a list in one.
pub struct Manifest {
    /// Index of the document.
    document: usize,
    /// Where it stands in the document.
    at: Vec<Segment>,
    /// All of it.
    pub value: Value,
    /// What it is, its namespace filled in.
    pub resource: Resource,
}

/// A namespace and an app in it.
type AppKey = (String, String);

/// Judges all documents; findings come in the order of the text.
pub fn evaluate(
    inputs: &[Input],
    documents: &[Document],
    namespace: &str,
    progress: &ProgressBar,
) -> Vec<Finding> {
    let mut findings = unread(inputs, documents);
    let manifests = manifests(documents, namespace);
    let (ours, others): (Vec<_>, Vec<_>) =
        manifests.into_iter().partition(|manifest| group_of(&manifest.value) == GROUP);
    let objects = objects(&others);
    let surroundings = surroundings(&ours, &objects);
    let mut seen = BTreeSet::new();
    progress.set_position(0);
    for manifest in &ours {
        progress.inc(1);
        let mut found = judge_one(manifest, &surroundings);
        let Resource { kind, namespace, name } = &manifest.resource;
        if !name.is_empty() && !seen.insert((kind, namespace, name)) {
            let at = Path::root().child("metadata").child("name");
            found.duplicate(rule::TWICE, at, name);
        }
        let document = &documents[manifest.document];
        let text = inputs[document.input].text();
        findings.extend(placed(manifest, found, document, text));
    }
    findings.sort_by_key(|finding| (finding.input, finding.bytes.start));
    findings
}

/// What could not be read.
fn unread(inputs: &[Input], documents: &[Document]) -> Vec<Finding> {
    let finding = |input, message: &str, bytes| Finding {
        input,
        resource: None,
        severity: Severity::Error,
        rule: rule::UNREADABLE,
        field: String::new(),
        message: message.to_owned(),
        bytes,
    };
    let files = inputs
        .iter()
        .enumerate()
        .filter_map(|(i, input)| Some(finding(i, input.content.as_ref().err()?, 0..0)));
    let yaml = documents.iter().filter_map(|document| {
        let (why, bytes) = document.value.as_ref().err()?;
        Some(finding(document.input, why, bytes.clone()))
    });
    files.chain(yaml).collect()
}

/// The manifests of all documents, those of lists too.
pub fn manifests(documents: &[Document], namespace: &str) -> Vec<Manifest> {
    let mut found = Vec::new();
    for (document, value) in
        documents.iter().enumerate().filter_map(|(i, d)| Some((i, d.value.as_ref().ok()?)))
    {
        let mut add = |at: Vec<Segment>, value: &Value| {
            let resource = resource_of(value, namespace);
            found.push(Manifest { document, at, value: value.clone(), resource });
        };
        let items = value["items"].as_array().filter(|_| text(&value["kind"]).ends_with("List"));
        match items {
            None => add(Vec::new(), value),
            Some(items) => {
                for (i, item) in items.iter().enumerate() {
                    add(vec![Segment::Field("items".into()), Segment::Index(i)], item);
                }
            }
        }
    }
    found
}

fn resource_of(value: &Value, namespace: &str) -> Resource {
    let metadata = &value["metadata"];
    let name = [&metadata["name"], &metadata["generateName"]].map(text);
    let given = text(&metadata["namespace"]);
    Resource {
        kind: text(&value["kind"]).to_owned(),
        namespace: if given.is_empty() { namespace } else { given }.to_owned(),
        name: name.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn group_of(value: &Value) -> &str {
    text(&value["apiVersion"]).split_once('/').map_or("", |(group, _)| group)
}

/// The Secrets and ConfigMaps of each namespace, with their keys.
fn objects(others: &[Manifest]) -> BTreeMap<String, Objects> {
    let mut objects = BTreeMap::<String, Objects>::new();
    for Manifest { value, resource, .. } in
        others.iter().filter(|manifest| manifest.value["apiVersion"] == "v1")
    {
        let blocks = ["data", "stringData", "binaryData"];
        let keys = blocks.iter().filter_map(|block| value[*block].as_object()).flatten();
        let keys = keys.map(|(key, _)| key.clone()).collect();
        let of_namespace = objects.entry(resource.namespace.clone()).or_default();
        match resource.kind.as_str() {
            "Secret" => _ = of_namespace.secrets.insert(resource.name.clone(), keys),
            "ConfigMap" => _ = of_namespace.config_maps.insert(resource.name.clone(), keys),
            _ => {}
        }
    }
    objects
}

/// What the set holds of each app.
fn surroundings(ours: &[Manifest], objects: &BTreeMap<String, Objects>) -> BTreeMap<AppKey, AppContext> {
    let mut surroundings = BTreeMap::<AppKey, AppContext>::new();
    for manifest in ours {
        let is_app = kind_of(manifest) == Some(Kind::App);
        let read = handled(manifest);
        let app = match &read {
            _ if is_app => Some(key(manifest)),
            Some((_, object)) => app_key(manifest, object),
            None => None,
        };
        let Some(app) = app else { continue };
        let context = surroundings.entry(app).or_insert_with_key(|(namespace, _)| {
            let mut context = AppContext::default();
            context.set_objects(objects.get(namespace).cloned().unwrap_or_default());
            context
        });
        if is_app {
            context.set_app_exists();
        }
        if let Some((handler, object)) = read {
            (handler.register)(&object, context);
        }
    }
    namesakes(ours, &mut surroundings);
    surroundings
}

/// Apps of one name in several namespaces learn of each other.
fn namesakes(ours: &[Manifest], surroundings: &mut BTreeMap<AppKey, AppContext>) {
    let mut by_name = BTreeMap::<&str, Vec<&Manifest>>::new();
    for app in ours.iter().filter(|manifest| kind_of(manifest) == Some(Kind::App)) {
        by_name.entry(&app.resource.name).or_default().push(app);
    }
    for apps in by_name.values().filter(|apps| apps.len() > 1) {
        for app in apps {
            for other in apps.iter().filter(|other| other.resource.namespace != app.resource.namespace) {
                let Some(context) = surroundings.get_mut(&key(app)) else { continue };
                if let Some((_, object)) = handled(other) {
                    admission::register_namesake(&object, context);
                }
            }
        }
    }
}

fn kind_of(manifest: &Manifest) -> Option<Kind> {
    Kind::from_name(&manifest.resource.kind)
}

fn key(app: &Manifest) -> AppKey {
    (app.resource.namespace.clone(), app.resource.name.clone())
}

/// The app that a manifest is, or belongs to.
fn app_key(manifest: &Manifest, object: &AdmittedObject) -> Option<AppKey> {
    let app = admission::app_of(kind_of(manifest)?, &object.metadata)?;
    Some((manifest.resource.namespace.clone(), app.clone()))
}

/// A manifest of a known kind as admission sees it, unless its metadata can't be read.
fn handled(manifest: &Manifest) -> Option<(&'static KindHandler, AdmittedObject)> {
    let handler = admission::handler_for(kind_of(manifest)?);
    let mut object = AdmittedObject::deserialize(&manifest.value).ok()?;
    object.metadata.namespace = Some(manifest.resource.namespace.clone());
    Some((handler, object))
}

fn judge_one(manifest: &Manifest, surroundings: &BTreeMap<AppKey, AppContext>) -> Findings {
    let mut found = Findings::default();
    envelope(manifest, &mut found);
    let Some(handler) = kind_of(manifest).map(admission::handler_for) else { return found };
    let mut filled = manifest.value.clone();
    (handler.apply_defaults)(&mut filled);
    found.errors.extend(schema::check(handler.kind, &filled));
    let fits = found.errors.is_empty();
    match handled(manifest) {
        Some((_, object)) => {
            let context = app_key(manifest, &object).and_then(|app| surroundings.get(&app));
            let all = (handler.validate)(&object, None, context);
            // The schema has said why the types can't read it, and said it better.
            found.errors.extend(all.errors.into_iter().filter(|error| fits || error.rule != rule::SCHEMA));
            found.warnings = all.warnings;
        }
        None => found.errors.extend(admission::metadata_error(&manifest.value)),
    }
    found
}

/// What every resource needs.
fn envelope(manifest: &Manifest, found: &mut Findings) {
    let Resource { kind, name, .. } = &manifest.resource;
    let version = text(&manifest.value["apiVersion"]);
    let known = format!("{GROUP}/{VERSION}");
    if version != known {
        found.not_supported(rule::SCHEMA, Path::root().child("apiVersion"), version, &[&known]);
    }
    if Kind::from_name(kind).is_none() {
        let near = nearest(kind, Kind::ALL.into_iter().map(Kind::name));
        let detail = near.map_or_else(
            || format!("must be one of {}", Kind::ALL.map(Kind::name).join(", ")),
            |near| format!("did you mean '{near}'?"),
        );
        let problem = Problem::NotSupported { value: kind.clone(), detail };
        found.add(rule::SCHEMA, Path::root().child("kind"), problem);
    }
    if name.is_empty() {
        found.required(
            rule::REQUIRED,
            Path::root().child("metadata").child("name"),
            "must name the resource",
        );
    }
}

/// The findings of a manifest with their places in its input.
fn placed<'a>(
    manifest: &'a Manifest,
    found: Findings,
    document: &'a Document,
    text: &'a str,
) -> impl Iterator<Item = Finding> + 'a {
    let chunk = &text[document.bytes.clone()];
    let place = move |path: &Path, mark| {
        let segments: Vec<&Segment> = manifest.at.iter().chain(path.segments()).collect();
        let bytes = locate::locate(chunk, &segments, mark);
        document.bytes.start + bytes.start..document.bytes.start + bytes.end
    };
    let finding = move |severity, rule, path: &Path, message, mark| Finding {
        input: document.input,
        resource: Some(manifest.resource.clone()),
        severity,
        rule,
        field: path.to_string(),
        message,
        bytes: place(path, mark),
    };
    let errors = found.errors.into_iter().map(move |FieldError { rule, path, problem, within }| {
        let mark = match (&problem, within) {
            (_, Some((line, column))) => Mark::Within(line, column),
            // The field should not be there at all.
            (Problem::Forbidden(_), None) => Mark::Key,
            _ if rule == rule::CONFIG_KEY => Mark::Key,
            _ => Mark::Value,
        };
        finding(Severity::Error, rule, &path, problem.to_string(), mark)
    });
    let warnings = found
        .warnings
        .into_iter()
        .map(move |Warning { rule, path, text }| finding(Severity::Warning, rule, &path, text, Mark::Value));
    errors.chain(warnings)
}
