//! What a member's metrics say about messages that wait. Pure.
//!
//! There is no counter of exceptions. But while an agent crashes on each message, the supervisor restarts it every five
//! seconds: messages wait, and the member receives no more than one in this time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
    time::Duration,
};

use regex::Regex;

/// The delay of the supervisor before it restarts an agent.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// Records of a partition that do not count as waiting: a transaction of a producer ends with a record that no consumer
/// receives.
const NOT_WAITING: f64 = 1.0;

/// The end of a partition, or of what is committed of it. The member spells it so.
const END: &str = "kaspr_topic_partition_end_offset";
const COMMITTED: &str = "kaspr_topic_partition_offset_commited";
const RECEIVED: &str = "kaspr_messages_received_per_topic_total";

/// Not 0 while the member starts, rebalances or recovers: then messages wait for that.
const HEALTH: &str = "kaspr_health";

/// The samples of these metrics: names of topics contain neither quotation marks nor braces.
#[expect(clippy::expect_used, reason = "the patterns are constants, which a test compiles")]
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!(r"(?m)^({END}|{COMMITTED}|{RECEIVED}|{HEALTH})\{{([^}}\n]*)\}} (\S+)");
    Regex::new(&pattern).expect("a pattern")
});
#[expect(clippy::expect_used, reason = "the patterns are constants, which a test compiles")]
static LABEL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(topic|partition)="([^"]*)""#).expect("a pattern"));

/// Consecutive looks at which messages must wait, where no log confirms a crash: a slow agent may catch up.
const CONFIRMING_LOOKS: u32 = 3;

/// Topics whose messages wait, with the number of consecutive looks that found it.
#[derive(Debug, Default)]
pub(super) struct StalledTopics(BTreeMap<String, u32>);

impl StalledTopics {
    /// Records the result of a look.
    pub(super) fn update(&mut self, stalled: BTreeSet<String>) {
        let looks = |topic: &String| self.0.get(topic).copied().unwrap_or_default().saturating_add(1);
        self.0 = stalled.into_iter().map(|topic| (topic.clone(), looks(&topic))).collect();
    }

    /// Returns whether messages of no topic wait.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether messages of a topic wait for long enough to report it without a log.
    pub(super) fn is_confirmed(&self, topic: &str) -> bool {
        self.0.get(topic).is_some_and(|looks| *looks >= CONFIRMING_LOOKS)
    }
}

/// What a member reports of the topics that it reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Backlog {
    /// Messages received since the member started, by topic.
    received: HashMap<String, f64>,
    /// Topics with messages that wait.
    waiting: BTreeSet<String>,
}

impl Backlog {
    /// Reads the metrics of a member.
    pub(super) fn parse(metrics: &str) -> Self {
        let mut ends = BTreeMap::new();
        let mut committed = HashMap::new();
        let mut received = HashMap::new();
        let mut busy = false;
        for sample in SAMPLE.captures_iter(metrics) {
            let Some(value) = sample[3].parse::<f64>().ok().filter(|value| value.is_finite()) else {
                continue;
            };
            let (mut topic, mut partition) = (String::new(), String::new());
            for label in LABEL.captures_iter(&sample[2]) {
                let field = if &label[1] == "topic" { &mut topic } else { &mut partition };
                *field = label[2].to_owned();
            }
            match &sample[1] {
                END => drop(ends.insert((topic, partition), value)),
                COMMITTED => drop(committed.insert((topic, partition), value)),
                HEALTH => busy |= value != 0.0,
                _ => drop(received.insert(topic, value)),
            }
        }
        let waits = |(partition, end): (&(String, String), &f64)| {
            let lag = end - committed.get(partition)?;
            (lag > NOT_WAITING && !busy).then(|| partition.0.clone())
        };
        Self { received, waiting: ends.iter().filter_map(waits).collect() }
    }

    /// Returns the topics whose messages wait although the member received hardly any since an earlier look.
    pub(super) fn stalled_since(&self, before: &Self, elapsed: Duration) -> BTreeSet<String> {
        let most = (elapsed.as_secs_f64() / RESTART_DELAY.as_secs_f64()).ceil();
        let is_stalled = |topic: &&String| {
            let received = self.received.get(*topic).zip(before.received.get(*topic));
            // A member that restarted counts from the beginning.
            received.is_some_and(|(now, before)| (0.0..=most).contains(&(now - before)))
        };
        self.waiting.intersection(&before.waiting).filter(is_stalled).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(end: u32, committed: u32, received: u32) -> String {
        format!(
            "# TYPE kaspr_topic_partition_end_offset gauge\n\
             kaspr_topic_partition_end_offset{{app_name=\"shop-app\",partition=\"0\",topic=\"orders\"}} {end}.0\n\
             kaspr_topic_partition_end_offset{{app_name=\"shop-app\",partition=\"1\",topic=\"orders\"}} 9.0\n\
             kaspr_topic_partition_offset_commited{{app_name=\"shop-app\",partition=\"0\",topic=\"orders\"}} {committed}.0\n\
             kaspr_messages_received_per_topic_total{{app_name=\"shop-app\",topic=\"orders\"}} {received}.0\n\
             kaspr_health{{app_name=\"shop-app\"}} 0.0\n\
             kaspr_messages_received_per_topic_created{{app_name=\"shop-app\",topic=\"orders\"}} 1.7e+09\n"
        )
    }

    #[test]
    fn messages_wait_while_hardly_any_is_received() {
        let stalled = |before: (u32, u32, u32), after: (u32, u32, u32)| {
            let read = |(end, committed, received)| Backlog::parse(&metrics(end, committed, received));
            !read(after).stalled_since(&read(before), Duration::from_secs(25)).is_empty()
        };
        for (before, after, expected) in [
            ((40, 1, 2), (40, 5, 6), true),
            ((40, 1, 2), (40, 6, 8), false),
            ((40, 5, 6), (40, 5, 6), true),
            // Nothing waits now, or did not before.
            ((40, 1, 2), (40, 40, 5), false),
            ((40, 40, 2), (60, 41, 3), false),
            // The end of a transaction.
            ((40, 39, 2), (40, 39, 2), false),
            // The member restarted.
            ((40, 5, 100), (40, 5, 1), false),
        ] {
            assert_eq!(stalled(before, after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn messages_that_wait_for_a_rebalance_do_not_count() {
        let busy = Backlog::parse(&metrics(40, 5, 6).replace("shop-app\"} 0.0", "shop-app\"} 1.0"));
        assert!(busy.stalled_since(&busy, Duration::from_secs(25)).is_empty());
    }

    #[test]
    fn only_messages_that_wait_at_consecutive_looks_are_confirmed() {
        let mut topics = StalledTopics::default();
        let mut confirmed = Vec::new();
        for stalled in [true, true, false, true, true, true, true, false] {
            topics.update(stalled.then(|| "orders".to_owned()).into_iter().collect());
            confirmed.push(topics.is_confirmed("orders"));
        }
        assert_eq!(confirmed, [false, false, false, false, false, true, true, false]);
        assert!(topics.is_empty());
    }

    #[test]
    fn what_is_no_metric_is_ignored() {
        for text in ["", "{}", "kaspr_topic_partition_end_offset{topic=\"a\"} x", &"{".repeat(1000)] {
            assert_eq!(Backlog::parse(text), Backlog::default(), "{text}");
        }
        let infinite = metrics(1, 1, 1).replace(" 1.0", " +Inf");
        assert_eq!(Backlog::parse(&infinite), Backlog::default());
    }
}
