//! Specs drawn at random from what the CRDs allow and a change may touch.

use serde_json::{Value, json};

use crate::scenario;

/// Numbers that follow from a seed (splitmix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    /// The next number below a limit.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap_or_default()
    }

    /// One of the values; null stands for a field that is left out.
    fn one_of(&mut self, values: Value) -> Value {
        let values = values.as_array().cloned().unwrap_or_default();
        values[self.below(values.len())].clone()
    }
}

/// The manifests of an app with its components, which may be one that is stopped.
pub(crate) fn manifests(dice: &mut Dice, may_be_stopped: bool) -> Vec<Value> {
    let mut manifests = scenario::manifests();
    for manifest in &mut manifests {
        for (field, value) in fields(dice, manifest["kind"].as_str().unwrap_or_default()) {
            if !value.is_null() {
                manifest["spec"][field] = value;
            }
        }
        if !may_be_stopped && manifest["spec"]["replicas"] == 0 {
            manifest["spec"]["replicas"] = json!(3);
        }
    }
    manifests
}

fn fields(dice: &mut Dice, kind: &str) -> Vec<(&'static str, Value)> {
    match kind {
        "KasprApp" => vec![
            ("replicas", dice.one_of(json!([0, 1, 2, 5]))),
            ("tls", dice.one_of(json!([null, {}]))),
            ("image", dice.one_of(json!([null, "example.com/kaspr:1"]))),
            ("resources", dice.one_of(json!([
                null,
                {"requests": {"cpu": "0.25"}},
                {"requests": {"memory": "1024Mi"}, "limits": {"memory": "2Gi", "cpu": 1}},
            ]))),
            ("livenessProbe", dice.one_of(json!([null, {"periodSeconds": 7}, {"timeoutSeconds": 9}]))),
            ("readinessProbe", dice.one_of(json!([null, {"failureThreshold": 2, "successThreshold": 3}]))),
            ("config", dice.one_of(json!([
                null,
                {"topicAllowDeclare": true},
                {"webPort": 7070, "storeRocksdbBlockCacheSize": 1024},
                {"schedulerEnabled": false, "schedulerCronTickIntervalSeconds": 0.5},
            ]))),
            ("pythonPackages", dice.one_of(json!([
                null,
                {"packages": ["requests"], "cache": {"enabled": false}},
                {"packages": ["requests>=2", "numpy"], "cache": {"enabled": true, "size": "1Gi"}},
            ]))),
            ("template", dice.one_of(json!([
                null,
                {"pod": {"metadata": {"labels": {"team": "a"}}, "terminationGracePeriodSeconds": 9}},
                {"pod": {"metadata": {"annotations": {"a": "b"}}, "tolerations": [{"operator": "Exists"}]}},
                {"serviceAccount": {"metadata": {"labels": {"team": "b"}}}},
            ]))),
        ],
        "KasprAgent" => vec![
            ("description", dice.one_of(json!([null, "Doubles", "Doubles\nclicks"]))),
            ("input", dice.one_of(json!([
                {"topic": {"name": "clicks"}},
                {"topic": {"pattern": "clicks-.*"}},
                {"topic": {"name": "clicks", "keySerializer": "raw", "partitions": 3}},
            ]))),
            ("processors", dice.one_of(json!([
                {"pipeline": ["a"], "operations": [{"name": "a", "map": {"python": "def a(v): return v"}}]},
                {"pipeline": ["a"], "operations": [{"name": "a", "filter": {"python": "def a(v): return 1"}}]},
            ]))),
        ],
        _ => vec![
            ("description", dice.one_of(json!([null, "Counts"]))),
            ("global", dice.one_of(json!([null, false]))),
            ("defaultSelector", dice.one_of(json!([null, {"python": "def zero(): return 0"}]))),
        ],
    }
}
