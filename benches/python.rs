//! Measures what the rules about embedded Python cost, and prints each figure with its expected value.
//! Nothing is asserted: measurements vary between machines.

#[path = "support/times.rs"]
mod times;

use std::time::Instant;

use kaspr_operator::{
    api::KasprAgent,
    validate::{AppContext, review},
};
use serde_json::json;
use times::Times;

/// Size of the code in bytes.
const SIZE: usize = 32 * 1024;
/// Number of measurements of each figure.
const ROUNDS: usize = 200;

fn main() {
    let agents: Vec<KasprAgent> = (0..ROUNDS).map(agent).collect();
    let context = AppContext::default();
    let measure = |rounds: &[KasprAgent]| {
        let times = rounds.iter().map(|agent| {
            let begun = Instant::now();
            let found = review(agent, None, Some(&context));
            assert_eq!(found.warnings.len(), 0, "{found:?}");
            begun.elapsed()
        });
        Times::new(times.collect())
    };
    println!("\na review of an agent with {} KiB of Python", SIZE / 1024);
    println!("for the first time: {} (expected: under 3 ms)", measure(&agents));
    let again = vec![agents[ROUNDS - 1].clone(); ROUNDS];
    println!("the same text again: {} (expected: under 0.1 ms)\n", measure(&again));
}

/// Returns an agent whose code nothing has read before.
fn agent(number: usize) -> KasprAgent {
    let mut python = format!(
        "import json\n\nSEED = {number}\n\ndef enrich(value):\n    step_0(value)\n    return json.dumps(value)\n"
    );
    for i in 0.. {
        if python.len() >= SIZE {
            python.push_str(&format!("\ndef step_{i}(value):\n    return value\n"));
            break;
        }
        python.push_str(&format!(
            "\ndef step_{i}(value, limit=10):\n    total = sum(item.get('amount', 0) for item in value.get('items', []))\n    \
             if total > limit and value['kind'] in ('a', 'b'):\n        value['total'] = f'{{total:.2f}} {{SEED}}'\n    \
             try:\n        return step_{}(value)\n    except KeyError as error:\n        return {{'error': str(error)}}\n",
            i + 1
        ));
    }
    serde_json::from_value(json!({
        "metadata": { "name": "a", "labels": { "kaspr.io/app": "a" } },
        "spec": {
            "input": { "topic": { "name": "t" } },
            "processors": {
                "pipeline": ["a"],
                "operations": [{ "name": "a", "map": { "python": python, "entrypoint": "enrich" } }],
            },
        },
    }))
    .expect("an agent")
}
