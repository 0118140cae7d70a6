//! What holds for every object, however it is broken: examples with random parts removed, replaced
//! and moved, validated by each of the callers of the rules.

use std::{fs, path::Path};

use kaspr_operator::{
    admission::{Phase, answer},
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    cli::{Format, report},
    defaults::{self, Defaults},
    validate::{Valid, Validate},
};
use proptest::{prelude::*, sample::Index};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// All manifests of ours among the examples.
fn manifests() -> Vec<Value> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["examples", "examples/refused", "tests/golden/full"];
    let paths = folders.into_iter().flat_map(|folder| fs::read_dir(project.join(folder)).expect("a folder"));
    let mut paths: Vec<_> = paths.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let texts = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let texts = texts.map(|path| fs::read_to_string(path).expect("text"));
    let documents = texts.flat_map(|text| {
        serde_saphyr::from_multiple::<Value>(&text).expect("YAML").into_iter().collect::<Vec<_>>()
    });
    documents.filter(|document| document["apiVersion"] == "kaspr.io/v1alpha1").collect()
}

/// What a part can become.
fn part() -> impl Strategy<Value = Option<Value>> {
    let values = [
        json!(null),
        json!(""),
        json!(" "),
        json!(0),
        json!(-1),
        json!(1),
        json!(100_000),
        json!(true),
        json!([]),
        json!({}),
        json!("500ms"),
        json!("5s"),
        json!("a/b"),
        json!("é"),
        json!("1Gi"),
        json!("def f(v): return v"),
        json!("def f(:"),
        json!("if"),
        json!("kafka://a"),
        json!("/a/{b}"),
        json!("gcs"),
        json!(["a"]),
        json!("a\nb"),
        json!("x".repeat(300)),
    ];
    prop_oneof![Just(None), prop::sample::select(values.to_vec()).prop_map(Some)]
}

/// The JSON pointers of all that is below metadata's labels and the spec.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push(at.clone());
        places(child, at, found);
    }
}

fn change(object: &mut Value, place: Index, part: Option<Value>) {
    let mut found = Vec::new();
    places(&object["spec"], "/spec".to_owned(), &mut found);
    found.extend(["/metadata/name".to_owned(), "/metadata/labels".to_owned()]);
    let at = place.get(&found).clone();
    let (parent, name) = at.rsplit_once('/').expect("a pointer");
    match (object.pointer_mut(parent), part) {
        (Some(Value::Object(fields)), None) => _ = fields.remove(name),
        (Some(Value::Array(items)), None) => _ = items.pop(),
        (_, part) => _ = object.pointer_mut(&at).map(|place| *place = part.unwrap_or_default()),
    }
    // The API server accepts no other metadata.
    for (field, fits) in [
        ("name", object["metadata"]["name"].is_string()),
        ("labels", object["metadata"]["labels"].is_object()),
    ] {
        if let Some(metadata) = object["metadata"].as_object_mut().filter(|_| !fits) {
            metadata.remove(field);
        }
    }
}

fn object() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((any::<Index>(), part()), 0..5);
    (prop::sample::select(manifests()), changes).prop_map(|(mut object, changes)| {
        changes.into_iter().for_each(|(place, part)| change(&mut object, place, part));
        object
    })
}

/// A review of the object, or of its change from an old one.
fn review(object: &Value, old: Option<&Value>, dry_run: bool) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1", "name": "x", "namespace": "n", "userInfo": {}, "dryRun": dry_run,
            "operation": if old.is_some() { "UPDATE" } else { "CREATE" },
            "kind": { "group": "kaspr.io", "version": "v1alpha1", "kind": object["kind"] },
            "resource": { "group": "kaspr.io", "version": "v1alpha1", "resource": "x" },
            "object": object, "oldObject": old,
        },
    })
}

fn reviewed(review: &Value) -> kube::core::admission::AdmissionResponse {
    let review = answer(Phase::Validate, review.to_string().as_bytes(), None).expect("an answer");
    review.response.expect("a response")
}

/// What the webhook refuses, a line each.
fn refused(object: &Value, old: Option<&Value>) -> Vec<String> {
    let details = reviewed(&review(object, old, false)).result.details;
    let causes = details.into_iter().flat_map(|details| details.causes);
    causes.map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
}

/// What the reconciler refuses; nothing where it cannot read the object.
fn guarded(object: &Value) -> Option<Vec<String>> {
    fn of<T: Defaults + DeserializeOwned + Serialize + Validate>(object: &Value) -> Option<Vec<String>> {
        let resource = serde_json::from_value::<T>(object.clone()).ok()?;
        let found = match Valid::check(defaults::with_defaults(&resource).ok()?) {
            Ok(_) => Vec::new(),
            Err(found) => found.errors,
        };
        Some(found.iter().take(50).map(ToString::to_string).collect())
    }
    match object["kind"].as_str().unwrap_or_default() {
        "KasprApp" => of::<KasprApp>(object),
        "KasprAgent" => of::<KasprAgent>(object),
        "KasprTable" => of::<KasprTable>(object),
        "KasprTask" => of::<KasprTask>(object),
        "KasprWebView" => of::<KasprWebView>(object),
        _ => of::<KasprJoin>(object),
    }
}

/// What the command line finds in documents: rule, whether it is an error, and words.
fn found(documents: &[Value]) -> Vec<(String, bool, String)> {
    let text: Vec<String> = documents.iter().map(Value::to_string).collect();
    let said = report(&text.join("\n---\n"), Format::Json).expect("a report");
    let findings = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    findings
        .map(|finding| {
            let words = format!("{}: {}", word(&finding, "field"), word(&finding, "message"));
            (word(&finding, "rule"), finding["severity"] == "error", words)
        })
        .collect()
}

/// Rules that only a set of files can break.
const OF_SETS: &[&str] = &["app-missing", "table-missing", "channel-missing"];

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn webhook_guard_and_command_line_agree(object in object()) {
        let webhook = sorted(refused(&object, None));
        if let Some(guard) = guarded(&object) {
            // Only a new app is refused for a misspelled setting: one that runs must not stop for it.
            let of_running = webhook.iter().filter(|error| !error.contains("is not a setting: use '")).cloned();
            prop_assert_eq!(&sorted(guard), &of_running.collect::<Vec<_>>());
        }
        let findings = found(std::slice::from_ref(&object));
        let schema = findings.iter().any(|(rule, ..)| rule == "schema");
        let nameless = object["metadata"]["name"].as_str().is_none_or(str::is_empty);
        if !schema && !nameless {
            let reported = findings.into_iter().filter(|(rule, error, _)| *error && !OF_SETS.contains(&rule.as_str()));
            let reported = sorted(reported.map(|(_, _, words)| words).collect());
            prop_assert_eq!(&reported[..reported.len().min(50)], &webhook[..webhook.len().min(50)]);
        }
    }

    #[test]
    fn a_dry_run_says_the_same(object in object(), old in prop::option::of(object())) {
        let said = |dry_run| json!(reviewed(&review(&object, old.as_ref(), dry_run)));
        prop_assert_eq!(said(true), said(false));
    }

    #[test]
    fn what_was_wrong_before_is_forgiven(object in object(), place in any::<Index>(), part in part()) {
        let mut changed = object.clone();
        change(&mut changed, place, part);
        let (new, update) = (refused(&changed, None), refused(&changed, Some(&object)));
        let before = refused(&object, None);
        let readable = guarded(&object).is_some() && guarded(&changed).is_some();
        if readable && before.len() < 50 && new.len() < 50 {
            for error in &update {
                prop_assert!(!before.contains(error) || error.contains("immutable"), "{} was there before", error);
                let fixed = error.contains("immutable") || error.contains("can only grow");
                prop_assert!(new.contains(error) || fixed, "{} comes from nowhere", error);
            }
        }
    }

    #[test]
    fn metadata_and_deletion_always_pass(object in object(), other in "[a-z]{1,5}") {
        let mut renamed = object.clone();
        renamed["metadata"]["annotations"] = json!({ "a": other });
        renamed["metadata"]["labels"] = json!({});
        prop_assert!(reviewed(&review(&renamed, Some(&object), false)).allowed);
        let mut leaving = object.clone();
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        prop_assert!(reviewed(&review(&leaving, None, false)).allowed);
    }

    #[test]
    fn the_order_of_documents_is_all_the_same(
        mut objects in prop::collection::vec(object(), 1..6),
        turn in any::<Index>(),
    ) {
        // A duplicate name is reported at the second place, whichever that is.
        for (i, object) in objects.iter_mut().enumerate() {
            object["metadata"]["name"] = json!(format!("{}-{i}", object["metadata"]["name"].as_str().unwrap_or("x")));
        }
        let lines = |objects: &[Value]| sorted(found(objects).into_iter().map(|line| format!("{line:?}")).collect());
        let before = lines(&objects);
        let by = turn.index(objects.len());
        objects.rotate_left(by);
        prop_assert_eq!(lines(&objects), before);
    }
}
