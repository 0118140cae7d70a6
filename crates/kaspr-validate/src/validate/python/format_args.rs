//! Format strings with a number of arguments that does not fit.

use ruff_python_ast::{Arguments, Expr};

/// Checks the arguments of `'…' % arguments`. Returns what is wrong.
pub(super) fn check_percent(format: &str, arguments: &Expr) -> Option<String> {
    let Expr::Tuple(tuple) = arguments else { return None };
    if tuple.elts.iter().any(Expr::is_starred_expr) {
        return None;
    }
    let wanted = count_percent(format)?;
    let given = tuple.elts.len();
    (wanted != given).then(|| format!("the format takes {wanted} arguments and gets {given}"))
}

/// Returns the number of arguments of a format with `%`, unless it names them or takes widths from them.
fn count_percent(format: &str) -> Option<usize> {
    let mut count = 0;
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        let spec = after.trim_start_matches(['#', '0', '-', ' ', '+', '.', 'h', 'l', 'L']);
        let spec = spec.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let spec = spec.trim_start_matches(['h', 'l', 'L']);
        match spec.chars().next()? {
            '%' => {}
            '(' | '*' => return None,
            kind if "diouxXeEfFgGcrsa".contains(kind) => count += 1,
            _ => return None,
        }
        rest = &spec[1..];
    }
    Some(count)
}

/// Checks the arguments of `'…'.format(arguments)`. Returns what is wrong.
pub(super) fn check_format(format: &str, arguments: &Arguments) -> Option<String> {
    let has_rest = arguments.args.iter().any(Expr::is_starred_expr)
        || arguments.keywords.iter().any(|keyword| keyword.arg.is_none());
    if has_rest {
        return None;
    }
    let wanted = count_fields(format)?;
    let given = arguments.args.len();
    (wanted > given).then(|| format!("the format takes {wanted} arguments and gets {given}"))
}

/// Returns the number of positional arguments that the fields of a format need; `None` if a field is nested or not
/// valid.
fn count_fields(format: &str) -> Option<usize> {
    let (mut automatic, mut highest) = (0, 0);
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        let (brace, after) = (&rest[at..=at], &rest[at + 1..]);
        if let Some(after) = after.strip_prefix(brace) {
            rest = after;
            continue;
        }
        if brace == "}" {
            return None;
        }
        let (field, after) = after.split_once('}')?;
        if field.contains('{') {
            return None;
        }
        let name = field.split(['!', ':', '.', '[']).next().unwrap_or_default();
        if name.is_empty() {
            automatic += 1;
        } else if let Ok(index) = name.parse::<usize>() {
            highest = highest.max(index.checked_add(1)?);
        }
        rest = after;
    }
    Some(automatic.max(highest))
}
