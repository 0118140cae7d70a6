//! The objects of the Python operator, as it made them on a real API server, compared with ours.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde_json::{Map, Value};

use crate::harness::{Namespace, eventually};

/// What is compared.
const KINDS: &str = "configmap,horizontalpodautoscaler,poddisruptionbudget,service,serviceaccount,statefulset,persistentvolumeclaim,\
                     kasprapp,kaspragent,kasprtable,kasprtask,kasprwebview,kasprjoin";

/// Every deliberate difference: which objects (start of `Kind/name`), which fields (start of the
/// path, or `…` and a part of it), and why. An entry that matches nothing fails the test.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "",
        ".metadata.annotations.kaspr.io/applied-hash",
        "shows after a restart of the operator whether there is anything to apply",
    ),
    ("StatefulSet/", ".metadata.annotations.kaspr.io/input-hash", "shows whether the user changed anything"),
    (
        "StatefulSet/",
        ".metadata.annotations.kaspr.io/template-hash",
        "shows whether this program built the running pods",
    ),
    ("StatefulSet/", ".metadata.labels.", "the operator finds what it made by its label"),
    ("HorizontalPodAutoscaler/", ".metadata.labels.", "the operator finds what it made by its label"),
    (
        "StatefulSet/",
        ".metadata.annotations.kaspr.io/resource-hash",
        "that of the Python operator covers its install script and its client library",
    ),
    (
        "StatefulSet/",
        "…[kaspr].env[AGENTS_HASH].value",
        "hash of the definitions alone; that of the Python operator contains UIDs",
    ),
    (
        "StatefulSet/",
        "…[kaspr].env[TABLES_HASH].value",
        "hash of the definitions alone; that of the Python operator contains UIDs",
    ),
    (
        "StatefulSet/",
        "…[kaspr].env[TASKS_HASH].value",
        "hash of the definitions alone; that of the Python operator contains UIDs",
    ),
    (
        "StatefulSet/",
        "…[kaspr].env[WEBVIEWS_HASH].value",
        "hash of the definitions alone; that of the Python operator contains UIDs",
    ),
    ("StatefulSet/", "…[kaspr].env[PYTHONPATH].value", "the Python operator sets a literal ${PYTHONPATH}"),
    ("StatefulSet/", "…initContainers[install-packages].args", "no shell reads the packages"),
    (
        "StatefulSet/",
        "…initContainers[install-packages].command",
        "the installer is the operator's own program",
    ),
    (
        "StatefulSet/",
        "…initContainers[install-packages].env[INSTALL_",
        "the policy is given to the program, not written into it",
    ),
    (
        "StatefulSet/",
        "…initContainers[install-packages].env[PACKAGES_DIR]",
        "the folder is given to the program, not written into it",
    ),
    ("StatefulSet/", "…initContainers[install-packages].env[PACKAGES_SHARED]", "members share the volume"),
    ("StatefulSet/", "…initContainers[install-packages].env[SCRATCH_DIR]", "the image may be read-only"),
    ("StatefulSet/", "…initContainers[install-packages].env[POD_NAME]", "each member is linked to its set"),
    (
        "StatefulSet/",
        "…initContainers[install-packages].env[MAX_ARCHIVE_SIZE]",
        "given, not written into a script",
    ),
    (
        "StatefulSet/",
        "…initContainers[install-packages].env[GCS_KEY_FILE]",
        "given, not written into a script",
    ),
    (
        "StatefulSet/",
        "…initContainers[install-packages].terminationMessagePolicy",
        "an installer that is killed leaves the end of its log",
    ),
    ("StatefulSet/", "…[kaspr].livenessProbe", "the operator adds probes that the spec lacks"),
    ("StatefulSet/", "…[kaspr].readinessProbe", "the operator adds probes that the spec lacks"),
    ("StatefulSet/", "…[kaspr].startupProbe", "the operator adds probes that the spec lacks"),
    ("StatefulSet/", "…[kaspr].terminationMessagePolicy", "a member that crashes leaves the end of its log"),
    ("StatefulSet/", ".metadata.annotations.kaspr.io/rollout-state", "the last revision that worked"),
    ("StatefulSet/", "…configMapKeyRef.name", "pods read settings that never change"),
    ("StatefulSet/", "…configMap.name", "pods mount definitions that never change"),
    ("KasprApp/", ".status.members", "members answer in this test"),
    ("StatefulSet/", "…initContainers[copy-installer]", "the installer comes from the operator's image"),
    ("StatefulSet/", "…[orders-app-installer]", "the installer comes from the operator's image"),
    ("StatefulSet/", "…[scores-app-installer]", "the installer comes from the operator's image"),
    ("StatefulSet/", "…[open-app-installer]", "the installer comes from the operator's image"),
    (
        "StatefulSet/",
        "…initContainers[install-packages].env[PACKAGES_EQUAL_HASHES]",
        "archives under any hash of the same packages are used",
    ),
    (
        "StatefulSet/open-app",
        "…env[PACKAGES_HASH].value",
        "a new app gets the hash without defaults; a running one keeps its hash",
    ),
    ("KasprApp/open", ".status.pythonPackages.hash", "that of the members"),
    (
        "KasprApp/open",
        ".status.pythonPackages.warnings",
        "the details of the installation come with the pod, without a permission to execute in it",
    ),
    ("KasprApp/", ".status.pythonPackages.state", "the guide of the Python operator shows it"),
    ("StatefulSet/", "…-packages].subPathExpr", "each member mounts its own set, which never changes"),
    ("StatefulSet/orders-app", "…[kaspr].env[JOINS_HASH]", "joins are reconciled"),
    ("StatefulSet/orders-app", "…orders-app-joins", "a join works only in one file with its tables"),
    ("StatefulSet/orders-app", "…order-totals-table", "a table that a join names is in the joins' file"),
    ("StatefulSet/orders-app", "…products-table", "a table that a join names is in the joins' file"),
    ("ConfigMap/orders-app-joins", "", "joins are reconciled"),
    ("ConfigMap/order-products-join", "", "joins are reconciled"),
    ("KasprJoin/", ".status.", "joins are reconciled"),
    (
        "ConfigMap/counter-agent",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/enrich-agent",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/lookup-webview",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/order-totals-table",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/sweep-task",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/shop-counter-agent",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/shop-nightly-task",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    (
        "ConfigMap/shop-page-webview",
        ".metadata.annotations.kaspr.io/resource-hash",
        "covers the text of the definition, which another library lays out",
    ),
    ("ConfigMap/order-totals-table", "….window.relative_to_", "the framework reads relative_to_selector"),
    (
        "Service/orders-app",
        ".metadata.annotations.kaspr.io/resource-hash",
        "the hash of the other Service, there by accident",
    ),
    ("Kaspr", ".metadata.finalizers", "owner references do what the finalizer did"),
    ("Kaspr", ".status.hash", "hash of the definition alone; that of the Python operator contains UIDs"),
    ("KasprApp/", "….hash", "hash of the definition alone; that of the Python operator contains UIDs"),
    ("KasprApp/orders", ".status.linkedResources.joins", "joins are reconciled"),
    ("KasprApp/", ".status.replicas", "for kubectl scale"),
    ("KasprApp/", ".status.selector", "for kubectl scale"),
    ("PodDisruptionBudget/", "", "nodes are drained one member at a time"),
    ("KasprApp/scores", ".status.pythonPackages.cacheMode", "the Python operator calls a bucket ephemeral"),
];

/// What an API server, its controllers and the moment of the recording put into an object.
const VOLATILE: &[&str] = &[
    ".metadata.creationTimestamp",
    ".metadata.generation",
    ".metadata.managedFields",
    ".metadata.namespace",
    ".metadata.resourceVersion",
    ".metadata.uid",
    ".metadata.annotations.kubectl.kubernetes.io/",
    ".metadata.annotations.pv.kubernetes.io/",
    ".metadata.annotations.volume.",
    ".spec.volumeName",
    ".status.conditions",
    ".status.availableMembers",
    ".status.observedGeneration",
    ".status.pythonPackages.install",
    ".status.pythonPackages.lastInstallTime",
    ".status.rebalanceRequired",
    ".status.rebalancingMembers",
    ".status.rolloutInProgress",
];

type Fields = BTreeMap<String, Value>;

fn flatten(value: &Value, path: String, fields: &mut Fields) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                flatten(value, format!("{path}.{key}"), fields);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                let name = item["name"].as_str().map_or_else(|| i.to_string(), str::to_owned);
                flatten(item, format!("{path}[{name}]"), fields);
            }
        }
        other => {
            fields.insert(path, other.clone());
        }
    }
}

/// The comparable fields of an object: definitions are read, ours have no spec to compare, and of
/// the others' the status is the server's.
fn fields(mut object: Value) -> Fields {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let ours = kind.starts_with("Kaspr");
    if let Value::Object(object) = &mut object {
        object.remove(if ours { "spec" } else { "status" });
    }
    for (file, text) in object["data"].as_object_mut().into_iter().flatten() {
        if file.ends_with(".yaml") || file.ends_with(".yml") {
            *text = serde_saphyr::from_str(text.as_str().unwrap_or_default()).expect("a definition in YAML");
        }
    }
    let mut fields = Fields::new();
    flatten(&object, String::new(), &mut fields);
    fields.retain(|path, _| !VOLATILE.iter().any(|volatile| path.starts_with(volatile)));
    // The addresses that the server hands out, but not a headless Service's None.
    fields.retain(|path, value| !path.starts_with(".spec.clusterIP") || value == "None");
    for (path, value) in &mut fields {
        if path.ends_with(".uid") {
            *value = Value::Null;
        }
    }
    fields.retain(|path, _| !path.ends_with("].uid"));
    fields
}

fn matches(entry: &(&str, &str, &str), object: &str, path: &str) -> bool {
    let (objects, paths, _) = entry;
    let fits = match paths.strip_prefix('…') {
        Some(part) => path.contains(part),
        None => path.starts_with(paths),
    };
    object.starts_with(objects) && fits
}

/// Compares; returns the unexpected differences, and marks the entries that were used.
fn compare(recorded: &Map<String, Value>, live: &Map<String, Value>, used: &mut [bool]) -> Vec<String> {
    let mut unexpected = Vec::new();
    let nothing = Value::Object(Map::new());
    for name in recorded.keys().chain(live.keys().filter(|name| !recorded.contains_key(*name))) {
        let theirs = fields(recorded.get(name).unwrap_or(&nothing).clone());
        let ours = fields(live.get(name).unwrap_or(&nothing).clone());
        for path in theirs.keys().chain(ours.keys().filter(|path| !theirs.contains_key(*path))) {
            let (their, our) = (theirs.get(path), ours.get(path));
            if their == our {
                continue;
            }
            match DIFFERENCES.iter().position(|entry| matches(entry, name, path)) {
                Some(entry) => used[entry] = true,
                None => unexpected.push(format!("{name} {path}: {their:?} became {our:?}")),
            }
        }
    }
    unexpected
}

fn live(namespace: &Namespace) -> Map<String, Value> {
    let named = |o: Value| {
        let (kind, name) =
            (o["kind"].as_str().unwrap_or_default(), o["metadata"]["name"].as_str().unwrap_or_default());
        (format!("{kind}/{name}"), o)
    };
    let mut objects: Map<String, Value> = namespace.list(KINDS).into_iter().map(named).collect();
    // Every namespace has these.
    objects.remove("ConfigMap/kube-root-ca.crt");
    objects.remove("ServiceAccount/default");
    // Immutable copies of the definitions, which the Python operator does not make.
    objects.retain(|_, object| object["metadata"]["labels"]["kaspr.io/snapshot-of"].is_null());
    objects
}

#[test]
fn makes_the_objects_of_the_published_operator() {
    // The members' addresses and some hashes hold the namespace's name.
    let namespace = Namespace::named("recorded");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut recorded = Map::new();
    for case in ["minimal", "full", "gcs", "names", "plainest"] {
        let file = |name: &str| fs::read_to_string(folder.join(case).join(name)).expect("a recording");
        let objects: Map<String, Value> = serde_json::from_str(&file("objects.json")).expect("JSON");
        recorded.extend(objects);
        namespace.apply(&file("manifest.yaml"));
    }
    let mut used = vec![false; DIFFERENCES.len()];
    eventually("the objects of the Python operator", || {
        used.fill(false);
        let unexpected = compare(&recorded, &live(&namespace), &mut used);
        if unexpected.is_empty() { Ok(()) } else { Err(unexpected.join("\n")) }
    });
    let stale: Vec<_> =
        DIFFERENCES.iter().zip(used).filter(|(_, used)| !used).map(|(entry, _)| entry).collect();
    assert!(stale.is_empty(), "listed differences that do not exist: {stale:?}");
}

/// The API server adds fields to what the operator applies, so only the fields that are applied are compared.
#[test]
fn images_come_from_the_configured_registry() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/registry");
    let output = Command::new(env!("CARGO_BIN_EXE_kaspr-operator"))
        .args(["render", "--namespace", "recorded", "--output", "json"])
        .arg(folder.join("manifest.yaml"))
        .env("KASPR_IMAGE_REGISTRY", "registry.example.com/")
        .output()
        .expect("the operator runs");
    let rendered: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let recorded = fs::read_to_string(folder.join("objects.json")).expect("a recording");
    let recorded: Map<String, Value> = serde_json::from_str(&recorded).expect("JSON");
    let mut differences = Vec::new();
    let mut images = Vec::new();
    for object in rendered["items"].as_array().expect("items") {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}/{}", text("/kind"), text("/metadata/name"));
        images.extend(object.pointer("/spec/template/spec/containers/0/image").cloned());
        if object["metadata"]["labels"]["kaspr.io/snapshot-of"].is_string() {
            continue;
        }
        let theirs = fields(recorded.get(&name).cloned().unwrap_or_default());
        for (path, our) in fields(object.clone()) {
            let is_listed = DIFFERENCES.iter().any(|entry| matches(entry, &name, &path));
            if theirs.get(&path) != Some(&our) && !is_listed {
                differences.push(format!("{name} {path}: {:?} became {our}", theirs.get(&path)));
            }
        }
    }
    assert_eq!(images, ["registry.example.com/team/app:1", "registry.example.com/kasprio/kaspr:0.11.19"]);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
