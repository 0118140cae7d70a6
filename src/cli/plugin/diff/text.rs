//! Changes as a unified diff.

use anstyle::{AnsiColor, Style};
use similar::TextDiff;

use super::{compare::ObjectChange, impact::RestartImpact};
use crate::cli::{error::Error, output::to_yaml};

/// Number of unchanged lines around a change.
const CONTEXT_LINES: usize = 3;

/// Formats all changes and their impact on members.
pub(super) fn to_text(changes: &[ObjectChange], impacts: &[RestartImpact]) -> Result<String, Error> {
    let mut text = String::new();
    for change in changes {
        let yaml = |object: &Option<serde_json::Value>| match object {
            Some(object) => to_yaml(object),
            None => Ok(String::new()),
        };
        let (before, after) = (yaml(&change.before)?, yaml(&change.after)?);
        let name = format!("{}/{}/{}", change.namespace, change.kind, change.name);
        let header = (format!("live/{name}"), format!("wanted/{name}"));
        let diff = TextDiff::from_lines(&before, &after);
        let unified =
            diff.unified_diff().context_radius(CONTEXT_LINES).header(&header.0, &header.1).to_string();
        unified.lines().for_each(|line| text += &styled_line(line));
    }
    impacts.iter().for_each(|impact| text += &(impact.summary() + "\n"));
    Ok(text)
}

fn styled_line(line: &str) -> String {
    let style = match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::new().bold(),
        [b'+', ..] => AnsiColor::Green.on_default(),
        [b'-', ..] => AnsiColor::Red.on_default(),
        [b'@', ..] => AnsiColor::Cyan.on_default(),
        _ => return format!("{line}\n"),
    };
    format!("{style}{line}{style:#}\n")
}
