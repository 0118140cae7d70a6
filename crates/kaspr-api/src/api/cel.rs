//! Rules that the API server checks by itself, without the webhook, in the words of `validate`.
//!
//! A null is as good as no value: `dyn` lets an expression compare any type with it.

use kube::core::cel::{Reason, Rule};

/// The words for a bucket that nothing opens.
pub const NO_BUCKET_CREDENTIALS: &str = "must be given unless workloadIdentity is true";

/// Whether a field has a value.
fn given(field: &str) -> String {
    format!("(has(self.{field}) && dyn(self.{field}) != null)")
}

/// Whether a field has a text that is not empty.
fn text(field: &str) -> String {
    format!("({} && self.{field} != '')", given(field))
}

fn required(rule: String, message: &str) -> Rule {
    Rule::new(rule).message(message).reason(Reason::FieldValueRequired)
}

fn forbidden(rule: String, field: &str, message: &str) -> Rule {
    Rule::new(rule).message(message).reason(Reason::FieldValueForbidden).field_path(format!(".{field}"))
}

/// One of two fields must be given.
pub(super) fn either(a: &str, b: &str) -> Rule {
    required(format!("{} || {}", given(a), given(b)), &format!("must give either {a} or {b}"))
}

/// The same for a text and another field.
pub(super) fn either_text(a: &str, b: &str, b_is_text: bool) -> Rule {
    let b_given = if b_is_text { text(b) } else { given(b) };
    required(format!("{} || {b_given}", text(a)), &format!("must give either {a} or {b}"))
}

/// Two fields exclude each other; the second is the one too many.
pub(super) fn not_both(a: &str, b: &str) -> Rule {
    forbidden(format!("!({} && {})", given(a), given(b)), b, &format!("must not be given together with {a}"))
}

/// Two texts exclude each other, where an empty text counts as absent.
pub(super) fn not_both_texts(a: &str, b: &str, b_is_text: bool) -> Rule {
    let b_given = if b_is_text { text(b) } else { given(b) };
    forbidden(format!("!({} && {b_given})", text(a)), b, &format!("must not be given together with {a}"))
}

/// The same unless a third is there already, which excludes both.
pub(super) fn not_both_unless(other: &str, a: &str, b: &str) -> Rule {
    let rule = format!("{} || !({} && {})", given(other), given(a), given(b));
    forbidden(rule, b, &format!("must not be given together with {a}"))
}

/// One of the operations must be given.
pub(super) fn an_operation() -> Rule {
    let rule = format!("{} || {} || {}", given("map"), given("filter"), given("topicSend"));
    required(rule, "must give one of map, filter and topicSend")
}

/// A field must be given where another has a value.
pub(super) fn needs_when(other: &str, value: &str, field: &str, message: &str) -> Rule {
    let rule = format!("!({} && self.{other} == '{value}') || {}", given(other), given(field));
    required(rule, message).field_path(format!(".{field}"))
}

/// What opens a bucket: a key or the pod's own identity.
pub(super) fn key_or_identity() -> Rule {
    let identity = format!("({} && self.workloadIdentity)", given("workloadIdentity"));
    required(format!("{} || {identity}", given("secretRef")), NO_BUCKET_CREDENTIALS).field_path(".secretRef")
}

/// Not both of them.
pub(super) fn not_key_and_identity() -> Rule {
    let identity = format!("({} && self.workloadIdentity)", given("workloadIdentity"));
    let rule = format!("!({} && {identity})", given("secretRef"));
    forbidden(rule, "workloadIdentity", "must not be given together with secretRef")
}

/// A user name must be given, unless authentication of type `plain` has neither user name nor password.
pub(super) fn username_of_login(message: &str) -> Rule {
    let none = format!("(self.type == 'plain' && !{})", given("passwordSecret"));
    required(format!("{none} || {}", text("username")), message).field_path(".username")
}

/// A password must be given, unless authentication of type `plain` has neither user name nor password.
pub(super) fn password_of_login(message: &str) -> Rule {
    let none = format!("(self.type == 'plain' && !{})", text("username"));
    required(format!("{none} || {}", given("passwordSecret")), message).field_path(".passwordSecret")
}

/// A text must be given.
pub(super) fn needs_text(field: &str, message: &str) -> Rule {
    required(text(field), message).field_path(format!(".{field}"))
}

/// A text or list that is given must not be empty.
pub(super) fn not_empty(message: &str) -> Rule {
    required("self.size() > 0".to_owned(), message)
}

/// A number from 1.
pub(super) fn at_least_one() -> Rule {
    Rule::new("self >= 1").message("must be 1 or more")
}

/// A duration as the framework reads it.
pub(super) fn duration() -> Rule {
    Rule::new("self.matches('^[0-9]+[smhd]$')")
        .message("must be digits and one of 's', 'm', 'h', 'd', such as '5s'")
}

/// A path that the framework's router takes.
pub(super) fn web_path() -> Rule {
    Rule::new(r"self.startsWith('/') && !self.matches('\\s')")
        .message("must start with '/' and have no spaces")
}

/// A status code of HTTP.
pub(super) fn status_code() -> Rule {
    Rule::new("self >= 100 && self <= 599").message("must be from 100 to 599")
}

/// A text that cannot change.
pub(super) fn immutable() -> Rule {
    let message =
        kube::core::cel::Message::Expression("\"field is immutable: it was '\" + oldSelf + \"'\"".to_owned());
    Rule::new("self == oldSelf").message(message)
}
