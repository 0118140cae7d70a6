//! Default values of components.

use serde_json::{Map, Value};

use super::{apply::Defaults, json::set_default};
use crate::api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView, defaults};

impl Defaults for KasprAgent {
    fn apply(spec: &mut Map<String, Value>) {
        set_default(spec, "isolatedPartitions", defaults::ISOLATED_PARTITIONS);
    }
}

impl Defaults for KasprTask {
    fn apply(spec: &mut Map<String, Value>) {
        set_default(spec, "onLeader", defaults::ON_LEADER);
    }
}

impl Defaults for KasprJoin {
    fn apply(spec: &mut Map<String, Value>) {
        set_default(spec, "type", defaults::JOIN_TYPE);
    }
}

impl Defaults for KasprTable {
    fn apply(_: &mut Map<String, Value>) {}
}

impl Defaults for KasprWebView {
    fn apply(_: &mut Map<String, Value>) {}
}
