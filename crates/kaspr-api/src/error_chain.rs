//! One-line descriptions of errors with their causes.

/// Describes an error with its causes: the outer errors often say only where it was noticed. A cause
/// that the text already contains is not repeated.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
