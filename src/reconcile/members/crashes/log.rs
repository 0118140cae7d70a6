//! Finds the crashes of agents in the tail of a member's log. Pure.
//!
//! The framework logs a crash as an error of the agent's service, and its traceback after it:
//!
//! ```text
//! [2026-01-01 00:00:00,000] [1] [ERROR] [^----AGENT*: ]: Crashed reason=KeyError('id')
//! Traceback (most recent call last):
//!   File "<string>", line 3, in enrich
//! KeyError: 'id'
//! ```
//!
//! The API server puts its own time before each line. Anything in a log may come from the messages that the agent reads.

use k8s_openapi::jiff::Timestamp;

use super::redact;

/// Text beyond this is not read. Slightly more than the limit of a request, which the API server may exceed.
const MAX_BYTES: usize = 128 << 10;

/// The longest name of an agent.
const MAX_NAME: usize = 253;

/// The longest name of a function that is read; longer ones are not in any block.
const MAX_FUNCTION: usize = 100;

const TRACEBACK: &str = "Traceback (most recent call last):";

/// What Python prints between the tracebacks of exceptions that cause one another.
const CHAINS: [&str; 2] = [
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
];

/// A crash of an agent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Crash {
    /// When it was logged, by the clock of the node.
    pub at: Timestamp,
    /// The name of the agent.
    pub agent: String,
    /// The type of the exception, with its message where that is certain to contain no data.
    pub exception: String,
    /// The line of the agent's code that raised it.
    pub frame: Option<CodeFrame>,
}

/// A frame of a traceback in code of the app.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CodeFrame {
    /// The function, as tracebacks call it.
    pub function: String,
    /// The line in the block, from 1.
    pub line: usize,
}

/// Where in a traceback the reader is.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    /// Before a traceback that may begin now.
    Before,
    /// Among its frames.
    Frames,
    /// In the text of the exception, or behind it.
    Text,
    /// What follows belongs to no crash.
    Outside,
}

/// Returns the crashes in a log whose lines begin with their time, in its order.
pub(crate) fn crashes(log: &str) -> Vec<Crash> {
    let log = &log[..log.floor_char_boundary(MAX_BYTES)];
    let mut found: Vec<Crash> = Vec::new();
    let mut position = Position::Outside;
    for line in log.lines() {
        let Some((at, line)) = split_time(line) else { continue };
        if let Some((agent, reason)) = crash_line(line) {
            let exception = redact::exception(reason);
            found.push(Crash { at, agent: agent.to_owned(), exception, frame: None });
            position = Position::Before;
        } else if let Some(crash) = found.last_mut() {
            position = next_position(position, line);
            if position == Position::Frames
                && let Some(frame) = frame(line)
            {
                // The last one is nearest to the error.
                crash.frame = Some(frame);
            }
        }
    }
    found
}

/// Returns where in a traceback the reader is after a line. The text of an exception can look like a traceback, so only
/// a line between two exceptions opens another one.
fn next_position(position: Position, line: &str) -> Position {
    match position {
        _ if begins_record(line) => Position::Outside,
        Position::Before if line == TRACEBACK => Position::Frames,
        Position::Before if line.is_empty() => Position::Before,
        Position::Frames if line.starts_with("  ") => Position::Frames,
        Position::Frames => Position::Text,
        Position::Text if CHAINS.contains(&line) => Position::Before,
        Position::Text => Position::Text,
        Position::Before | Position::Outside => Position::Outside,
    }
}

/// Splits the time off that the API server adds.
fn split_time(line: &str) -> Option<(Timestamp, &str)> {
    let (time, line) = line.split_once(' ').unwrap_or((line, ""));
    Some((time.parse().ok()?, line))
}

/// Returns whether a line is the first one of a record: it begins with the time of the framework's clock.
fn begins_record(line: &str) -> bool {
    line.strip_prefix('[').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns the agent that a line reports as crashed, and the exception as Python's `repr` prints it.
fn crash_line(line: &str) -> Option<(&str, &str)> {
    let mut rest = line;
    loop {
        let (field, after) = rest.trim_start().strip_prefix('[')?.split_once(']')?;
        rest = after;
        if field == "ERROR" {
            break;
        }
        // A time and a process come before the level. What an agent prints has another level before it.
        if !field.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
    }
    let text = rest.strip_prefix(':').unwrap_or(rest).trim_start();
    let (service, reason) = text.strip_prefix("[^")?.split_once("]: Crashed reason=")?;
    let (agent, _) = service.trim_start_matches('-').split_once("*: ")?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let valid = !agent.is_empty() && agent.len() <= MAX_NAME && agent.chars().all(is_name);
    valid.then_some((agent, reason.trim_end()))
}

/// Returns a frame in code of the app, which the framework compiles as `<string>`.
/// Returns the last frame in a block of a definition that a text contains.
pub(crate) fn last_frame(text: &str) -> Option<CodeFrame> {
    text.lines().rev().find_map(frame)
}

fn frame(line: &str) -> Option<CodeFrame> {
    let (number, function) = line.strip_prefix("  File \"<string>\", line ")?.split_once(", in ")?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '<' | '>');
    let function = function.trim_end();
    let valid = !function.is_empty() && function.len() <= MAX_FUNCTION && function.chars().all(is_name);
    let line = number.parse().ok()?;
    valid.then(|| CodeFrame { function: function.to_owned(), line })
}

#[cfg(test)]
#[path = "log/tests.rs"]
mod tests;
