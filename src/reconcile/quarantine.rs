//! Which components are given to the members. One that clashes with another, or names something that
//! is not there, would take its whole app down: it waits, and goes in by itself when it can.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::{component::Reconciled, conditions as is, links::Key};
use crate::{
    api::KasprApp,
    build::{Link, Linked},
    validate::{Around, Findings, rule::Level},
};

/// Why a component is not given to the members as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The reason of its Ready condition.
    pub reason: &'static str,
    /// What it waits for, with the field that says so; never a secret's value.
    pub message: String,
}

/// The components that wait, by key.
pub type AllWaiting = BTreeMap<Key, Waiting>;

/// What the members of an app run, and what waits.
#[derive(Default)]
pub struct Sorted {
    /// What they run.
    pub linked: Linked,
    /// What waits.
    pub waiting: AllWaiting,
}

/// Sorts the components of an app.
///
/// What others can name goes first, and the older before the newer: of two that clash, the one that
/// was there first stays. `defined` tells whether the ConfigMap of a component is there: if it holds
/// another definition than the waiting one, members go on with that.
pub fn sort(app: &KasprApp, all: Linked, defined: impl Fn(&Key) -> bool) -> Sorted {
    let Linked { agents, webviews, tables, tasks, joins } = all;
    let mut around = Around::default();
    around.set_app(app);
    let mut waiting = AllWaiting::new();
    let tables = admit(tables, &mut around, &mut waiting, &defined);
    let joins = admit(joins, &mut around, &mut waiting, &defined);
    let agents = admit(agents, &mut around, &mut waiting, &defined);
    let webviews = admit(webviews, &mut around, &mut waiting, &defined);
    let tasks = admit(tasks, &mut around, &mut waiting, &defined);
    Sorted { linked: Linked { agents, webviews, tables, tasks, joins }, waiting }
}

fn admit<C: Reconciled>(
    mut links: Vec<Link<C>>,
    around: &mut Around,
    waiting: &mut AllWaiting,
    defined: &impl Fn(&Key) -> bool,
) -> Vec<Link<C>> {
    links.sort_by_cached_key(|link| (link.creation_timestamp().map(|time| time.0), link.name_any()));
    let mut admitted = Vec::new();
    for link in links {
        let mut found = Findings::default();
        link.validate_across(around, &mut found);
        let Some(why) = why(&found) else {
            link.show(around);
            admitted.push(link);
            continue;
        };
        let key = Key::of(super::component::kind_of::<C>(), &*link);
        let running = link.status().and_then(|status| status.hash.clone());
        if let Some(running) = running.filter(|hash| *hash != link.hash && defined(&key)) {
            admitted.push(Link::frozen((*link).clone(), running));
        }
        waiting.insert(key, why);
    }
    crate::build::by_name(admitted)
}

fn why(found: &Findings) -> Option<Waiting> {
    let first = found.errors.first()?;
    let missing = found.errors.iter().all(|error| error.rule.level == Level::Order);
    let reason = match (missing, first.rule.id) {
        (true, "table-missing") => is::TABLE_NOT_FOUND,
        (true, _) => is::WAITING,
        (false, _) => is::CONFLICT,
    };
    let mistakes: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    Some(Waiting { reason, message: mistakes.join("; ") })
}
