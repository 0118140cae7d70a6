//! Report of `status` as a tree, with colors on a terminal.

use anstyle::{AnsiColor, Style};
use termtree::Tree;

use super::{
    member_report::{Assignment, MemberReport},
    report::{AppReport, ComponentReport},
};
use crate::api::{Condition, ConditionStatus, Kind, PackagesStatus};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const BUSY: Style = AnsiColor::Yellow.on_default();

type Branch = Tree<String>;

/// Draws one tree for each app.
pub(super) fn draw(apps: &[AppReport]) -> String {
    apps.iter().map(|app| app_tree(app).to_string()).collect::<Vec<_>>().join("\n")
}

fn app_tree(app: &AppReport) -> Branch {
    let mut tree = Tree::new(title(app));
    let branches = [
        branch("conditions", app.conditions.iter().filter(|c| is_informative(c)).map(condition_line)),
        branch("members", app.members.iter().map(member_line)),
        branch("components", app.components.iter().map(component_line)),
        branch("packages", app.python_packages.iter().flat_map(package_lines)),
        branch("unassigned topics", app.unassigned_topics.iter().cloned()),
        branch("pending", pending(app).into_iter()),
        branch("annotations", app.annotations.iter().map(|(key, value)| format!("{key}: {value}"))),
    ];
    for branch in branches.into_iter().flatten() {
        tree.push(branch);
    }
    tree
}

fn branch(name: &str, leaves: impl Iterator<Item = String>) -> Option<Branch> {
    let tree = Tree::new(name.to_owned()).with_leaves(leaves.map(|leaf| one_line(&leaf)));
    (!tree.leaves.is_empty()).then_some(tree)
}

/// Joins the lines of a text, which would break the tree.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn title(app: &AppReport) -> String {
    let name = format!("{} {}/{}", Kind::App, app.namespace, app.name);
    if !app.found {
        return format!("{name}  {}", styled(BAD, "not found"));
    }
    let named = |name: &str| app.conditions.iter().find(|condition| condition.r#type == name);
    let stalled = named("Stalled").filter(|condition| condition.status == ConditionStatus::True);
    let state = match stalled.or_else(|| named("Ready")) {
        Some(condition) if stalled.is_some() => styled(BAD, &condition.reason),
        Some(condition) if condition.status == ConditionStatus::True => styled(GOOD, "Ready"),
        Some(condition) => styled(BAD, &condition.reason),
        None => styled(BUSY, "not reconciled yet"),
    };
    let version = app.version.as_ref().map(|version| format!("  version {version}")).unwrap_or_default();
    let members =
        app.available_members.as_ref().map(|members| format!("  {members} members")).unwrap_or_default();
    let paused = if app.paused { format!("  {}", styled(BUSY, "paused")) } else { String::new() };
    // A member may start without its packages.
    let failed = app.python_packages.as_ref().is_some_and(|packages| packages.error.is_some());
    let packages =
        if failed { format!("  {}", styled(BAD, "packages not installed")) } else { String::new() };
    format!("{name}  {state}{members}{version}{packages}{paused}")
}

/// Returns whether a condition adds to the others: Reconciling repeats Progressing and Ready, and so does Stalled while it
/// is False.
fn is_informative(condition: &Condition) -> bool {
    match condition.r#type.as_str() {
        "Reconciling" => false,
        "Stalled" => condition.status == ConditionStatus::True,
        _ => true,
    }
}

fn condition_line(condition: &Condition) -> String {
    let Condition { r#type, status, reason, message, .. } = condition;
    // Unlike the other conditions, Progressing and Stalled are false in the normal state.
    let progressing = r#type == "Progressing";
    let is_negative = progressing || r#type == "Stalled";
    let style = if (*status == ConditionStatus::True) != is_negative {
        GOOD
    } else if progressing {
        BUSY
    } else {
        BAD
    };
    let status = styled(style, &format!("{status:?}"));
    format!("{type} {status}  {reason}: {message}")
}

fn member_line(member: &MemberReport) -> String {
    let MemberReport {
        pod, state, ready, older_template, leader, rebalancing, recovering, assignment, ..
    } = member;
    let mut parts = vec![if state.is_empty() {
        styled(BUSY, "pod not found")
    } else if *ready {
        styled(GOOD, state)
    } else {
        styled(BUSY, &format!("{state}, not ready"))
    }];
    let flags = [
        (*leader == Some(true), "leader"),
        (*rebalancing == Some(true), "rebalancing"),
        (*recovering == Some(true), "recovering tables"),
        (*older_template, "outdated pod template"),
        (leader.is_none() && rebalancing.is_none(), "no response"),
    ];
    parts.extend(flags.into_iter().filter(|(applies, _)| *applies).map(|(_, text)| text.to_owned()));
    parts.extend(assignment.as_ref().map(describe_assignment));
    format!("{pod}  {}", parts.join(", "))
}

fn describe_assignment(Assignment { actives, standbys }: &Assignment) -> String {
    let count = |topics: &std::collections::BTreeMap<String, usize>| topics.values().sum::<usize>();
    format!(
        "{} partitions of {} topics, {} standby",
        count(actives),
        actives.values().filter(|partitions| **partitions > 0).count(),
        count(standbys)
    )
}

fn component_line(component: &ComponentReport) -> String {
    let ComponentReport { kind, name, about, ready, reason, message, unhealthy } = component;
    if *ready {
        return match unhealthy {
            Some(why) => format!("{kind} {name}  {}: {why}  {about}", styled(BAD, "not healthy")),
            None => format!("{kind} {name}  {}  {about}", styled(GOOD, "Ready")),
        };
    }
    let why = if message.is_empty() { String::new() } else { format!(": {message}") };
    format!("{kind} {name}  {}{why}  {about}", styled(BAD, reason))
}

fn package_lines(packages: &PackagesStatus) -> Vec<String> {
    let PackagesStatus {
        hash,
        installed,
        cache_mode,
        last_install_time,
        install_duration,
        installed_by,
        warnings,
        state,
        error,
    } = packages;
    let mut lines = Vec::new();
    if let Some(error) = error {
        let state = state.as_deref().unwrap_or_default();
        lines.push(styled(BAD, &format!("{state}: {error}")));
    }
    lines.extend(installed.as_ref().map(|installed| installed.join(", ")));
    let cache = cache_mode.as_ref().map(|mode| format!("cache {mode}"));
    let hash = hash.as_ref().map(|hash| format!("hash {hash}"));
    lines.push(cache.into_iter().chain(hash).collect::<Vec<_>>().join(", "));
    if let Some(time) = last_install_time {
        let took = install_duration.as_ref().map(|took| format!(" in {took}")).unwrap_or_default();
        let by = installed_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        lines.push(format!("installed {time}{took}{by}"));
    }
    lines.extend(warnings.iter().flatten().map(|warning| styled(BUSY, warning)));
    lines.retain(|line| !line.is_empty());
    lines
}

/// Returns the changes that are in progress or pending.
fn pending(app: &AppReport) -> Vec<String> {
    let rows = [
        (app.found && !app.observed && !app.paused, "the operator has not observed the latest spec yet"),
        (app.rollout_in_progress, "pods are being replaced"),
        (
            app.newer_template_waits,
            "a newer pod template is pending: it is applied with the next change or with `roll`",
        ),
        (app.rebalance_required, "a rebalance is pending: subscriptions changed"),
        (app.paused, "reconciliation is paused until `resume`"),
    ];
    rows.into_iter().filter(|(applies, _)| *applies).map(|(_, text)| text.to_owned()).collect()
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
