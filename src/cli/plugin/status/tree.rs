//! `status` for people: a tree, with colours where a terminal shows them.

use anstyle::{AnsiColor, Style};
use termtree::Tree;

use super::report::{AppReport, Assignment, ComponentFacts, MemberFacts};
use crate::api::{Condition, ConditionStatus, PackagesStatus};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const BUSY: Style = AnsiColor::Yellow.on_default();

type Branch = Tree<String>;

/// All apps.
pub fn draw(apps: &[AppReport]) -> String {
    apps.iter().map(|app| tree(app).to_string()).collect::<Vec<_>>().join("\n")
}

fn tree(app: &AppReport) -> Branch {
    let mut tree = Tree::new(title(app));
    let branches = [
        branch("conditions", app.conditions.iter().map(condition)),
        branch("members", app.members.iter().map(member)),
        branch("components", app.components.iter().map(component)),
        branch("packages", app.python_packages.iter().flat_map(packages)),
        branch("topics that no member works on", app.unassigned_topics.iter().cloned()),
        branch("waits", waits(app).into_iter()),
        branch("annotations", app.annotations.iter().map(|(key, value)| format!("{key}: {value}"))),
    ];
    for branch in branches.into_iter().flatten() {
        tree.push(branch);
    }
    tree
}

fn branch(name: &str, leaves: impl Iterator<Item = String>) -> Option<Branch> {
    let tree = Tree::new(name.to_owned()).with_leaves(leaves);
    (!tree.leaves.is_empty()).then_some(tree)
}

fn title(app: &AppReport) -> String {
    let name = format!("KasprApp {}/{}", app.namespace, app.name);
    if !app.found {
        return format!("{name}  {}", in_style(BAD, "is not there"));
    }
    let ready = app.conditions.iter().find(|condition| condition.r#type == "Ready");
    let state = match ready {
        Some(condition) if condition.status == ConditionStatus::True => in_style(GOOD, "Ready"),
        Some(condition) => in_style(BAD, &condition.reason),
        None => in_style(BUSY, "not seen by an operator yet"),
    };
    let version = app.version.as_ref().map(|version| format!("  version {version}")).unwrap_or_default();
    let members =
        app.available_members.as_ref().map(|members| format!("  {members} members")).unwrap_or_default();
    let paused = if app.paused { format!("  {}", in_style(BUSY, "paused")) } else { String::new() };
    format!("{name}  {state}{members}{version}{paused}")
}

fn condition(condition: &Condition) -> String {
    let Condition { r#type, status, reason, message, .. } = condition;
    // Progress is good when it is over.
    let good = (*status == ConditionStatus::True) != (r#type == "Progressing");
    let style = match good {
        true => GOOD,
        false if r#type == "Progressing" => BUSY,
        false => BAD,
    };
    let holds = in_style(style, &format!("{status:?}"));
    format!("{type} {holds}  {reason}: {message}")
}

fn member(member: &MemberFacts) -> String {
    let MemberFacts {
        pod, state, ready, older_template, leader, rebalancing, recovering, assignment, ..
    } = member;
    let mut words = Vec::new();
    match (state.as_str(), ready) {
        ("", _) => words.push(in_style(BUSY, "its pod was not seen")),
        (state, true) => words.push(in_style(GOOD, state)),
        (state, false) => words.push(in_style(BUSY, &format!("{state}, not ready"))),
    }
    let flags = [
        (*leader == Some(true), "leads"),
        (*rebalancing == Some(true), "rebalancing"),
        (*recovering == Some(true), "recovering its tables"),
        (*older_template, "has an older pod template"),
        (leader.is_none() && rebalancing.is_none(), "has not answered"),
    ];
    words.extend(flags.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word.to_owned()));
    words.extend(assignment.as_ref().map(assigned));
    format!("{pod}  {}", words.join(", "))
}

fn assigned(Assignment { actives, standbys }: &Assignment) -> String {
    let count = |topics: &std::collections::BTreeMap<String, usize>| topics.values().sum::<usize>();
    format!(
        "{} partitions of {} topics, {} standby",
        count(actives),
        actives.values().filter(|partitions| **partitions > 0).count(),
        count(standbys)
    )
}

fn component(component: &ComponentFacts) -> String {
    let ComponentFacts { kind, name, about, ready, reason, message } = component;
    match ready {
        true => format!("{kind} {name}  {}  {about}", in_style(GOOD, "Ready")),
        false => {
            let why = if message.is_empty() { String::new() } else { format!(": {message}") };
            format!("{kind} {name}  {}{why}  {about}", in_style(BAD, reason))
        }
    }
}

fn packages(packages: &PackagesStatus) -> Vec<String> {
    let PackagesStatus {
        hash,
        installed,
        cache_mode,
        last_install_time,
        install_duration,
        installed_by,
        warnings,
    } = packages;
    let mut lines = Vec::new();
    lines.extend(installed.as_ref().map(|installed| installed.join(", ")));
    let cache = cache_mode.as_ref().map(|mode| format!("cache {mode}"));
    let hash = hash.as_ref().map(|hash| format!("hash {hash}"));
    lines.push(cache.into_iter().chain(hash).collect::<Vec<_>>().join(", "));
    if let Some(time) = last_install_time {
        let took = install_duration.as_ref().map(|took| format!(" in {took}")).unwrap_or_default();
        let by = installed_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        lines.push(format!("installed {time}{took}{by}"));
    }
    lines.extend(warnings.iter().flatten().map(|warning| in_style(BUSY, warning)));
    lines.retain(|line| !line.is_empty());
    lines
}

/// What is going to happen, and when.
fn waits(app: &AppReport) -> Vec<String> {
    let rows = [
        (app.found && !app.observed && !app.paused, "the operator has not seen the newest spec yet"),
        (app.rollout_in_progress, "pods are being replaced"),
        (
            app.newer_template_waits,
            "a newer pod template waits: it comes with the next change, or with `roll`",
        ),
        (app.rebalance_required, "a rebalance is due: subscriptions changed"),
        (app.paused, "nothing is written until `resume`"),
    ];
    rows.into_iter().filter(|(holds, _)| *holds).map(|(_, words)| words.to_owned()).collect()
}

fn in_style(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
