//! The last words of a container that ended: the end of its log, cut to what helps and holds no secret.

use std::sync::LazyLock;

use k8s_openapi::api::core::v1::Pod;
use regex::Regex;

use crate::install_contract;

/// Longest excerpt in characters: a condition must stay readable in a terminal.
const MAX_CHARACTERS: usize = 300;

/// Values of variables that are shorter are no secrets, and would hide parts of other words.
const MIN_SECRET_BYTES: usize = 4;

/// What the log of a Python program prints before the frames of an exception.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// Credentials in addresses.
static LOGIN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("://[^\\s/@]+@").ok());

/// Values that must not appear in a status: those of the variables that the user set.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Returns the values of the variables in a pod. The operator sets only names, paths and hashes.
    pub(super) fn of(pod: &Pod) -> Self {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let variables = containers.flat_map(|container| container.env.iter().flatten());
        let users = variables.filter(|variable| {
            let name = variable.name.as_str();
            !name.starts_with("K_") && !name.ends_with("_HASH") && name != install_contract::POD_NAME
        });
        let mut values: Vec<String> = users.filter_map(|variable| variable.value.clone()).collect();
        values.retain(|value| value.len() >= MIN_SECRET_BYTES);
        // A value may contain another one.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    /// Replaces the values, and credentials in addresses, by asterisks.
    fn redact(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, value| text.replace(value, "***"));
        match &*LOGIN {
            Some(login) => login.replace_all(&text, "://***@").into_owned(),
            None => text,
        }
    }
}

/// Returns the exception at the end of a log, or else its last line, on one line. `None` if the log is empty.
pub(super) fn last_words(log: &str, secrets: &Secrets) -> Option<String> {
    // The kubelet keeps the end of a long log, so the start of the traceback may be missing.
    let after = log.rsplit_once(TRACEBACK).map_or(log, |(_, after)| after);
    let lines = || after.lines().filter(|line| !line.trim().is_empty());
    // Frames are indented; the exception follows them.
    let exception = lines().skip_while(|line| line.starts_with(' ')).find(|line| is_exception(line));
    let words = exception.filter(|_| log.contains(TRACEBACK)).or_else(|| lines().last())?;
    let words = secrets.redact(words.trim());
    let mut excerpt: String = words.chars().take(MAX_CHARACTERS).collect();
    if excerpt.len() < words.len() {
        excerpt.push('…');
    }
    Some(excerpt)
}

/// Returns whether a line is the last one of a traceback: `NameError: name 'x' is not defined`.
fn is_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    name.starts_with(char::is_alphabetic) && name.chars().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(log: &str, values: &[&str]) -> String {
        let secrets = Secrets(values.iter().map(|value| (*value).to_owned()).collect());
        last_words(log, &secrets).unwrap_or_default()
    }

    #[test]
    fn the_exception_is_taken_from_the_end_of_a_log() {
        let traceback = "[INFO] starting\nTraceback (most recent call last):\n  File \"/app/main.py\", line 3, in \
                         <module>\n    run()\nkafka.errors.NoBrokersAvailable: no broker\n";
        assert_eq!(words(traceback, &[]), "kafka.errors.NoBrokersAvailable: no broker");
        assert_eq!(
            words(&format!("{traceback}[ERROR] shutting down\n\n"), &[]),
            "kafka.errors.NoBrokersAvailable: no broker"
        );
        assert_eq!(words("KeyboardInterrupt\nexec /app: not found\n", &[]), "exec /app: not found");
        assert_eq!(words(" \n", &[]), "");
        assert_eq!(
            words("Traceback (most recent call last):\n  File \"<string>\", line 1\n", &[]),
            "File \"<string>\", line 1"
        );
    }

    #[test]
    fn values_of_variables_and_credentials_are_hidden() {
        assert_eq!(
            words("bad token tok-1234 in amqp://me:hunter2@mq/x", &["tok-1234"]),
            "bad token *** in amqp://***@mq/x"
        );
        assert_eq!(words(&"x".repeat(400), &[]).chars().count(), 301);
    }
}
