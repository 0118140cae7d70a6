//! The exception with which a container ended, from the end of its log.

use crate::reconcile::members::crashes::redact;

/// What a Python program prints before the frames of an exception.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// Returns the exception at the end of a log, without values: a log can contain messages and passwords. `None` if the log
/// does not end with a traceback.
pub(super) fn last_exception(log: &str) -> Option<String> {
    let (_, after) = log.rsplit_once(TRACEBACK)?;
    // Frames are indented; the exception follows them.
    let exception = after.lines().find(|line| !line.trim().is_empty() && !line.starts_with(' '))?;
    Some(redact::printed(exception))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exception_is_taken_from_the_end_of_a_log() {
        let log = |exception: &str| {
            format!(
                "[INFO] password hunter2\nTraceback (most recent call last):\n  File \"/app/main.py\", line 3, in \
                 <module>\n    run()\n{exception}\n[ERROR] shutting down hunter2\n"
            )
        };
        for (exception, expected) in [
            ("NameError: name 'x' is not defined", "NameError: name 'x' is not defined"),
            ("kafka.errors.AuthenticationFailed: password hunter2 is wrong", "AuthenticationFailed"),
            ("KeyError: 'hunter2'", "KeyError: …"),
            ("KeyboardInterrupt", "KeyboardInterrupt"),
            ("hunter2 is wrong", "an exception"),
        ] {
            assert_eq!(last_exception(&log(exception)).as_deref(), Some(expected), "{exception}");
        }
        assert_eq!(last_exception("password hunter2\n"), None);
        assert_eq!(last_exception("Traceback (most recent call last):\n  File \"<string>\", line 1\n"), None);
    }
}
