//! Bodies of admission reviews: no panic, and no answer that the API server would not take.

#![no_main]

use kaspr_operator::admission::{Phase, answer};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// The API server reads no larger answer.
const LARGEST: usize = 1 << 20;

fuzz_target!(|body: &[u8]| {
    // Fields that no rule reads need not be JSON that survives a round trip.
    let Ok(given) = serde_json::from_slice::<Value>(body) else { return };
    for phase in [Phase::Default, Phase::Validate] {
        let Ok(review) = answer(phase, body, None) else { continue };
        let text = serde_json::to_string(&review).expect("an answer is JSON");
        assert!(text.len() <= LARGEST.max(2 * body.len()), "{} bytes", text.len());
        let response = review.response.expect("a response");
        assert_eq!(response.uid, given["request"]["uid"]);
        for warning in response.warnings.iter().flatten() {
            assert!(!warning.is_empty() && !warning.contains(char::is_control), "{warning:?}");
        }
        if !response.allowed {
            let details = response.result.details.as_ref();
            assert!(response.result.code >= 400 && !response.result.message.is_empty());
            assert!(response.result.code != 422 || details.is_some_and(|details| !details.causes.is_empty()));
        }
        if let Some(patch) = response.patch {
            filled_once(&given, &patch);
        }
    }
});

/// The patch applies, and what it gives needs no other.
fn filled_once(given: &Value, patch: &[u8]) {
    let mut review = given.clone();
    let patch: json_patch::Patch = serde_json::from_slice(patch).expect("a patch");
    json_patch::patch(&mut review["request"]["object"], &patch).expect("a patch that applies");
    let body = json!(review).to_string();
    let again = answer(Phase::Default, body.as_bytes(), None).expect("an answer");
    assert!(again.response.expect("a response").patch.is_none(), "defaults are not idempotent");
}
