//! The changes as a unified diff.

use anstyle::{AnsiColor, Style};
use similar::TextDiff;

use super::{compare::Change, impact::RestartImpact};
use crate::cli::{Error, plugin::document};

/// Lines context a change.
const CONTEXT: usize = 3;

/// All changes and what they mean, for people.
pub fn text(changes: &[Change], effects: &[RestartImpact]) -> Result<String, Error> {
    let mut text = String::new();
    for change in changes {
        let yaml = |object: &Option<serde_json::Value>| match object {
            Some(object) => document(object, false),
            None => Ok(String::new()),
        };
        let (before, after) = (yaml(&change.before)?, yaml(&change.after)?);
        let name = format!("{}/{}/{}", change.namespace, change.kind, change.name);
        let header = (format!("live/{name}"), format!("wanted/{name}"));
        let diff = TextDiff::from_lines(&before, &after);
        let unified = diff.unified_diff().context_radius(CONTEXT).header(&header.0, &header.1).to_string();
        unified.lines().for_each(|line| text += &coloured(line));
    }
    effects.iter().for_each(|effect| text += &(effect.sentence() + "\n"));
    Ok(text)
}

fn coloured(line: &str) -> String {
    let style = match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::new().bold(),
        [b'+', ..] => AnsiColor::Green.on_default(),
        [b'-', ..] => AnsiColor::Red.on_default(),
        [b'@', ..] => AnsiColor::Cyan.on_default(),
        _ => return format!("{line}\n"),
    };
    format!("{style}{line}{style:#}\n")
}
