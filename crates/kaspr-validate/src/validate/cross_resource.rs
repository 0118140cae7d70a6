//! Rules across the resources of one app. A resource is never compared with itself.

use kube::ResourceExt;

use super::{
    app_context::{self, AgentSummary, AppContext, AppSummary, RouteSummary, TableSummary, TopicSummary},
    codes,
    findings::Findings,
    loops, object_refs,
    path::Path,
    rule, shared,
};
use crate::{
    api::{
        KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView, Processors,
        TableRef,
    },
    naming,
};

/// Validates an app.
pub(super) fn validate_app(app: &KasprApp, context: &AppContext, found: &mut Findings) {
    let spec = Path::root().child("spec");
    // The context may contain the app before its change.
    let context = &AppContext { app: Some(AppSummary::from_app(app)), ..context.clone() };
    let brokers = app_context::broker_set(app);
    let namespace = app.namespace().unwrap_or_default();
    let mut namesakes = context.namesakes.iter().filter_map(|(other, theirs)| {
        (*other != namespace && !theirs.is_disjoint(&brokers)).then_some(other)
    });
    if let Some(first) = namesakes.next() {
        let more = match namesakes.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!("shares group and topics with the app of this name in namespace '{first}'{more}");
        found.warn(rule::SHARED_IDENTITY, Path::root().child("metadata").child("name"), text);
    }
    check_idle_members(app, context, &spec.child("replicas"), found);
    for (agent, table, of_topic, of_table) in differing_partitions(context) {
        if table.partitions.is_none() || agent.topic.as_ref().is_some_and(|topic| topic.partitions.is_none())
        {
            let (agent, table) = (&agent.name, &table.name);
            let detail = format!(
                "agent '{agent}' reads a topic of {of_topic} partitions and uses table '{table}' of {of_table}: must be the same"
            );
            let at = spec.child("config").child("topicPartitions");
            found.invalid(
                rule::PARTITIONS_DIFFER,
                at,
                context.app.as_ref().and_then(|app| app.partitions),
                detail,
            );
        }
    }
    check_volumes(app, context, &spec, found);
    object_refs::check(app, context, found);
}

/// Checks that no volume of the user has the name of a component's: the API server refuses a pod with two volumes of
/// one name.
fn check_volumes(app: &KasprApp, context: &AppContext, spec: &Path, found: &mut Findings) {
    let at = spec.child("template").child("pod").child("volumes");
    for (i, volume) in app_context::volume_names(app).enumerate() {
        if let Some(component) = context.definitions.get(volume) {
            let detail = format!("'{volume}' is the name of the volume with the definition of {component}");
            found.forbidden(rule::VOLUME, at.index(i).child("name"), detail);
        }
    }
}

/// Warns if the app has more replicas than partitions: the surplus members receive no partitions.
fn check_idle_members(app: &KasprApp, context: &AppContext, at: &Path, found: &mut Findings) {
    let Some(replicas) = app.spec.replicas else { return };
    let config = context.app.as_ref().and_then(|app| app.partitions);
    let topics = context.agents.values().filter_map(|agent| agent.topic.as_ref()?.partitions);
    let Some(most) = topics.chain(config).max().filter(|most| i64::from(replicas) > *most) else { return };
    let whose = if config == Some(most) { "config.topicPartitions" } else { "the partitions of any topic" };
    found.warn(
        rule::IDLE_MEMBERS,
        at.clone(),
        format!("exceeds {whose} ({most}): the members above it idle"),
    );
}

/// Validates an agent.
pub(super) fn validate_agent(agent: &KasprAgent, context: &AppContext, found: &mut Findings) {
    check_app(agent, context, found);
    codes::check_image(agent, context, found);
    let spec = Path::root().child("spec");
    let input = spec.child("input");
    if let Some(processors) = &agent.spec.processors {
        check_tables_exist(processors, context, found);
    }
    if let Some(channel) = agent.spec.input.channel.as_ref().filter(|channel| !channel.name.is_empty())
        && !context.channels.contains(&channel.name)
    {
        let known = shared::one_of(context.channels.iter().map(String::as_str));
        let detail = format!("must be the output channel of a KasprJoin of the app: {known}");
        found.not_found(rule::CHANNEL_MISSING, input.child("channel").child("name"), &channel.name, detail);
    }
    loops::check(agent, &agent.name_any(), context, found);
    let this = AgentSummary::from_agent(agent);
    let Some(topic) = &this.topic else { return };
    let at = input.child("topic");
    for table in this.tables.iter().filter_map(|name| context.tables.get(name)) {
        if let Some((of_topic, of_table)) = compare_partitions(&this, table, context) {
            let detail = format!("must be {of_table}, the partitions of table '{}' that it uses", table.name);
            found.invalid(rule::PARTITIONS_DIFFER, at.child("partitions"), of_topic, detail);
        }
    }
    check_partitions_for_replicas(topic, context, &at.child("partitions"), found);
    if let Some(table) = this.tables.first().and_then(|name| context.tables.get(name)) {
        let ours = topic.serializers.or_app(context.app.as_ref());
        let theirs = table.serializers.or_app(context.app.as_ref());
        let sides = [("keySerializer", ours.key, theirs.key), ("valueSerializer", ours.value, theirs.value)];
        for (field, ours, theirs) in sides {
            if let (Some(ours), Some(theirs)) = (ours, theirs)
                && ours != theirs
            {
                let text = format!(
                    "is '{ours}', table '{}' has '{theirs}': values may be encoded twice",
                    table.name
                );
                found.warn(rule::SERIALIZERS_DIFFER, at.child(field), text);
            }
        }
    }
}

/// Warns about idle members like [`check_idle_members`], at the topic of an agent.
fn check_partitions_for_replicas(
    topic: &TopicSummary,
    context: &AppContext,
    at: &Path,
    found: &mut Findings,
) {
    let Some(AppSummary { replicas: Some(replicas), partitions: config, .. }) = context.app else { return };
    let topics = context.agents.values().filter_map(|agent| agent.topic.as_ref()?.partitions);
    let Some(partitions) = topic.partitions else { return };
    if topics.chain(config).all(|other| other <= partitions) && partitions < i64::from(replicas) {
        found.warn(
            rule::IDLE_MEMBERS,
            at.clone(),
            format!("is less than the app's {replicas} replicas: the members above it idle"),
        );
    }
}

/// Validates a table.
pub(super) fn validate_table(table: &KasprTable, context: &AppContext, found: &mut Findings) {
    check_app(table, context, found);
    codes::check_image(table, context, found);
    let this = TableSummary::from_table(table);
    let spec = Path::root().child("spec");
    for agent in context.agents.values().filter(|agent| agent.tables.contains(&this.name)) {
        if let Some((of_topic, of_table)) = compare_partitions(agent, &this, context) {
            let detail = format!(
                "must be {of_topic}, the partitions of the topic of agent '{}' that uses it",
                agent.name
            );
            found.invalid(rule::PARTITIONS_DIFFER, spec.child("partitions"), of_table, detail);
        }
    }
}

/// Validates a task.
pub(super) fn validate_task(task: &KasprTask, context: &AppContext, found: &mut Findings) {
    check_app(task, context, found);
    codes::check_image(task, context, found);
    check_tables_exist(&task.spec.processors, context, found);
    check_tables_are_global(&task.spec.processors, context, found);
}

/// Validates a webview.
pub(super) fn validate_webview(view: &KasprWebView, context: &AppContext, found: &mut Findings) {
    check_app(view, context, found);
    codes::check_image(view, context, found);
    if let Some(processors) = &view.spec.processors {
        check_tables_exist(processors, context, found);
        check_tables_are_global(processors, context, found);
    }
    let this = RouteSummary::from_webview(view);
    let same = |other: &&RouteSummary| {
        other.method == this.method && other.path == this.path && other.resource != this.resource
    };
    if let Some(other) = context.routes.values().find(same) {
        let detail = format!("KasprWebView '{}' of the app answers the same method and path", other.resource);
        let at = Path::root().child("spec").child("request").child("path");
        found.invalid(rule::ROUTE_TWICE, at, this.path.as_str(), detail);
    }
}

/// Validates a join.
pub(super) fn validate_join(join: &KasprJoin, context: &AppContext, found: &mut Findings) {
    check_app(join, context, found);
    codes::check_image(join, context, found);
    let spec = Path::root().child("spec");
    for (field, name) in [("leftTable", &join.spec.left_table), ("rightTable", &join.spec.right_table)] {
        check_table_exists(name, spec.child(field), context, found);
    }
}

/// Returns agents with their tables, if the numbers of partitions are known and differ.
fn differing_partitions(context: &AppContext) -> Vec<(&AgentSummary, &TableSummary, i64, i64)> {
    let mut found = Vec::new();
    for agent in context.agents.values() {
        for table in agent.tables.iter().filter_map(|name| context.tables.get(name)) {
            if let Some((of_topic, of_table)) = compare_partitions(agent, table, context) {
                found.push((agent, table, of_topic, of_table));
            }
        }
    }
    found
}

/// Returns the partitions of an agent's topic and of a table that it uses, if both are known and differ. A
/// global table has all partitions on each member, so its number does not matter.
fn compare_partitions(
    agent: &AgentSummary,
    table: &TableSummary,
    context: &AppContext,
) -> Option<(i64, i64)> {
    let of_topic = context.topic_partitions(agent.topic.as_ref()?)?;
    let of_table = context.table_partitions(table)?;
    (!table.global && of_topic != of_table).then_some((of_topic, of_table))
}

/// Checks that the app exists, and that the name of the component's definition is free: as a volume of the app, and
/// as a ConfigMap.
fn check_app<C: KasprResource>(component: &C, context: &AppContext, found: &mut Findings) {
    let volume = naming::definition(C::KIND, &component.name_any());
    if context.app.as_ref().is_some_and(|app| app.volumes.contains(&volume)) {
        let detail = format!(
            "the app has a volume '{volume}', which is also the name of the volume with this definition"
        );
        found.forbidden(rule::VOLUME, Path::root().child("metadata").child("name"), detail);
    }
    if let Some(why) = context.foreign_config_maps.get(&volume) {
        let text = format!("ConfigMap {volume} {why}: the component is withheld until it has another name");
        found.warn(rule::NAME_TAKEN, Path::root().child("metadata").child("name"), text);
    }
    let label = component.meta().labels.as_ref().and_then(|labels| labels.get(naming::APP_LABEL));
    let Some(app) = label.filter(|app| context.app.is_none() && shared::is_dns_1035_label(app)) else {
        return;
    };
    let at = Path::root().child("metadata").child("labels").key(naming::APP_LABEL);
    found.not_found(rule::APP_MISSING, at, app, "there is no KasprApp of this name in the namespace");
}

fn check_tables_exist(processors: &Processors, context: &AppContext, found: &mut Findings) {
    let at = Path::root().child("spec").child("processors").child("operations");
    for (i, operation) in processors.operations.iter().flatten().enumerate() {
        for (j, TableRef { name, .. }) in operation.tables.iter().flatten().enumerate() {
            check_table_exists(name, at.index(i).child("tables").index(j).child("name"), context, found);
        }
    }
}

/// Warns about tables of which each member has only its own partitions, in code that runs on any member.
fn check_tables_are_global(processors: &Processors, context: &AppContext, found: &mut Findings) {
    if context.app.as_ref().and_then(|app| app.replicas).is_none_or(|replicas| replicas < 2) {
        return;
    }
    let at = Path::root().child("spec").child("processors").child("operations");
    for (i, operation) in processors.operations.iter().flatten().enumerate() {
        for (j, TableRef { name, .. }) in operation.tables.iter().flatten().enumerate() {
            if context.tables.get(name).is_some_and(|table| !table.global) {
                let at = at.index(i).child("tables").index(j).child("name");
                let text = format!("'{name}' is not global: a member has only its partitions");
                found.warn_shortened(rule::TABLE_NOT_GLOBAL, at, &text);
            }
        }
    }
}

/// Checks that a table exists. If the app is missing, only that is reported.
fn check_table_exists(name: &str, at: Path, context: &AppContext, found: &mut Findings) {
    if name.is_empty() || context.app.is_none() || context.tables.contains_key(name) {
        return;
    }
    let known = shared::one_of(context.tables.keys().map(String::as_str));
    let detail = format!("must be the name of a KasprTable of the app: {known}");
    found.not_found(rule::TABLE_MISSING, at, name, detail);
}
