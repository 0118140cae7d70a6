//! How Flux, Argo CD and other tools read the status of the six kinds: with kstatus, with the types of Flux, and
//! with the interpreter of Argo CD.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kaspr_operator::crds;
use serde_json::{Value, json};

use crate::{
    harness::{Namespace, message, text},
    lifecycle::{APP, running},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const HEALTH_CHECKS: &str = "deploy/argocd/argocd-cm.yaml";

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a program with an input. Returns the lines of its output, or what it wrote to standard error.
fn run(command: &mut Command, input: &str) -> Result<Vec<Value>, String> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program");
    // A program that fails may leave a part of its input.
    let _ = child.stdin.take().expect("an input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("an output");
    if !output.status.success() {
        return Err(text(&output.stderr));
    }
    Ok(text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

/// The key of a kind in the ConfigMap of Argo CD.
fn key(kind: &str) -> String {
    format!("resource.customizations.health.kaspr.io_{kind}")
}

/// What tools make of an object.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Assessment {
    /// The status that kstatus computes.
    pub kstatus: String,
    /// The health that Argo CD shows, and its message.
    pub health: String,
    pub message: String,
}

/// Assesses objects.
pub(crate) fn assess(objects: &[Value]) -> Vec<Assessment> {
    let checks: Value = serde_saphyr::from_str(&read(HEALTH_CHECKS)).expect("YAML");
    let folder = tempfile::tempdir().expect("a folder");
    let program = control_plane::kstatus().expect("kstatus");
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let computed = run(&mut Command::new(program), &lines).expect("the status of each object");
    let health = |object: &Value| {
        let kind = object["kind"].as_str().expect("a kind");
        let script = folder.path().join(kind);
        fs::write(&script, checks["data"][key(kind)].as_str().expect("a script")).expect("written");
        let program = control_plane::argocd_lua().expect("argocd-lua");
        run(Command::new(program).arg(script), &object.to_string()).expect("a health").remove(0)
    };
    let string = |value: &Value| value.as_str().expect("a string").to_owned();
    let assess = |(object, computed): (&Value, Value)| {
        let health = health(object);
        let (kstatus, message) = (string(&computed["status"]), string(&health["message"]));
        Assessment { kstatus, health: string(&health["status"]), message }
    };
    assert_eq!(computed.len(), objects.len());
    objects.iter().zip(computed).map(assess).collect()
}

/// An object in its second generation whose conditions have the given types, statuses and reasons. The message of
/// a condition is its type and reason.
fn object(kind: &str, observed_generation: i64, conditions: &[(&str, &str, &str)]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(r#type, status, reason)| {
            json!({
                "type": r#type,
                "status": status,
                "reason": reason,
                "message": format!("{type}: {reason}"),
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "observedGeneration": observed_generation,
            })
        })
        .collect();
    json!({
        "apiVersion": "kaspr.io/v1alpha1",
        "kind": kind,
        "metadata": { "name": "x", "namespace": "x", "generation": 2 },
        "status": { "observedGeneration": observed_generation, "conditions": conditions },
    })
}

const SETTLED: (&str, &str, &str) = ("Reconciling", "False", "Settled");
const RECONCILING: (&str, &str, &str) = ("Reconciling", "True", "Progress");
const NOT_STALLED: (&str, &str, &str) = ("Stalled", "False", "NotStalled");
const READY: (&str, &str, &str) = ("Ready", "True", "Healthy");
const COMPLETE: (&str, &str, &str) = ("Progressing", "False", "ReconcileComplete");
const PAUSED: (&str, &str, &str) = ("Progressing", "False", "Paused");

/// A kind, conditions, and the expected status, health and message.
type Case = (&'static str, Vec<(&'static str, &'static str, &'static str)>, [&'static str; 3]);

fn stalled(reason: &'static str) -> [(&'static str, &'static str, &'static str); 2] {
    [SETTLED, ("Stalled", "True", reason)]
}

fn cases_of_apps() -> Vec<Case> {
    let app = |conditions: &[&[_]], expected| ("KasprApp", conditions.concat(), expected);
    let not_ready = |reason| [("Ready", "False", reason)];
    let starting = [RECONCILING, NOT_STALLED, ("Progressing", "True", "NewSpec")];
    let settled = [SETTLED, NOT_STALLED, COMPLETE];
    let withheld = [("ComponentsReady", "False", "ComponentsWaiting")];
    let mut cases = vec![
        app(&[&settled, &[READY]], ["Current", "Healthy", "Ready: Healthy"]),
        app(&[&settled, &[READY], &withheld], ["Current", "Healthy", "Ready: Healthy"]),
        app(&[&starting, &not_ready("NotReady")], ["InProgress", "Progressing", "Reconciling: Progress"]),
        // The members of the previous generation still answer while new ones start.
        app(&[&starting, &[READY]], ["InProgress", "Progressing", "Reconciling: Progress"]),
        // The operator deletes hung members itself.
        app(&[&settled, &not_ready("HungMembers")], ["InProgress", "Progressing", "Ready: HungMembers"]),
        app(&[&settled, &not_ready("NotReady")], ["InProgress", "Progressing", "Ready: NotReady"]),
        app(&[&[SETTLED, NOT_STALLED, PAUSED, READY]], ["Current", "Suspended", "Progressing: Paused"]),
        // An app that was paused when it was created.
        app(&[&[PAUSED]], ["Current", "Suspended", "Progressing: Paused"]),
        app(
            &[&stalled("Invalid"), &[PAUSED], &not_ready("Invalid")],
            ["Failed", "Degraded", "Stalled: Invalid"],
        ),
    ];
    for (reason, message) in [
        ("Invalid", "Stalled: Invalid"),
        ("Error", "Stalled: Error"),
        ("CrashLoop", "Stalled: CrashLoop"),
        ("RolledBack", "Stalled: RolledBack"),
    ] {
        cases.push(app(&[&stalled(reason), &not_ready("NotReady")], ["Failed", "Degraded", message]));
        // Members of an earlier revision work.
        cases.push(app(&[&[READY], &stalled(reason)], ["Failed", "Degraded", message]));
    }
    cases
}

fn cases_of_components(kind: &'static str) -> Vec<Case> {
    let component = |conditions: &[&[_]], expected| (kind, conditions.concat(), expected);
    let settled = [SETTLED, NOT_STALLED];
    let defined = [("Ready", "True", "Defined")];
    let mut cases = vec![
        component(&[&settled, &defined], ["Current", "Healthy", "Ready: Defined"]),
        component(
            &[&settled, &defined, &[("Healthy", "True", "NoCrashes")]],
            ["Current", "Healthy", "Ready: Defined"],
        ),
        component(
            &[&settled, &defined, &[("Healthy", "Unknown", "MessagesWaiting")]],
            ["Current", "Healthy", "Ready: Defined"],
        ),
        // kstatus has no status for what works in part.
        component(
            &[&settled, &defined, &[("Healthy", "False", "AgentCrashed")]],
            ["Current", "Degraded", "Healthy: AgentCrashed"],
        ),
        // While the corrected code rolls out.
        component(
            &[&[RECONCILING, NOT_STALLED], &defined, &[("Healthy", "False", "AgentCrashed")]],
            ["InProgress", "Progressing", "Reconciling: Progress"],
        ),
    ];
    for (reason, message) in [
        ("AppNotFound", "Ready: AppNotFound"),
        ("Waiting", "Ready: Waiting"),
        ("TableNotFound", "Ready: TableNotFound"),
    ] {
        let waits = [("Ready", "False", reason)];
        cases.push(component(&[&settled, &waits], ["InProgress", "Progressing", message]));
    }
    for (reason, message) in
        [("Conflict", "Stalled: Conflict"), ("Refused", "Stalled: Refused"), ("Invalid", "Stalled: Invalid")]
    {
        let refused = [("Ready", "False", reason)];
        cases.push(component(&[&stalled(reason), &refused], ["Failed", "Degraded", message]));
    }
    cases
}

fn kinds() -> Vec<String> {
    crds::all().into_iter().map(|crd| crd.spec.names.kind).collect()
}

#[test]
fn conditions_have_the_same_meaning_for_flux_and_argo_cd() {
    let mut cases = cases_of_apps();
    for kind in ["KasprAgent", "KasprTable", "KasprTask", "KasprWebView", "KasprJoin"] {
        cases.extend(cases_of_components(kind));
    }
    let objects: Vec<Value> = cases.iter().map(|(kind, conditions, _)| object(kind, 2, conditions)).collect();
    for ((assessment, object), (_, _, [kstatus, health, message])) in
        assess(&objects).into_iter().zip(&objects).zip(cases)
    {
        let expected = Assessment {
            kstatus: kstatus.to_owned(),
            health: health.to_owned(),
            message: message.to_owned(),
        };
        assert_eq!(assessment, expected, "{object:#}");
    }
}

#[test]
fn a_status_of_an_earlier_generation_counts_for_nothing() {
    let old = |conditions: &[(&str, &str, &str)]| object("KasprApp", 1, conditions);
    let stalled = stalled("Invalid");
    for assessment in assess(&[old(&[]), old(&[SETTLED, NOT_STALLED, READY]), old(&stalled), old(&[PAUSED])])
    {
        assert_eq!((&*assessment.kstatus, &*assessment.health), ("InProgress", "Progressing"));
    }
    // An object that the operator has not seen.
    let mut new = object("KasprTable", 1, &[]);
    new.as_object_mut().expect("an object").remove("status");
    assert_eq!(assess(&[new])[0].health, "Progressing");
}

/// What Argo CD reads after an administrator applied the patch.
#[test]
fn kubectl_adds_the_health_checks_to_the_settings_of_argo_cd() {
    let namespace = Namespace::new("argocd");
    namespace.run(&["create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example.com"]);
    let file = project(HEALTH_CHECKS).display().to_string();
    namespace.run(&["patch", "configmap", "argocd-cm", "--patch-file", &file]);
    let data = namespace.get("configmap", "argocd-cm")["data"].clone();
    assert_eq!(data["url"], "https://argocd.example.com");
    let script = &data[key("KasprApp")];
    assert!(script.as_str().is_some_and(|script| script.contains("obj.status")), "{data}");
    let kinds = kinds();
    assert!(kinds.iter().all(|kind| &data[key(kind)] == script), "{data}");
    assert_eq!(data.as_object().map(serde_json::Map::len), Some(kinds.len() + 1));
}

#[test]
fn the_example_for_flux_has_the_fields_of_flux() {
    let (kustomizations, release) =
        (read("deploy/flux/kustomizations.yaml"), read("deploy/flux/operator/release.yaml"));
    let flux = |manifests: &str| run(&mut Command::new(control_plane::flux().expect("flux")), manifests);
    let objects = flux(&format!("{kustomizations}---\n{release}")).expect("objects of Flux");
    let of_kind = |kind: &str| -> Vec<&Value> { objects.iter().filter(|o| o["kind"] == kind).collect() };
    let [operator, apps] = of_kind("Kustomization")[..] else { panic!("{objects:?}") };
    for kustomization in [operator, apps] {
        assert_eq!(kustomization["spec"]["wait"], true);
        assert_eq!(kustomization["spec"]["sourceRef"]["kind"], "GitRepository");
    }
    assert_eq!(apps["spec"]["dependsOn"], json!([{ "name": operator["metadata"]["name"] }]));

    let ([namespace], [chart], [helm]) =
        (&of_kind("Namespace")[..], &of_kind("OCIRepository")[..], &of_kind("HelmRelease")[..])
    else {
        panic!("{objects:?}")
    };
    assert_eq!(chart["spec"]["ref"]["tag"], VERSION);
    assert!(release.contains(&format!("kaspr-operator-{VERSION}.tgz")));
    assert_eq!(
        helm["spec"]["chartRef"],
        json!({ "kind": "OCIRepository", "name": chart["metadata"]["name"] })
    );
    for object in [chart, helm] {
        assert_eq!(object["metadata"]["namespace"], namespace["metadata"]["name"]);
    }
    let schema = serde_json::from_str(&read("deploy/helm/kaspr-operator/values.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&helm["spec"]["values"]), "{helm}");

    for (field, other) in [("chartRef:", "chartref:"), ("layerSelector:", "layers:"), ("v2\n", "v1\n")] {
        flux(&release.replacen(field, other, 1)).expect_err("an unknown field or version");
    }
    flux(&kustomizations.replace("wait:", "waits:")).expect_err("an unknown field");
}

const COMPONENTS: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: counts, labels: {kaspr.io/app: clicks}}
spec: {name: counts}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {name: mine, labels: {kaspr.io/app: clicks}}
spec:
  input: {topic: {name: orders}}
  processors: {pipeline: [m], operations: [{name: m, map: {python: 'def m(value): return value'}}]}
";

/// Returns whether the operator reports that it reconciles, and that it can get no further.
fn reports(object: &Value, reconciling: &str, stalled: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let has = |kind: &str, status: &str| {
        conditions.into_iter().flatten().any(|c| c["type"] == kind && c["status"] == status)
    };
    has("Reconciling", reconciling) && has("Stalled", stalled)
}

#[test]
fn what_runs_is_healthy_on_a_real_api_server() {
    let namespace = running("healthy", COMPONENTS);
    for (kind, name) in [("kasprapp", "clicks"), ("kasprtable", "counts"), ("kaspragent", "mine")] {
        let object = namespace.wait_for(kind, name, |object| reports(object, "False", "False"));
        let expected = Assessment {
            kstatus: "Current".to_owned(),
            health: "Healthy".to_owned(),
            message: message(&object, "Ready"),
        };
        assert_eq!(assess(std::slice::from_ref(&object)), [expected], "{object:#}");
    }
}

#[test]
fn what_needs_a_change_is_degraded_on_a_real_api_server() {
    let system = Namespace::without_webhooks();
    let invalid = APP.replace("clicks", "gitops").replace("kafka:9092", "kafka://kafka:9092");
    system.apply(&invalid);
    let app = system.wait_for("kasprapp", "gitops", |app| reports(app, "False", "True"));
    system.run(&["wait", "kasprapp/gitops", "--for=condition=Stalled", "--timeout=60s"]);
    system.run(&["delete", "kasprapp", "gitops"]);

    // The definition of the agent would replace an object of the user.
    let namespace = Namespace::new("degraded");
    namespace.run(&["create", "configmap", "mine-agent", "--from-literal=a=b"]);
    namespace.apply(&format!("{APP}---{COMPONENTS}"));
    let agent = namespace.wait_for("kaspragent", "mine", |agent| reports(agent, "False", "True"));
    for (object, cause) in [(app, "spec.bootstrapServers"), (agent, "ConfigMap mine-agent")] {
        let [assessment] = &assess(std::slice::from_ref(&object))[..] else { panic!("one object") };
        assert_eq!((&*assessment.kstatus, &*assessment.health), ("Failed", "Degraded"), "{object:#}");
        assert!(assessment.message.contains(cause), "{object:#}");
    }
}
