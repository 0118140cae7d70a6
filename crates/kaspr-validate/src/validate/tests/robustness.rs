//! Rules handle any input: quickly, without a panic, and without showing a password.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{APP, parse_yaml};
use crate::{
    api::{KasprAgent, KasprApp, KasprTask, KasprWebView},
    validate::{Findings, ValidateUpdate, requirement, review, shared},
};

fn validate<T: ValidateUpdate + serde::de::DeserializeOwned>(manifest: Value) -> Findings {
    review::<T>(&serde_json::from_value(manifest).expect("a resource"), None, None)
}

fn app(field: &str, value: Value) -> Findings {
    let mut manifest = parse_yaml(APP);
    manifest["spec"][field] = value;
    validate::<KasprApp>(manifest)
}

fn component(spec: Value) -> Value {
    json!({ "metadata": { "name": "a", "labels": { "kaspr.io/app": "a" } }, "spec": spec })
}

/// Text that is similar to valid input, and arbitrary text.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-+]?[0-9.]{0,40}[eE]?[-+]?[0-9]{0,12}[numkKMGTPEi]{0,3}",
        "[a-z@:/.$~={}()<>;, -]{0,40}",
        "[a-z]{0,3} ?(@ )?(git\\+)?(https?|ssh)?:?/?/?[a-z0-9:@$\\{\\}\\[\\].]{0,20}/?.{0,10}",
        "[a-z]{1,3}; ?[(]{0,20}(extra|python_version) ?(==|<|in|~=) ?['\"][a-z0-9.*]{0,5}['\"]( and | or |[)]){0,3}.{0,10}",
        "([0-9*/,#LW?a-z-]{1,8} ){4}[0-9*/,#LW?a-z-]{1,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quantities(text in text()) {
        app("storage", json!({ "type": "persistent-claim", "size": text }));
        app("resources", json!({ "requests": { "cpu": text }, "limits": { "cpu": text, "memory": text } }));
    }

    #[test]
    fn requirements(text in text()) {
        app("pythonPackages", json!({ "packages": [text], "indexUrl": text, "trustedHosts": [text] }));
        app("bootstrapServers", json!(text));
    }

    #[test]
    fn schedules_and_paths(text in text()) {
        let task = json!({ "name": "a", "schedule": { "cron": text, "interval": text, "timezone": text }, "processors": {} });
        validate::<KasprTask>(component(task));
        validate::<KasprWebView>(component(json!({ "name": "a", "request": { "method": "GET", "path": format!("/{text}") } })));
    }

    /// `SECRET` is in the place of a user name, password or token.
    #[test]
    fn passwords(
        before in "(|pkg @ |pkg@|git\\+|-|\\$|\\./)",
        scheme in "(https://|https:/|https:|http://|ssh://|://|//|)",
        user in "(|me:|me:/|me:80/|me:@|me%|:)",
        tail in "(|/|/x|@|#|\\?|:)",
        host in "(host|host\\.example\\.com|host:80|host:port|\\[::1\\])",
        rest in "(/|/simple|/repo@v1|/\\$\\(id\\)|/a b| ;|`|,)",
    ) {
        let url = format!("{before}{scheme}{user}SECRET{tail}@{host}{rest}");
        let packages = json!({ "packages": [url], "indexUrl": url, "extraIndexUrls": [url], "trustedHosts": [url] });
        for found in [app("pythonPackages", packages), app("bootstrapServers", json!(url))] {
            let lines = found.errors.iter().map(ToString::to_string).chain(found.warnings.iter().map(ToString::to_string));
            for line in lines {
                prop_assert!(!line.contains("SECRET"), "{url}: {line}");
            }
        }
    }

    /// An accepted requirement contains nothing that a shell would execute.
    #[test]
    fn accepted_requirements_are_not_commands(text in text()) {
        if requirement::check(&text).is_ok() {
            prop_assert!(!text.contains(['`', '\\', '\n']) && !text.contains("$(") && !text.starts_with('-'), "{text}");
        }
    }

    #[test]
    fn quantities_are_numbers(whole in 0u32..1_000_000, suffix in "(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e3|E-2)") {
        let text = format!("{whole}{suffix}");
        prop_assert!(shared::quantity(&text).is_some_and(|value| value >= 0.0), "{}", text);
    }
}

/// Texts of the largest size that the API server accepts.
#[test]
fn long_texts() {
    let million = 1_000_000;
    for text in [
        "1".repeat(million),
        "(".repeat(million),
        "a; ".to_owned() + &"(".repeat(million),
        "@".repeat(million),
        "${".repeat(million),
        ",".repeat(million),
    ] {
        let packages = json!({ "packages": [text], "indexUrl": text, "trustedHosts": [text] });
        app("pythonPackages", packages);
        app("storage", json!({ "type": "persistent-claim", "size": text }));
        app("config", json!({ text.as_str(): text }));
        validate::<KasprWebView>(component(
            json!({ "name": text, "request": { "method": "GET", "path": format!("/{}", "{a}".repeat(million / 3)) } }),
        ));
        validate::<KasprTask>(component(
            json!({ "name": text, "schedule": { "cron": text, "interval": text, "timezone": text }, "processors": {} }),
        ));
    }
}

/// Lists in which each error could list all other entries.
#[test]
fn long_lists() {
    let names: Vec<String> = (0..20_000).map(|i| format!("operation{i}")).collect();
    let operations: Vec<Value> =
        names.iter().map(|name| json!({ "name": name, "map": { "python": "def f(v): return v" } })).collect();
    let pipeline: Vec<String> = names.iter().map(|name| format!("not-{name}")).collect();
    let agent = json!({ "input": { "topic": { "name": "a" } }, "processors": { "pipeline": pipeline, "operations": operations } });
    assert_eq!(validate::<KasprAgent>(component(agent)).errors.len(), 20_000);

    let volumes: Vec<Value> = names.iter().map(|name| json!({ "name": name, "emptyDir": {} })).collect();
    let mounts: Vec<Value> =
        pipeline.iter().map(|name| json!({ "name": name, "mountPath": format!("/{name}") })).collect();
    let template = json!({ "pod": { "volumes": volumes }, "kasprContainer": { "volumeMounts": mounts } });
    assert_eq!(app("template", template).errors.len(), 20_000);

    assert_eq!(app("bootstrapServers", json!("?,".repeat(100_000))).errors.len(), 100_000);
}
