//! Code of the tested apps that no test reached.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    app::App,
    outcome::{ComponentName, End},
    places::place_of_code,
    result::TestResult,
};
use crate::{
    cli::validate::{AppKey, ManifestSet, Place},
    validate::Path,
};

/// Code, or a branch of it, that no test reached.
#[derive(Debug)]
pub(super) struct Unreached {
    /// The component.
    pub component: ComponentName,
    /// Path of the field.
    pub field: String,
    /// Which values did not reach it.
    pub what: &'static str,
    /// Its place in the manifests.
    pub place: Option<Place>,
}

/// What tests reached of a field.
#[derive(Default)]
struct Reach {
    passed: bool,
    dropped: bool,
}

/// Returns the code of the tested apps that no test reached. `apps` has the apps of each set of manifests, and `sets`
/// the set of each test file.
#[must_use]
pub(super) fn unreached(
    results: &[TestResult],
    apps: &[BTreeMap<AppKey, App>],
    sets: &[usize],
    manifests: &[ManifestSet],
) -> Vec<Unreached> {
    let mut reached = BTreeMap::<(usize, &AppKey, &ComponentName, &str), Reach>::new();
    let mut tested = BTreeMap::new();
    for result in results {
        let set = sets[result.test.source];
        tested.entry((set, &result.test.app)).or_insert(&result.test);
        let End::Completed(outcome) = &result.end else { continue };
        for one in &outcome.reached {
            let reach = reached.entry((set, &result.test.app, &one.component, &one.field)).or_default();
            reach.passed |= one.passed;
            reach.dropped |= one.dropped;
        }
    }
    let mut found = Vec::new();
    for ((set, key), test) in tested {
        for component in apps[set].get(key).iter().flat_map(|app| &app.components) {
            let name = ComponentName { kind: component.kind.name().to_owned(), name: component.name.clone() };
            for field in code_fields(&component.spec) {
                let reach = reached.get(&(set, key, &name, &field));
                let branches = ["filter", "predicate"].iter().any(|last| field.ends_with(last));
                let what = match reach {
                    None => "no test runs it",
                    Some(reach) if branches && !reach.passed => "it accepts no value",
                    Some(reach) if branches && !reach.dropped => "it drops no value",
                    Some(_) => continue,
                };
                let place = place_of_code(&name, &field, 1, test, &manifests[set]);
                found.push(Unreached { component: name.clone(), field, what, place });
            }
        }
    }
    found
}

/// Returns the paths of all fields with code, and of all operations in the pipeline.
fn code_fields(spec: &Value) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    collect(spec, &Path::root().child("spec"), &mut fields);
    let operations = spec.pointer("/processors/operations").and_then(Value::as_array).into_iter().flatten();
    for (i, operation) in operations.enumerate() {
        if operation["topicSend"].is_object() {
            fields.insert(format!("spec.processors.operations[{i}].topicSend"));
        }
    }
    fields
}

fn collect(value: &Value, at: &Path, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if map.get("python").is_some_and(Value::is_string) => {
            fields.insert(at.to_string());
        }
        Value::Object(map) => {
            // The framework ignores windows of tables.
            let fields_of_map = map.iter().filter(|(name, _)| *name != "window");
            fields_of_map.for_each(|(name, value)| collect(value, &at.child(name.clone()), fields));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| collect(value, &at.index(i), fields))
        }
        _ => {}
    }
}
