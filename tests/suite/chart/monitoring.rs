//! Dashboards and alerts on a real Prometheus that scraped a running operator.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{chart, project, succeeded, work};
use crate::harness::{eventually_quiet, fetch};

const ALERTS: &str = "files/alerts.yaml";

/// The version of Grafana's types, as its own project releases them for Python.
const SDK: &str = "1769699998!10.1.0";

/// Writes what Prometheus needs to know to scrape the operator at a port and to load the alerts.
pub(super) fn write_config(folder: &Path, port: u16) -> PathBuf {
    let file = folder.join("prometheus.yml");
    let alerts = chart().join(ALERTS);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 5s}}\n\
         rule_files: ['{}']\n\
         scrape_configs:\n\
         - job_name: kaspr-operator-metrics\n  honor_labels: true\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n    \
         labels: {{namespace: kaspr-operator, pod: operator-0}}\n",
        alerts.display()
    );
    fs::write(&file, config).expect("written");
    file
}

fn dashboards() -> Vec<(PathBuf, Value)> {
    let entries = fs::read_dir(chart().join("dashboards")).expect("a folder");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        let dashboard = serde_json::from_str(&text).expect("JSON");
        (path, dashboard)
    };
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

/// The queries of a dashboard, by the title of their panel, as Grafana would send them with all
/// namespaces and apps selected.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().expect("a title").to_owned();
        let targets = panel["targets"].as_array().expect("targets").clone();
        targets.into_iter().map(move |target| {
            let query = target["expr"].as_str().expect("a query");
            let query = query.replace("$__rate_interval", "5m");
            (title.clone(), query.replace("$namespace", ".*").replace("$app", ".*"))
        })
    };
    panels.iter().flat_map(of_panel).collect()
}

fn ask(prometheus: &str, query: &str) -> Value {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    serde_json::from_str(&fetch(&format!("{prometheus}/api/v1/query?query={query}"))).expect("JSON")
}

#[test]
fn dashboards_follow_grafanas_schema() {
    let sdk = control_plane::from_pip("grafana-foundation-sdk", SDK).expect("Grafana's types");
    let check = |files: &[PathBuf]| {
        let mut python = Command::new("python3");
        python.arg(project("tests/suite/chart/dashboards.py")).args(files).env("PYTHONPATH", &sdk);
        succeeded(python.env("PYTHONDONTWRITEBYTECODE", "1"))
    };
    let (files, contents): (Vec<_>, Vec<_>) = dashboards().into_iter().unzip();
    assert_eq!(check(&files), "");

    let folder = tempfile::tempdir().expect("a folder");
    let odd = folder.path().join("odd.json");
    let mut dashboard = contents[0].clone();
    dashboard["panels"][0]["titel"] = "Requests".into();
    fs::write(&odd, dashboard.to_string()).expect("written");
    assert!(check(&[odd]).ends_with(".panels[0].titel is not in Grafana's schema\n"));
}

#[test]
fn every_panel_shows_something() {
    let prometheus = &work::done().prometheus;
    for (path, dashboard) in dashboards() {
        let shown = path.display();
        assert!(dashboard["uid"].is_string() && dashboard["title"].is_string(), "{shown}");
        let ids: BTreeSet<String> = dashboard["panels"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|panel| panel["id"].to_string())
            .collect();
        assert_eq!(Some(ids.len()), dashboard["panels"].as_array().map(Vec::len), "{shown}");
        for (title, query) in queries(&dashboard) {
            eventually_quiet(&format!("{shown}: {title}"), || {
                let answer = ask(prometheus, &query);
                let found = answer["data"]["result"].as_array().is_some_and(|series| !series.is_empty());
                if answer["status"] == "success" && found {
                    Ok(())
                } else {
                    Err(format!("{query}: {answer}"))
                }
            });
        }
        for variable in dashboard["templating"]["list"].as_array().into_iter().flatten() {
            if variable["type"] == "query" {
                let query = variable["query"].as_str().unwrap_or_default();
                assert!(query.starts_with("label_values(kasprop_reconcile_total"), "{shown}: {query}");
            }
        }
    }
}

#[test]
fn every_alert_is_loaded_and_asks_for_metrics_that_exist() {
    let work = work::done();
    let operator = fetch(&format!("http://127.0.0.1:{}/metrics", work.cluster.ports.1));
    let api_server = work.cluster.kubectl(&["get", "--raw", "/metrics"]);
    let rules: Value =
        serde_json::from_str(&fetch(&format!("{}/api/v1/rules", work.prometheus))).expect("JSON");
    let groups = rules["data"]["groups"].as_array().expect("groups").clone();
    let rules: Vec<Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect();
    assert!(rules.len() > 10);
    for rule in rules {
        let query = rule["query"].as_str().expect("a query");
        let name = rule["name"].as_str().expect("a name");
        eventually_quiet(name, || {
            let answer = ask(&work.prometheus, query);
            if answer["status"] == "success" { Ok(()) } else { Err(answer.to_string()) }
        });
        for metric in metrics_of(query) {
            let there =
                [&operator, &api_server].iter().any(|text| text.contains(&format!("# TYPE {metric} ")));
            assert!(there, "{name}: there is no metric {metric}");
        }
    }
}

/// The metrics in a query, without what histograms add to their names.
fn metrics_of(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let metrics = words.filter(|word| word.starts_with("kasprop_") || word.starts_with("apiserver_"));
    metrics.map(|metric| metric.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let alerts = fs::read_to_string(chart().join(ALERTS)).expect("alerts");
    let tests = include_str!("alerts.test.yaml");
    fs::write(folder.path().join("alerts.yaml"), &alerts).expect("written");
    fs::write(folder.path().join("alerts.test.yaml"), tests).expect("written");
    let promtool = control_plane::promtool().expect("promtool");
    let check = |args: &[&str]| succeeded(Command::new(&promtool).args(args).current_dir(&folder));
    check(&["check", "rules", "--lint-fatal", "alerts.yaml"]);
    check(&["test", "rules", "alerts.test.yaml"]);

    let cases = cases(tests);
    let runbooks = fs::read_to_string(project("docs/runbooks.md")).expect("runbooks");
    for rule in rules(&alerts).iter().filter(|rule| rule["record"].is_null()) {
        let name = rule["alert"].as_str().expect("a name");
        let mut cases: Vec<bool> = cases.iter().filter(|case| case.0 == name).map(|case| case.1).collect();
        cases.sort_unstable();
        cases.dedup();
        assert_eq!(cases, [false, true], "{name}: where it fires and where not");
        assert!(runbooks.contains(&format!("\n## {name}\n")), "{name} has no runbook");
        let anchor = format!("docs/runbooks.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook_url"], anchor);
        assert!(
            rule["annotations"]["summary"].is_string() && rule["labels"]["severity"].is_string(),
            "{name}"
        );
    }
}

/// What the tests of the alerts expect: the alert, and whether it fires.
fn cases(tests: &str) -> Vec<(String, bool)> {
    let tests: Value = serde_saphyr::from_str(tests).expect("YAML");
    let case = |test: &Value| {
        let expected = &test["promql_expr_test"][0];
        let query = expected["expr"].as_str()?;
        let alert = query.split('"').nth(1)?.to_owned();
        Some((alert, expected["exp_samples"].as_array().is_some_and(|samples| !samples.is_empty())))
    };
    tests["tests"].as_array().expect("tests").iter().filter_map(case).collect()
}

fn rules(alerts: &str) -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(alerts).expect("YAML");
    let groups = file["groups"].as_array().expect("groups").clone();
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}
