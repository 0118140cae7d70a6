//! Evaluation of the rules: each resource by itself, and the resources of an app together.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::ProgressBar;

use super::{
    app_contexts::app_contexts,
    documents::Document,
    finding::{Finding, ResourceId, Severity},
    input::Input,
    locate::{Highlight, Locator},
    manifest::{AppKey, Manifest, as_text, take_manifests},
    schema,
};
use crate::{
    admission,
    api::{GROUP, Kind, VERSION},
    validate::{AppContext, FieldError, Findings, Path, Problem, Segment, Warning, nearest, rule},
};

/// Validates all documents, and takes their values. Returns the findings in the order of the text, and the
/// resources of kaspr.io.
#[must_use]
pub(super) fn evaluate(
    inputs: &[Input],
    documents: &mut [Document],
    namespace: &str,
    progress: &ProgressBar,
) -> (Vec<Finding>, Vec<Manifest>) {
    let mut findings = unreadable_findings(inputs, documents);
    let manifests = take_manifests(documents, namespace);
    let (ours, others): (Vec<_>, Vec<_>) =
        manifests.into_iter().partition(|manifest| manifest.group() == GROUP);
    let contexts = app_contexts(&ours, &others);
    let mut names = BTreeSet::new();
    let mut locator = None;
    progress.set_position(0);
    for manifest in &ours {
        progress.inc(1);
        let mut found = validate_manifest(manifest, &contexts);
        let ResourceId { kind, namespace, name } = &manifest.resource;
        if !name.is_empty() && !names.insert((kind, namespace, name)) {
            let at = Path::root().child("metadata").child("name");
            found.duplicate(rule::TWICE, at, name);
        }
        if found.errors.is_empty() && found.warnings.is_empty() {
            continue;
        }
        let document = &documents[manifest.document];
        if locator.as_ref().is_none_or(|(of, _)| *of != manifest.document) {
            let text = &inputs[document.input].text()[document.bytes.clone()];
            locator = Some((manifest.document, Locator::new(text)));
        }
        if let Some((_, locator)) = &locator {
            findings.extend(locate_findings(manifest, found, document, locator));
        }
    }
    findings.sort_by_key(|finding| (finding.input, finding.bytes.start));
    (findings, ours)
}

/// Returns a finding for each file and document that cannot be read.
fn unreadable_findings(inputs: &[Input], documents: &[Document]) -> Vec<Finding> {
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

fn validate_manifest(manifest: &Manifest, contexts: &BTreeMap<AppKey, AppContext>) -> Findings {
    let mut found = Findings::default();
    validate_identity(manifest, &mut found);
    let Some(handler) = manifest.kind().map(admission::handler_for) else { return found };
    let mut with_defaults = manifest.value.clone();
    (handler.apply_defaults)(&mut with_defaults);
    found.errors.extend(schema::check(handler.kind, &with_defaults));
    let fits_schema = found.errors.is_empty();
    match manifest.parse() {
        Some((_, object)) => {
            let context = manifest.app_key(&object).and_then(|app| contexts.get(&app));
            let all = (handler.validate)(&object, None, context);
            // The schema check describes a type error better than the parser.
            let errors = all.errors.into_iter().filter(|error| fits_schema || error.rule != rule::SCHEMA);
            found.errors.extend(errors);
            found.warnings = all.warnings;
        }
        None => found.errors.extend(admission::metadata_error(&manifest.value)),
    }
    found
}

/// Validates version, kind and name.
fn validate_identity(manifest: &Manifest, found: &mut Findings) {
    let ResourceId { kind, name, .. } = &manifest.resource;
    let version = as_text(&manifest.value["apiVersion"]);
    let supported = format!("{GROUP}/{VERSION}");
    if version != supported {
        found.not_supported(rule::SCHEMA, Path::root().child("apiVersion"), version, &[&supported]);
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

/// Returns the findings of a manifest with their places in the input.
fn locate_findings<'a>(
    manifest: &'a Manifest,
    found: Findings,
    document: &'a Document,
    locator: &'a Locator<'_>,
) -> impl Iterator<Item = Finding> + 'a {
    let place = move |path: &Path, highlight| {
        let segments: Vec<&Segment> = manifest.at.iter().chain(path.segments()).collect();
        let bytes = locator.locate(&segments, highlight);
        document.bytes.start + bytes.start..document.bytes.start + bytes.end
    };
    let finding = move |severity, rule, path: &Path, message, highlight| Finding {
        input: document.input,
        resource: Some(manifest.resource.clone()),
        severity,
        rule,
        field: path.to_string(),
        message,
        bytes: place(path, highlight),
    };
    let errors = found.errors.into_iter().map(move |FieldError { rule, path, problem, within }| {
        let highlight = if let Some((line, column)) = within {
            Highlight::Within(line, column)
        } else if matches!(problem, Problem::Forbidden(_)) || rule == rule::CONFIG_KEY {
            // The name of the field is the problem, not the value.
            Highlight::Key
        } else {
            Highlight::Value
        };
        finding(Severity::Error, rule, &path, problem.to_string(), highlight)
    });
    let warnings = found.warnings.into_iter().map(move |Warning { rule, path, text }| {
        let highlight = if rule == rule::CONFIG_KEY_UNKNOWN { Highlight::Key } else { Highlight::Value };
        finding(Severity::Warning, rule, &path, text, highlight)
    });
    errors.chain(warnings)
}
