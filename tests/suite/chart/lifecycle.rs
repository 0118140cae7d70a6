//! A release from install to uninstall, with an operator that runs with its own permissions.

use std::{fs, thread};

use control_plane::ControlPlane;
use serde_json::{Value, json};

use super::{
    NAME, both, chart,
    cluster::{CONFIGURATIONS, Cluster, file, older_chart},
    documents, failed, object,
    rights::requests,
    succeeded, work,
};
use crate::harness::{condition, eventually_quiet, text};

/// A manifest with an error that the schema accepts.
const REFUSED: &str = "examples/refused/config-typo.yaml";
const GOOD: &str = "examples/minimal.yaml";

/// Checks that both webhooks answer, with requests of a user.
pub(crate) fn admission_works(cluster: &Cluster) {
    let said = cluster.refused(&file(REFUSED));
    assert!(said.contains("did you mean"), "{said}");
    let output = cluster.try_kubectl(&["apply", "--dry-run=server", "-o", "json", "-f", "-"], &file(GOOD));
    let app: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(app["spec"]["replicas"], 1, "{}", text(&output.stderr));
}

/// Runs `helm test` and acts as the kubelet for its pod.
pub(crate) fn helm_test(cluster: &Cluster) {
    let mut test = cluster.helm(&["test", NAME, "--timeout", "120s"]);
    thread::scope(|scope| {
        let helm = scope.spawn(move || succeeded(&mut test));
        let name = format!("{NAME}-check-admission");
        let pod = cluster.wait_for("pod", &name, NAME, Value::is_object);
        let output = cluster.run_hook(&pod);
        let said = both(&output);
        let phase = if output.status.success() { "Succeeded" } else { "Failed" };
        let status = json!({ "status": { "phase": phase } }).to_string();
        // No kubelet reports the result of the pod.
        eventually_quiet("the end of the pod", || {
            let args =
                ["-n", NAME, "patch", "pod", &name, "--subresource=status", "--type=merge", "-p", &status];
            let output = cluster.try_kubectl(&args, "");
            if output.status.success() || helm.is_finished() { Ok(()) } else { Err(text(&output.stderr)) }
        });
        assert!(output.status.success(), "{said}");
        let passed = helm.join().expect("helm");
        assert!(passed.contains("Succeeded"), "{passed}");
    });
}

fn short_names(cluster: &Cluster) -> Value {
    cluster.get("crd", "kasprtasks.kaspr.io", "")["spec"]["names"]["shortNames"].clone()
}

#[test]
fn a_release_is_installed_upgraded_and_uninstalled() {
    let cluster = Cluster::start(ControlPlane::builder());
    let older = older_chart(cluster.folder());
    cluster.release(&older, &[]);
    let certificate = cluster.certify();
    let authorities = cluster.authorities();
    let operator = cluster.run_operator(&certificate);
    admission_works(&cluster);
    helm_test(&cluster);
    cluster.apply(&file(GOOD));
    let ready = |app: &Value| condition(app, "Ready", "True", "Healthy");
    cluster.wait_for("kasprapp", "hello", "default", ready);
    assert_eq!(short_names(&cluster), json!(["ktask"]));

    // An upgrade installs the newer CRDs and keeps the CA that another client injected.
    cluster.release(&chart(), &["log.level=debug"]);
    assert_eq!(short_names(&cluster), json!(["ktasks", "ktask"]));
    assert_eq!(cluster.authorities(), authorities);
    admission_works(&cluster);
    let deployment = cluster.get("deployment", NAME, NAME);
    assert!(deployment.to_string().contains("debug"), "{deployment}");

    succeeded(&mut cluster.helm(&["rollback", NAME, "1", "--wait"]));
    assert_eq!(short_names(&cluster), json!(["ktask"]));
    assert_eq!(cluster.authorities(), authorities);
    admission_works(&cluster);

    uninstalled(&cluster);
    assert!(operator.stop().expect("an exit").success());
    resources_can_be_written_without_the_operator(&cluster);
    back_again(&cluster);
}

/// Runs `helm uninstall` and checks which objects are left.
pub(crate) fn uninstalled(cluster: &Cluster) {
    deregisters(cluster);
    succeeded(&mut cluster.helm(&["uninstall", NAME, "--wait", "--timeout", "120s"]));
    for kind in CONFIGURATIONS {
        assert_eq!(cluster.get(kind, NAME, ""), Value::Null);
    }
    let kinds = "deployment,service,serviceaccount,role,rolebinding,poddisruptionbudget,networkpolicy,\
                 job,issuer,certificate,configmap,clusterrole,clusterrolebinding";
    let label = format!("app.kubernetes.io/instance={NAME}");
    eventually_quiet("the end of the release", || {
        let left = cluster.kubectl(&["get", kinds, "-A", "-l", &label, "-o", "name"]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    // No other object blocks the deletion of the namespace.
    cluster.kubectl(&["delete", "namespace", NAME, "--timeout=120s"]);
}

/// Acts as the hook before an uninstall, with the permissions of the hook.
pub(crate) fn deregisters(cluster: &Cluster) {
    let hooks = succeeded(&mut cluster.helm(&["get", "hooks", NAME]));
    let hooks: Vec<Value> = documents(&hooks)
        .into_iter()
        .filter(|hook| hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete")
        .collect();
    let rights = hooks.iter().filter(|hook| hook["kind"] != "Job").map(Value::to_string);
    cluster.apply(&rights.collect::<Vec<_>>().join("\n---\n"));
    let job = object(&hooks, "Job", &format!("{NAME}-deregister"));
    // A second run finds no configurations, and succeeds too.
    for _ in 0..2 {
        let output = cluster.run_hook(&job["spec"]["template"]);
        assert!(output.status.success(), "{}", both(&output));
        for kind in CONFIGURATIONS {
            assert_eq!(cluster.get(kind, NAME, ""), Value::Null);
        }
    }
    let cluster_role = object(&hooks, "ClusterRole", &format!("{NAME}-deregister"));
    assert_eq!(cluster_role["rules"].as_array().map(Vec::len), Some(1));
}

/// Without the operator, Kaspr resources can be edited, created and deleted.
fn resources_can_be_written_without_the_operator(cluster: &Cluster) {
    assert!(cluster.get("statefulset", "hello-app", "default").is_object(), "members continue");
    cluster.kubectl(&["label", "kasprapp", "hello", "edited=true"]);
    cluster.apply(&file(GOOD).replace("name: hello", "name: another"));
    cluster.kubectl(&["delete", "kasprapp", "--all", "--timeout=60s"]);
    eventually_quiet("the end of what was made", || {
        let left = cluster.kubectl(&["get", "statefulset,service", "-l", "kaspr.io/app", "-o", "name"]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

/// The CRDs that were kept do not block a second install, here with the user's own certificate.
fn back_again(cluster: &Cluster) {
    let existing = ["certificates.mode=existing", "certificates.existing.secretName=mine"];
    cluster.install(&existing);
    let service = format!("{NAME}-webhook.{NAME}.svc");
    let certificate = cluster.sign(&[&service]);
    let cert = format!("--cert={}", certificate.join("tls.crt").display());
    let key = format!("--key={}", certificate.join("tls.key").display());
    cluster.kubectl(&["-n", NAME, "create", "secret", "tls", "mine", &cert, &key]);
    cluster.trust(&certificate);
    let operator = cluster.run_operator(&certificate);
    admission_works(cluster);
    assert_eq!(short_names(cluster), json!(["ktasks", "ktask"]));
    upgraded_and_back(cluster, &existing);
    uninstalled(cluster);
    assert!(operator.stop().expect("an exit").success());
}

/// `helm upgrade` and `helm rollback` with a release's values keep the CA that another client injected.
fn upgraded_and_back(cluster: &Cluster, values: &[&str]) {
    let authorities = cluster.authorities();
    let logs = || cluster.get("deployment", NAME, NAME).to_string().contains("debug");
    cluster.install(&[values, &["log.level=debug"]].concat());
    assert!(logs());
    assert_eq!(cluster.authorities(), authorities);
    admission_works(cluster);
    succeeded(&mut cluster.helm(&["rollback", NAME, "--wait"]));
    assert!(!logs());
    assert_eq!(cluster.authorities(), authorities);
    admission_works(cluster);
}

#[test]
fn a_release_for_one_namespace_leaves_the_others_alone() {
    let cluster = Cluster::start(ControlPlane::builder());
    cluster.kubectl(&["create", "namespace", "apps"]);
    cluster.install(&["watchNamespace=apps"]);
    let certificate = cluster.certify();
    let operator = cluster.run_operator(&certificate);
    let in_apps = |path: &str| file(path).replace("metadata:\n", "metadata:\n  namespace: apps\n");
    cluster.refused(&in_apps(REFUSED));
    cluster.apply(&in_apps(GOOD));
    cluster.wait_for("kasprapp", "hello", "apps", |app| condition(app, "Ready", "True", "Healthy"));
    // In other namespaces, the webhooks are not called and no objects are created.
    cluster.apply(&file(REFUSED));
    assert_eq!(
        cluster.get("kasprapp", "refused-config-typo", "default")["status"]["conditions"],
        Value::Null
    );
    helm_test(&cluster);
    // The operator sent no request about other namespaces.
    let complaints = operator.lines().into_iter().filter(|line| line["level"] != "INFO");
    assert_eq!(complaints.collect::<Vec<_>>(), Vec::<Value>::new());
    assert!(operator.stop().expect("an exit").success());
}

#[test]
fn without_an_operator_the_check_reports_the_reason() {
    let cluster = Cluster::start(ControlPlane::builder());
    cluster.install(&["test.timeoutSeconds=15"]);
    let hooks = succeeded(&mut cluster.helm(&["get", "hooks", NAME]));
    let hooks = documents(&hooks);
    let name = format!("{NAME}-check-admission");
    let rights =
        hooks.iter().filter(|hook| hook["metadata"]["name"] == name.as_str() && hook["kind"] != "Pod");
    cluster.apply(&rights.map(Value::to_string).collect::<Vec<_>>().join("\n---\n"));
    let output = cluster.run_hook(object(&hooks, "Pod", &name));
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("admission does not work"), "{said}");
    assert!(said.contains("validate.kaspr.io") || said.contains("default.kaspr.io"), "{said}");
}

/// CRDs of another installer, even older ones, require two flags and nothing else.
#[test]
fn crds_of_others_are_taken_over() {
    let cluster = Cluster::start(ControlPlane::builder().without_kwok());
    let older = older_chart(cluster.folder()).join("files/crds");
    cluster.kubectl(&["apply", "-f", &older.display().to_string()]);
    assert_eq!(short_names(&cluster), json!(["ktask"]));
    let install = |more: &[&str]| {
        let mut command = cluster.helm(&["install", NAME, "--create-namespace"]);
        command.arg(chart()).args(more);
        command
    };
    let said = failed(&mut install(&[]));
    assert!(said.contains("invalid ownership metadata"), "{said}");
    succeeded(&mut install(&["--take-ownership", "--force-conflicts"]));
    assert_eq!(short_names(&cluster), json!(["ktasks", "ktask"]));
    the_usual_roles_cover_kaspr_resources(&cluster);
}

/// Users who may edit a namespace may edit its Kaspr resources, and users who may view a namespace may view them.
fn the_usual_roles_cover_kaspr_resources(cluster: &Cluster) {
    for (role, verb, allowed) in
        [("view", "get", true), ("view", "create", false), ("edit", "create", true), ("edit", "delete", true)]
    {
        cluster.kubectl(&[
            "create",
            "rolebinding",
            &format!("{role}-{verb}"),
            &format!("--clusterrole={role}"),
            &format!("--user={role}"),
        ]);
        eventually_quiet(&format!("{role} {verb}"), || {
            let args = ["auth", "can-i", verb, "kasprapps.kaspr.io", "--as", role, "-n", "default"];
            let can = cluster.try_kubectl(&args, "").status.success();
            if can == allowed { Ok(()) } else { Err(format!("{can}")) }
        });
    }
}

/// The operator issues its certificate and injects its CA into the configurations.
#[test]
fn a_release_without_cert_manager_issues_its_own_certificate() {
    let cluster = Cluster::start(ControlPlane::builder().audit(work::USER));
    cluster.install(&["certificates.mode=builtin"]);
    let operator = cluster.run_operator(cluster.folder());
    eventually_quiet("a CA", || {
        let authorities = cluster.authorities();
        if authorities.iter().all(Value::is_string) { Ok(()) } else { Err(format!("{authorities:?}")) }
    });
    admission_works(&cluster);
    let authorities = cluster.authorities();
    upgraded_and_back(&cluster, &["certificates.mode=builtin"]);
    helm_test(&cluster);
    another_client_removes_the_ca(&cluster, &authorities);
    assert!(operator.stop().expect("an exit").success());
    its_rights_are_enough(&cluster);
    uninstalled(&cluster);
}

/// The operator injects the CA again.
fn another_client_removes_the_ca(cluster: &Cluster, authorities: &[Value]) {
    let patch = r#"[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]"#;
    cluster.kubectl(&["patch", CONFIGURATIONS[0], NAME, "--type=json", "-p", patch]);
    eventually_quiet("the CA again", || {
        let now = cluster.authorities();
        if now == authorities { Ok(()) } else { Err(format!("{now:?}")) }
    });
}

/// The operator uses more permissions than in a release with cert-manager, and no request is denied.
fn its_rights_are_enough(cluster: &Cluster) {
    let log = fs::read_to_string(cluster.plane.audit_log()).expect("a log");
    let (used, refused) = requests(&log);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    let registration = "admissionregistration.k8s.io";
    for (group, resource, verb) in [
        ("", "secrets", "get"),
        ("", "secrets", "create"),
        (registration, "mutatingwebhookconfigurations", "get"),
        (registration, "mutatingwebhookconfigurations", "patch"),
        (registration, "validatingwebhookconfigurations", "patch"),
    ] {
        let right = (group.to_owned(), resource.to_owned(), verb.to_owned());
        assert!(used.contains(&right), "{right:?} is not used");
    }
    // The operator does not watch or list: the permissions are limited to single objects.
    assert!(
        !used.iter().any(|(_, resource, verb)| resource == "secrets" && verb != "get" && verb != "create")
    );
}
