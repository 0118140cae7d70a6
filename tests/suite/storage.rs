//! Claims: those of members grow in place, that of packages comes and goes with its field.

use serde_json::Value;

use crate::{
    harness::{Namespace, condition, eventually, message, text},
    lifecycle::{APP, SET, ready, running},
};

#[test]
fn storage_grows_around_running_pods() {
    let namespace = running("grow", "");
    namespace.run(&["scale", SET, "clicks-app", "--replicas=2"]);
    namespace.wait_for("kasprapp", "clicks", |app| app["status"]["availableMembers"] == "2/2");
    let pods =
        || -> Vec<Value> { namespace.list("pod").iter().map(|pod| pod["metadata"]["uid"].clone()).collect() };
    let (before, old) = (pods(), namespace.get(SET, "clicks-app"));
    assert_eq!(before.len(), 2);
    namespace.apply(&APP.replace("size: 1Gi", "size: 2Gi"));
    let set = namespace.wait_for(SET, "clicks-app", |set| {
        let size = set.pointer("/spec/volumeClaimTemplates/0/spec/resources/requests/storage");
        size.is_some_and(|size| size == "2Gi") && set["status"]["availableReplicas"] == 2
    });
    assert_ne!(set["metadata"]["uid"], old["metadata"]["uid"]);
    assert_eq!(set["spec"]["replicas"], 2);
    for claim in ["clicks-app-pv-clicks-app-0", "clicks-app-pv-clicks-app-1"] {
        namespace.wait_for("persistentvolumeclaim", claim, |claim| {
            claim["status"]["capacity"]["storage"] == "2Gi"
        });
    }
    namespace.wait_for("kasprapp", "clicks", |app| ready(app) && app["status"]["availableMembers"] == "2/2");
    assert_eq!(pods(), before, "no pod was restarted");
    // The manager that recreated it owns no field but the replicas: a field of two managers would stay
    // when the operator stops applying it.
    let args = ["get", SET, "clicks-app", "-o", "json", "--show-managed-fields"];
    let set: Value = serde_json::from_str(&namespace.run(&args)).expect("JSON");
    let owners = set["metadata"]["managedFields"].as_array().into_iter().flatten();
    let recreator = owners.filter(|entry| entry["manager"] == "kaspr-operator-recreate");
    let fields: Vec<&Value> = recreator.map(|entry| &entry["fieldsV1"]).collect();
    assert_eq!(fields, [&serde_json::json!({ "f:spec": { "f:replicas": {} } })]);
}

/// Claims of a class without expansion: admission refuses a larger size where it knows the class, and otherwise the
/// claims keep their size while other changes continue.
#[test]
fn claims_that_cannot_grow_block_nothing_else() {
    let namespace = Namespace::new("cannot-grow");
    let class = format!("{}-fixed", namespace.name);
    namespace.apply(&format!(
        "{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: {class}}}, provisioner: \
         kwok.x-k8s.io/volume}}"
    ));
    let app = |size: &str, more: &str| {
        APP.replace("size: 1Gi", &format!("size: {size}, class: {class}"))
            .replace("spec:", &format!("spec:{more}"))
    };
    namespace.apply(&app("1Gi", ""));
    namespace.wait_for("kasprapp", "clicks", ready);
    let refused = namespace.refused(&app("2Gi", ""));
    let expected = format!(
        "spec.storage.size: Invalid value: \"2Gi\": StorageClass '{class}' does not allow volume expansion: must be '1Gi', \
         the size of the claims"
    );
    assert!(refused.contains(&expected), "{refused}");

    // Without the class, only the API server knows.
    namespace.run(&["delete", "storageclass", &class]);
    eventually("admission accepts the size", || {
        let output = namespace.kubectl(&["apply", "-f", "-"], &app("2Gi", "\n  config: {webPort: 6067}"));
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
    let app_status =
        namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "Error"));
    let start = format!(
        "failed to grow PersistentVolumeClaim clicks-app-pv-clicks-app-0 of StorageClass {class} from 1Gi to 2Gi: "
    );
    let reported = message(&app_status, "Progressing");
    assert!(reported.starts_with(&start) && reported.contains("must support resize"), "{reported}");
    namespace.wait_for(SET, "clicks-app", |set| {
        set["spec"]["template"].to_string().contains("6067") && set["status"]["availableReplicas"] == 1
    });
    // The way back.
    namespace.apply(&app("1Gi", "\n  config: {webPort: 6067}"));
    namespace.wait_for("kasprapp", "clicks", ready);
}

#[test]
fn the_reason_is_named_if_pods_cannot_be_created() {
    let namespace = Namespace::new("no-pods");
    namespace
        .apply("{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota}, spec: {hard: {pods: '0'}}}");
    eventually("the quota counts", || {
        let quota = namespace.get("resourcequota", "quota");
        if quota["status"]["hard"]["pods"] == "0" { Ok(()) } else { Err(quota.to_string()) }
    });
    namespace.apply(APP);
    let app = namespace.wait_for("kasprapp", "clicks", |app| message(app, "Ready").contains("quota"));
    let reported = message(&app, "Ready");
    assert!(
        reported.starts_with(
            "0 of 2 members are available: Create Pod clicks-app-0 in StatefulSet clicks-app failed"
        ),
        "{reported}"
    );
    assert!(condition(&app, "Ready", "False", "NotReady"));
    namespace.run(&["delete", "resourcequota", "quota"]);
    namespace.wait_for("kasprapp", "clicks", ready);
}

#[test]
fn a_cache_that_is_disabled_is_deleted() {
    let namespace = running("cache", "");
    let packages = "  pythonPackages: {packages: [requests], cache: {enabled: true, size: 1Gi}}\n";
    namespace.apply(&format!("{APP}{packages}"));
    namespace.wait_for("persistentvolumeclaim", "clicks-app-python-packages", Value::is_object);
    let app =
        namespace.wait_for("kasprapp", "clicks", |app| app["status"]["pythonPackages"]["hash"].is_string());
    assert_eq!(app["status"]["pythonPackages"]["hash"], "705ebf671c1c70ee");
    assert_eq!(app["status"]["pythonPackages"]["cacheMode"], "persistent");
    namespace.apply(&format!("{APP}{}", packages.replace("enabled: true", "enabled: false")));
    namespace.wait_for(SET, "clicks-app", |set| {
        set["spec"]["template"]["spec"]["volumes"][0]["emptyDir"].is_object()
    });
    let claim = namespace.wait_for("persistentvolumeclaim", "clicks-app-python-packages", |claim| {
        claim.is_null() || claim["metadata"]["deletionTimestamp"].is_string()
    });
    drop(claim);
}
