//! Files of manifests: no panic, and every form of the report can be read by what it is for.

#![no_main]

use kaspr_operator::cli::{Format, report};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let human = report(text, Format::Human).expect("a report");
    assert!(human.ends_with(" warnings\n") || human.ends_with(" warning\n"));
    let lines = text.matches('\n').count() as u64 + 1;
    for line in report(text, Format::Json).expect("a report").lines() {
        let finding: Value = serde_json::from_str(line).expect("an object");
        let (at, column) = (finding["line"].as_u64(), finding["column"].as_u64());
        assert!(at.is_some_and(|at| (1..=lines).contains(&at)), "{line}");
        assert!(column.is_some_and(|column| column >= 1), "{line}");
    }
    let sarif = report(text, Format::Sarif).expect("a report");
    assert!(serde_json::from_str::<Value>(&sarif).is_ok_and(|log| log["runs"][0]["results"].is_array()));
    for command in report(text, Format::Github).expect("a report").lines() {
        assert!(command.starts_with("::error ") || command.starts_with("::warning "), "{command}");
    }
});
