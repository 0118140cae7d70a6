//! Claims: those of members grow in place, that of packages comes and goes with its field.

use serde_json::Value;

use crate::lifecycle::{APP, SET, ready, running};

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
