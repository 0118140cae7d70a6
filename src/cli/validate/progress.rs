//! Progress of `validate` on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Interval between updates of the display.
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);

/// Creates a counter of documents, which is hidden if standard error is not a terminal.
#[must_use]
pub(super) fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} documents, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(UPDATE_INTERVAL);
    bar
}
