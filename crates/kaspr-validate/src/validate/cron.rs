//! Cron expressions of tasks, as croniter reads them.
//!
//! Source: the framework passes the expression to croniter, which reads seven fields, names, aliases and `#`, and no
//! `W`. No crate has the same grammar; a test compares these verdicts with those of croniter itself.

use std::collections::BTreeSet;

const ALIASES: &[(&str, &str)] = &[
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Upper bound of the length of an expression that a person writes.
const LONGEST: usize = 1000;

/// Days of the longest occurrence of each month.
const DAYS: &[u32] = &[31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const DAY: usize = 2;
const MONTH: usize = 3;
const WEEKDAY: usize = 4;

/// A field of an expression: its name, and the smallest and largest number.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names of numbers, of which the first is `min`.
    names: &'static [&'static str],
}

const FIELDS: &[Field] = &[
    field("minute", 0, 59, &[]),
    field("hour", 0, 23, &[]),
    field("day", 1, 31, &[]),
    field("month", 1, 12, MONTHS),
    field("weekday", 0, 6, WEEKDAYS),
    field("second", 0, 59, &[]),
    field("year", 1970, 2099, &[]),
];

const fn field(name: &'static str, min: u32, max: u32, names: &'static [&'static str]) -> Field {
    Field { name, min, max, names }
}

/// A week of a month: the n-th time, or the last time, that each weekday occurs.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Week {
    Nth(u32),
    Last,
}

impl Week {
    /// Returns whether a day can be in this week of a month of at most `longest` days.
    fn contains(self, day: u32, longest: u32) -> bool {
        match self {
            Self::Nth(week) => day.div_ceil(7) == week,
            Self::Last => day + 7 > longest.min(28),
        }
    }
}

/// The values that a field of an expression stands for.
#[derive(Default)]
struct Values {
    numbers: BTreeSet<u32>,
    /// Weekdays of which only the n-th or the last in a month counts.
    nth: BTreeSet<u32>,
    /// The weeks of a month in which they count.
    weeks: BTreeSet<Week>,
    /// `*` or a random value.
    any: bool,
    /// `L`, the last day of a month.
    last: bool,
}

/// Checks a cron expression.
///
/// # Errors
///
/// Returns a message if croniter cannot read the expression, or finds no time at which it holds.
pub(super) fn check(expression: &str) -> Result<(), String> {
    if expression.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    let lower = expression.to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == lower);
    let lower = alias.map_or(lower.as_str(), |(_, fields)| *fields);
    let texts: Vec<&str> = lower.split_whitespace().collect();
    if !(5..=FIELDS.len()).contains(&texts.len()) {
        return Err(
            "must be a cron expression of five fields: minute, hour, day, month, weekday; second and year \
                    may follow"
                .to_owned(),
        );
    }
    let mut fields = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        fields.push(values(index, text, texts.len()).map_err(|item| message(index, &item))?);
    }
    let weekdays = &fields[WEEKDAY];
    let every_weekday = weekdays.numbers.len() + usize::from(weekdays.any) == WEEKDAYS.len();
    if !weekdays.nth.is_empty() && !every_weekday && !weekdays.numbers.is_subset(&weekdays.nth) {
        return Err("must not mix weekdays with the n-th weekday of a month".to_owned());
    }
    if !occurs(&fields[DAY], &fields[MONTH], weekdays) {
        return Err("never occurs: none of its months has such a day".to_owned());
    }
    Ok(())
}

fn message(index: usize, item: &str) -> String {
    let Field { name, min, max, names } = &FIELDS[index];
    let named = if names.is_empty() { String::new() } else { format!(", names such as '{}'", names[1]) };
    format!(
        "has '{item}' in the field {name}, which accepts numbers from {min} to {max}{named}, ranges, lists and steps"
    )
}

/// Returns whether a month has such a day. croniter looks for the day even if a weekday is given as well, and both
/// must hold if the weekday is the n-th of a month.
fn occurs(days: &Values, months: &Values, weekdays: &Values) -> bool {
    let holds = |day: u32, longest: u32| {
        let is_last = day == longest || (longest == 29 && day == 28);
        let fits = days.any || days.numbers.contains(&day) || (days.last && is_last);
        fits && (weekdays.weeks.is_empty() || weekdays.weeks.iter().any(|week| week.contains(day, longest)))
    };
    (1..).zip(DAYS).any(|(month, &longest)| {
        (months.any || months.numbers.contains(&month)) && (1..=longest).any(|day| holds(day, longest))
    })
}

/// Returns the values of a field, or the part that croniter does not accept.
fn values(index: usize, text: &str, fields: usize) -> Result<Values, String> {
    let mut found = Values::default();
    if let Some((range, step)) = text.strip_prefix(['h', 'r']).and_then(parse_hash) {
        // `h` needs an identifier, which the framework does not give; `r` is a random value.
        let valid = range.is_none_or(|(low, high)| low < high) && step != Some(0);
        found.any = true;
        return if text.starts_with('r') && valid { Ok(found) } else { Err(text.to_owned()) };
    }
    if text.contains('?') {
        let allowed = text == "?" && matches!(index, DAY | WEEKDAY);
        found.any = true;
        return if allowed { Ok(found) } else { Err(text.to_owned()) };
    }
    for item in text.split(',') {
        add(index, item, fields, &mut found).ok_or_else(|| item.to_owned())?;
    }
    Ok(found)
}

/// Adds the values of one item of a list; returns nothing if croniter does not accept the item.
fn add(index: usize, item: &str, fields: usize, found: &mut Values) -> Option<()> {
    if item == "*" {
        found.any = true;
        return Some(());
    }
    if index == DAY && item == "l" {
        found.last = true;
        return Some(());
    }
    let (item, week) = if index == WEEKDAY { nth_weekday(item)? } else { (item, None) };
    let numbers = if item.contains(['/', '-']) {
        range(index, item, fields)?
    } else {
        let Field { min, max, .. } = FIELDS[index];
        BTreeSet::from([number(index, item, fields).filter(|number| (min..=max).contains(number))?])
    };
    if let Some(week) = week {
        found.nth.extend(&numbers);
        found.weeks.insert(week);
    }
    found.numbers.extend(numbers);
    Some(())
}

/// Splits `fri#2` and `l5` into the weekdays, and the week of the month in which they count.
fn nth_weekday(item: &str) -> Option<(&str, Option<Week>)> {
    if let Some((weekdays, nth)) = item.split_once('#') {
        let named =
            weekdays.split('-').count() <= 2 && weekdays.split('-').all(|name| WEEKDAYS.contains(&name));
        let number = all_digits(weekdays);
        let nth = all_digits(nth).then(|| nth.parse::<u32>().ok())??;
        return ((named || number) && (1..=5).contains(&nth)).then_some((weekdays, Some(Week::Nth(nth))));
    }
    match item.strip_prefix('l').filter(|rest| all_digits(rest)) {
        Some(weekday) => Some((weekday, Some(Week::Last))),
        None => Some((item, None)),
    }
}

/// Returns the values of a range or of a step: `1-5`, `fri-sun`, `*/5`, `10/5`, `1-30/2`.
fn range(index: usize, item: &str, fields: usize) -> Option<BTreeSet<u32>> {
    let Field { min, max, .. } = FIELDS[index];
    let (bands, step) = match item.rsplit_once('/') {
        Some((bands, step)) => (bands, all_digits(step).then(|| step.parse().unwrap_or(usize::MAX))?),
        None => (item, 1),
    };
    let (low, high) = match bands.split_once('-') {
        Some((low, high)) => {
            let high = if index == DAY && high == "l" { "31" } else { high };
            (number(index, low, fields)?, number(index, high, fields)?)
        }
        None if bands == "*" => (min, max),
        None => (number(index, bands, fields)?, max),
    };
    if step == 0 || low.max(high) > max || (low != high && low < min) {
        return None;
    }
    Some(match low.cmp(&high) {
        std::cmp::Ordering::Less => (low..=high).step_by(step).collect(),
        // A range from a value to itself is the whole field.
        std::cmp::Ordering::Equal => (min..=max).step_by(step).collect(),
        // A range that ends before it starts goes over the end of the field. Where the second part starts does
        // not matter to whether the expression is valid.
        std::cmp::Ordering::Greater => (low..=max).step_by(step).chain((min..=high).step_by(step)).collect(),
    })
}

/// Returns the value of a number or name.
fn number(index: usize, text: &str, fields: usize) -> Option<u32> {
    let Field { min, names, .. } = &FIELDS[index];
    if let Some(place) = names.iter().position(|name| *name == text) {
        return Some(min + u32::try_from(place).ok()?);
    }
    let number = all_digits(text).then(|| text.parse::<u32>().ok())??;
    // croniter takes 7 for Sunday only in five fields, and day 0 for day 1 only in six.
    Some(match (index, number, fields) {
        (WEEKDAY, 7, 5) => 0,
        (DAY, 0, 6) => 1,
        _ => number,
    })
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The range and the step of a hashed or random value.
type HashParts = (Option<(u64, u64)>, Option<u64>);

/// Parses what follows `h` or `r`: `(0-29)`, `/15`, both, or nothing.
fn parse_hash(rest: &str) -> Option<HashParts> {
    let parse = |text: &str| all_digits(text).then(|| text.parse::<u64>().ok())?;
    let (range, rest) = match rest.strip_prefix('(') {
        Some(rest) => {
            let (range, rest) = rest.split_once(')')?;
            let (low, high) = range.split_once('-')?;
            (Some((parse(low)?, parse(high)?)), rest)
        }
        None => (None, rest),
    };
    let step = if rest.is_empty() { None } else { Some(parse(rest.strip_prefix('/')?)?) };
    Some((range, step))
}
