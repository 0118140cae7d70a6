use serde_json::{Map, Value};

use super::{Defaults, set};
use crate::api::{KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView};

impl Defaults for KasprAgent {
    fn fill(spec: &mut Map<String, Value>) {
        set(spec, "isolatedPartitions", false);
    }
}

impl Defaults for KasprTask {
    fn fill(spec: &mut Map<String, Value>) {
        set(spec, "onLeader", false);
    }
}

impl Defaults for KasprJoin {
    fn fill(spec: &mut Map<String, Value>) {
        set(spec, "type", "inner");
    }
}

impl Defaults for KasprTable {
    fn fill(_: &mut Map<String, Value>) {}
}

impl Defaults for KasprWebView {
    fn fill(_: &mut Map<String, Value>) {}
}
