//! Which agents crash, from what was seen so far. Pure: the time is given.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

/// Seconds without a crash after which an agent counts as healthy again. With little traffic, an agent that always
/// crashes is seen to do so every few minutes only.
const QUIET_SECONDS: i64 = 600;

/// Different exceptions of an agent on one member that are remembered.
const MOST_EXCEPTIONS: usize = 5;

/// An agent that crashes on a member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AgentCrash {
    /// The name of the agent.
    pub agent: String,
    /// The ordinal of the member.
    pub member: i32,
    /// The UID of the member's pod.
    pub pod_uid: String,
    /// The exception, and where it was raised, if that is known: `KeyError: … (operation 'enrich', line 3)`.
    pub exception: String,
    /// When the operator saw it first.
    pub since: Timestamp,
}

/// Whether an agent processes its messages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Health {
    /// It crashes.
    Crashing,
    /// Messages of a topic wait as if it crashed, and no log was read.
    Waiting(String),
    /// It was not healthy, and is.
    Recovered,
}

/// What was seen of the agents of an app.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    agents: BTreeMap<String, Agent>,
    /// When definitions were compared last.
    compared: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Agent {
    /// The hash of its definition.
    hash: String,
    /// Pods that were created before then run an earlier definition.
    defined: Option<Timestamp>,
    sightings: Vec<Sighting>,
    /// The topic whose messages wait, and when that was seen last.
    waiting: Option<(String, Timestamp)>,
    /// When this process read from the status that the agent is not healthy.
    restored: Option<Timestamp>,
    /// The message of the status then, whose exception was reported before.
    reported: String,
    /// Whether it was ever not healthy.
    was_unhealthy: bool,
}

#[derive(Debug)]
struct Sighting {
    crash: AgentCrash,
    last: Timestamp,
}

impl Ledger {
    /// Restores an agent that is not healthy according to its status. `hash` is that of its definition then, `message`
    /// that of its condition.
    pub(super) fn restore(&mut self, agent: &str, hash: &str, message: &str, now: Timestamp) {
        let restored = Agent {
            hash: hash.to_owned(),
            restored: Some(now),
            reported: message.to_owned(),
            was_unhealthy: true,
            ..Agent::default()
        };
        self.agents.insert(agent.to_owned(), restored);
    }

    /// Compares the definitions of all agents, by name and hash. What was seen of an earlier definition no longer counts.
    pub(super) fn compare(&mut self, definitions: &[(String, String)], now: Timestamp) {
        self.agents.retain(|name, _| definitions.iter().any(|(defined, _)| defined == name));
        for (name, hash) in definitions {
            let agent = self.agents.entry(name.clone()).or_default();
            if !agent.hash.is_empty() && agent.hash != *hash {
                *agent = Agent {
                    // A pod that was created since the last comparison may run either.
                    defined: Some(self.compared.unwrap_or(now)),
                    was_unhealthy: agent.was_unhealthy,
                    ..Agent::default()
                };
            }
            agent.hash.clone_from(hash);
        }
        self.compared = Some(now);
    }

    /// Records a crash. `created` is when its pod was created. Returns whether the exception is a new one of the agent.
    pub(super) fn record(&mut self, crash: AgentCrash, created: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(agent) = self.agents.get_mut(&crash.agent) else { return false };
        if agent.defined.zip(created).is_some_and(|(defined, created)| created < defined) {
            return false;
        }
        agent.was_unhealthy = true;
        agent.restored = None;
        agent.waiting = None;
        let is_new = agent.sightings.iter().all(|seen| seen.crash.exception != crash.exception)
            && !agent.reported.contains(&crash.exception);
        let same = |seen: &&mut Sighting| {
            seen.crash.pod_uid == crash.pod_uid && seen.crash.exception == crash.exception
        };
        if let Some(known) = agent.sightings.iter_mut().find(same) {
            known.last = now;
            return false;
        }
        let of_pod = agent.sightings.iter().filter(|seen| seen.crash.pod_uid == crash.pod_uid);
        if of_pod.count() >= MOST_EXCEPTIONS {
            return false;
        }
        agent.sightings.push(Sighting { crash, last: now });
        is_new
    }

    /// Records that messages of an agent's topic wait, where no log can be read.
    pub(super) fn record_waiting(&mut self, agent: &str, topic: &str, now: Timestamp) {
        if let Some(agent) = self.agents.get_mut(agent).filter(|agent| agent.sightings.is_empty()) {
            agent.was_unhealthy = true;
            agent.waiting = Some((topic.to_owned(), now));
        }
    }

    /// Forgets what was not seen again for long enough. To be called after something could be seen.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let lasts = |since: Timestamp| now.as_second() - since.as_second() < QUIET_SECONDS;
        for agent in self.agents.values_mut() {
            agent.sightings.retain(|seen| lasts(seen.last));
            agent.waiting.take_if(|(_, since)| !lasts(*since));
            agent.restored.take_if(|since| !lasts(*since));
            if !agent.is_unhealthy() {
                agent.reported.clear();
            }
        }
    }

    /// Returns the crashes of all agents, those first that were seen first.
    pub(super) fn crashes(&self) -> Vec<AgentCrash> {
        let all = self.agents.values().flat_map(|agent| &agent.sightings);
        let mut crashes: Vec<AgentCrash> = all.map(|seen| seen.crash.clone()).collect();
        crashes.sort_by(|a, b| (a.since, &a.agent, a.member).cmp(&(b.since, &b.agent, b.member)));
        crashes
    }

    /// Returns the health of the agents of which something is known that is not in their status already.
    pub(super) fn health(&self) -> BTreeMap<String, Health> {
        self.agents.iter().filter_map(|(name, agent)| Some((name.clone(), agent.health()?))).collect()
    }

    /// Returns whether some agent is not healthy.
    pub(super) fn is_suspicious(&self) -> bool {
        self.agents.values().any(Agent::is_unhealthy)
    }
}

impl Agent {
    fn is_unhealthy(&self) -> bool {
        !self.sightings.is_empty() || self.waiting.is_some() || self.restored.is_some()
    }

    fn health(&self) -> Option<Health> {
        match (&self.waiting, self.restored) {
            _ if !self.sightings.is_empty() => Some(Health::Crashing),
            (Some((topic, _)), _) => Some(Health::Waiting(topic.clone())),
            (None, Some(_)) => None,
            (None, None) => self.was_unhealthy.then_some(Health::Recovered),
        }
    }
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
