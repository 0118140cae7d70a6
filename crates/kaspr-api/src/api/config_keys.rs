//! The keys of `spec.config`: the one block of the API whose schema is open.

/// The type of a setting's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// Text.
    Text,
}

/// A setting of the framework.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// Name in `spec.config`.
    pub name: &'static str,
    /// Type of its value.
    pub kind: ConfigKind,
}

use ConfigKind::{Boolean, Float, Integer, Text};

/// Every setting, in the order of the members' environment.
pub const CONFIG_KEYS: &[ConfigKey] = &[
    key("tableDir", Text),
    key("topicReplicationFactor", Integer),
    key("topicPartitions", Integer),
    key("topicAllowDeclare", Boolean),
    key("keySerializer", Text),
    key("valueSerializer", Text),
    key("schedulerEnabled", Boolean),
    key("schedulerCronEnabled", Boolean),
    key("schedulerDebugStatsEnabled", Boolean),
    key("schedulerTopicPartitions", Integer),
    key("schedulerCheckpointSaveIntervalSeconds", Float),
    key("schedulerDispatcherDefaultCheckpointLookbackDays", Integer),
    key("schedulerDispatcherCheckpointInterval", Float),
    key("schedulerJanitorCheckpointInterval", Float),
    key("schedulerJanitorCleanIntervalSeconds", Float),
    key("schedulerJanitorHighwaterOffsetSeconds", Float),
    key("schedulerCronTickIntervalSeconds", Float),
    key("schedulerCronTickBufferSeconds", Float),
    key("schedulerCronMinIntervalSeconds", Float),
    key("storeRocksdbWriteBufferSize", Integer),
    key("storeRocksdbMaxWriteBufferNumber", Integer),
    key("storeRocksdbTargetFileSizeBase", Integer),
    key("storeRocksdbBlockCacheSize", Integer),
    key("storeRocksdbBlockCacheCompressedSize", Integer),
    key("storeRocksdbBloomFilterSize", Integer),
    key("storeRocksdbSetCacheIndexAndFilterBlocks", Boolean),
    key("webBasePath", Text),
    key("webPort", Integer),
    key("webMetricsBasePath", Text),
];

const fn key(name: &'static str, kind: ConfigKind) -> ConfigKey {
    ConfigKey { name, kind }
}

impl ConfigKey {
    /// Returns the setting of that name, in any spelling that members read as the same variable:
    /// `topicPartitions` or `topic_partitions`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CONFIG_KEYS.iter().find(|key| is_same_setting(key.name, name))
    }

    /// Returns the environment variable that members read: `webPort` → `K_WEB_PORT`.
    #[must_use]
    pub fn variable(&self) -> String {
        variable(self.name)
    }
}

/// Returns the environment variable of a setting, known or not: `topic_partitions` → `K_TOPIC_PARTITIONS`.
#[must_use]
pub fn variable(name: &str) -> String {
    "K_".chars().chain(upper_snake(name)).collect()
}

/// Returns whether members read two names as the same variable.
#[must_use]
pub fn is_same_setting(one: &str, other: &str) -> bool {
    upper_snake(one).eq(upper_snake(other))
}

fn upper_snake(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(|letter| {
        let separator = letter.is_ascii_uppercase().then_some('_');
        separator.into_iter().chain([letter.to_ascii_uppercase()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_upper_snake() {
        let names: Vec<String> = ["webPort", "storeRocksdbWriteBufferSize"]
            .iter()
            .filter_map(|n| ConfigKey::named(n))
            .map(ConfigKey::variable)
            .collect();
        assert_eq!(names, ["K_WEB_PORT", "K_STORE_ROCKSDB_WRITE_BUFFER_SIZE"]);
    }
}
