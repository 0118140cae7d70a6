//! Secrets: expanded as late as possible, and redacted in all output.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;
use url::Url;

use crate::install_contract::{Variable, first_variable};

/// Error of a variable that is not set in the container.
#[derive(Debug, Error, PartialEq)]
#[error(
    "'{text}' names '${{{name}}}', which is not set in the install container: add it to template.pythonPackagesInitContainer.env"
)]
pub(crate) struct UnsetVariable {
    /// Text that contains the variable, as the user wrote it.
    pub text: String,
    /// Name of the variable.
    pub name: String,
}

/// The secrets of this process.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    values: Vec<String>,
    /// Names of the variables that were expanded.
    names: Vec<String>,
    /// User name and password for the indexes.
    login: Option<(String, String)>,
    /// Hosts that get them; `None` for all.
    login_hosts: Option<Vec<String>>,
}

/// Length of the shortest secret, in bytes.
const SHORTEST: usize = 4;

/// Characters at which parsers cut an address.
const DELIMITERS: &[char] = &['@', ':', '/', '?', '#', '%', '&', '+', '\\', ' '];

/// Characters that are encoded in the login of an address: all but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Secrets {
    /// Creates secrets with the user name and password for the indexes, if any.
    pub(crate) fn new(login: Option<(String, String)>) -> Self {
        let mut secrets = Self::default();
        if let Some((user, password)) = &login {
            // With a token, the user name is often the secret and the password is empty. `__token__` as the
            // user name comes with a password, and is not a secret.
            if password.is_empty() {
                secrets.add(user);
            }
            secrets.add(password);
        }
        secrets.login = login;
        secrets
    }

    /// Returns user name and password for the indexes.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    fn add(&mut self, value: &str) {
        // A shorter value is not a secret, and its redaction would make messages unreadable.
        if value.len() < SHORTEST {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let in_url = set_login("http://host", "", value);
        let in_url = in_url.as_ref().and_then(Url::password).unwrap_or_default();
        let forms =
            [value.to_owned(), encoded.replace('+', "%20"), encoded, in_url.to_owned(), encode(value)];
        let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
        // What a parser of addresses makes of a password that was not encoded.
        let parts = value.split(DELIMITERS).map(str::to_owned);
        for form in forms.into_iter().chain([decoded]).chain(parts).filter(|form| form.len() >= SHORTEST) {
            if !self.values.contains(&form) {
                self.values.push(form);
            }
        }
        // Longest first, because one secret may be part of another.
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// Expands `${NAME}` and `$NAME` from the environment of the container. The values are treated as secrets. In the
    /// login of an address, a value is percent-encoded, because its characters would end the login otherwise.
    ///
    /// # Errors
    ///
    /// A variable is not set.
    pub(crate) fn expand(
        &mut self,
        text: &str,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<String, UnsetVariable> {
        let login = login_range(text);
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(Variable { before, name, after, in_braces }) = first_variable(rest) {
            let variable_starts = text.len() - rest.len() + before.len();
            let variable_ends = text.len() - after.len();
            rest = after;
            result.push_str(before);
            let value = match variable(name) {
                Some(value) => value,
                None if in_braces => {
                    return Err(UnsetVariable { text: self.redact(text), name: name.to_owned() });
                }
                None => {
                    // A password may contain the character.
                    result.push('$');
                    result.push_str(name);
                    continue;
                }
            };
            // A Secret that was created with `echo` ends with a newline, which is not part of the credential.
            let value = value.trim_end_matches(['\n', '\r']);
            value.lines().for_each(|line| self.add(line));
            self.names.push(name.to_owned());
            if login.contains(&variable_starts) {
                // A variable may contain the whole login, with its colon.
                let is_whole = login == (variable_starts..variable_ends);
                result.push_str(&encode_login(value, is_whole));
            } else {
                result.push_str(value);
            }
        }
        result.push_str(rest);
        // A password in an address is a secret even if it does not come from a variable.
        self.add_address(&result);
        Ok(result)
    }

    /// Adds the password in an address, if there is one.
    pub(crate) fn add_address(&mut self, address: &str) {
        if let Some((_, rest)) = address.split_once("://")
            && let Ok(url) = Url::parse(&format!("http://{rest}"))
        {
            self.add(&percent_decode_str(url.password().unwrap_or_default()).decode_utf8_lossy());
        }
        if let Some((_, password)) = address[login_range(address)].split_once(':') {
            self.add(password);
        }
    }

    /// Limits the login to the host of the index and to further hosts. Without an index and hosts, it is for every
    /// index.
    pub(crate) fn limit_login(&mut self, index: Option<&String>, hosts: &[String]) {
        let of_index = index.and_then(|url| Url::parse(url).ok()?.host_str().map(str::to_owned));
        let limited = index.is_some() || !hosts.is_empty();
        self.login_hosts = limited.then(|| of_index.into_iter().chain(hosts.iter().cloned()).collect());
    }

    /// Returns the URL of an index with user name and password, unless the URL has a login, or its host gets none.
    pub(crate) fn add_login(&self, url: &str) -> String {
        let Ok(parsed) = Url::parse(url) else { return url.to_owned() };
        let has_own = !parsed.username().is_empty() || parsed.password().is_some();
        let host = parsed.host_str().unwrap_or_default();
        let is_allowed =
            self.login_hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|h| h.eq_ignore_ascii_case(host)));
        let login = self.login().filter(|_| !has_own && is_allowed);
        let with_login = login.and_then(|(user, password)| set_login(url, user, password));
        with_login.map_or_else(|| url.to_owned(), String::from)
    }

    /// Returns the names of the variables that were expanded.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Replaces secrets in a text with asterisks.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "****"))
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Encodes a part of a login, unless it is encoded already. The first colon of a whole login stays.
fn encode_login(value: &str, is_whole: bool) -> String {
    if is_encoded(value) {
        return value.to_owned();
    }
    match value.split_once(':').filter(|_| is_whole) {
        Some((user, password)) => format!("{}:{}", encode(user), encode(password)),
        None => encode(value),
    }
}

/// Returns whether a text contains an encoded character, and nothing that must be encoded.
fn is_encoded(text: &str) -> bool {
    let is_code = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.contains('%')
        && text.split('%').skip(1).all(is_code)
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~%:".contains(c))
}

/// Returns the range of the login in an address: what is between `://` and the last `@` before the path. Empty without
/// a login.
fn login_range(address: &str) -> Range<usize> {
    let Some(start) = address.find("://").map(|at| at + "://".len()) else { return 0..0 };
    let authority = &address[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    start..authority.rfind('@').map_or(start, |at| start + at)
}

fn set_login(url: &str, user: &str, password: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_username(user).ok()?;
    url.set_password(Some(password)).ok()?;
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("s3cr3t/+value".to_owned()),
            "ECHOED" => Some("echoed-secret\n".to_owned()),
            "KEY" => Some("first half\nsecond half\n".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_expanded_and_then_redacted() {
        let mut secrets = Secrets::default();
        let expanded = secrets.expand("https://${TOKEN}@host/a.whl", &variable);
        assert_eq!(expanded.as_deref(), Ok("https://s3cr3t%2F%2Bvalue@host/a.whl"));
        assert_eq!(secrets.redact("GET s3cr3t/+value and s3cr3t%2F%2Bvalue"), "GET **** and ****");
        let unset = secrets.expand("https://${OTHER}@host/${TOKEN}", &variable);
        assert_eq!(unset.expect_err("unset").name, "OTHER");
        assert_eq!(secrets.expand("pandas>=2", &variable).as_deref(), Ok("pandas>=2"));
        assert_eq!(
            secrets.expand("https://$ECHOED@host", &variable).as_deref(),
            Ok("https://echoed-secret@host")
        );
        assert_eq!(secrets.expand("a$b", &variable).as_deref(), Ok("a$b"));
        secrets.expand("${KEY}", &variable).expect("expanded");
        // The output of tools is redacted line by line.
        assert_eq!(secrets.redact("echoed-secret, first half"), "****, ****");
    }

    #[test]
    fn logins_are_encoded_unless_they_are_already() {
        for (value, text, expected) in [
            ("p@ss/w#r?d %", "https://me:${V}@host/a", "https://me:p%40ss%2Fw%23r%3Fd%20%25@host/a"),
            ("me:p@ss", "https://${V}@host/a", "https://me:p%40ss@host/a"),
            ("p:ss", "https://me:$V@host/a", "https://me:p%3Ass@host/a"),
            ("p%40ss", "https://me:${V}@host/a", "https://me:p%40ss@host/a"),
            ("a/b", "https://host/${V}/c@1", "https://host/a/b/c@1"),
            (">=2", "pandas${V}", "pandas>=2"),
        ] {
            let expanded = Secrets::default().expand(text, &|_| Some(value.to_owned()));
            assert_eq!(expanded.as_deref(), Ok(expected));
        }
    }

    proptest::proptest! {
        /// Also for a password that is not encoded, of which parsers take parts for hosts and paths.
        #[test]
        fn no_part_of_a_password_is_left(password in "[a-zA-Z0-9@/#?%: ]{4,24}") {
            let mut secrets = Secrets::default();
            let address = secrets.expand("https://me:${V}@host/simple", &|_| Some(password.clone()));
            let address = address.expect("a variable");
            for text in [address, format!("https://me:{password}@host"), format!("no host {password:?}")] {
                let redacted = secrets.redact(&text);
                let parts = password.split(DELIMITERS).filter(|part| part.len() >= SHORTEST);
                for part in parts.filter(|part| !"https://me:@host/simple no host".contains(part)) {
                    proptest::prop_assert!(!redacted.contains(part), "{redacted} contains {part}");
                }
            }
        }
    }

    #[test]
    fn logins_go_to_the_host_of_the_index_and_to_named_hosts() {
        let mut secrets = Secrets::new(Some(("me".to_owned(), "pass".to_owned())));
        let login = |secrets: &Secrets, host: &str| {
            secrets.add_login(&format!("https://{host}/simple")).contains("me:pass@")
        };
        assert!(login(&secrets, "extra.example"));
        secrets.limit_login(Some(&"https://index.example/simple".to_owned()), &["named.example".to_owned()]);
        let hosts = ["index.example", "named.example", "extra.example"].map(|host| login(&secrets, host));
        assert_eq!(hosts, [true, true, false]);
    }

    #[test]
    fn a_password_is_redacted_in_each_of_its_forms() {
        let secrets = Secrets::new(Some(("me".to_owned(), "p@ss/word".to_owned())));
        assert_eq!(secrets.redact("https://me:p%40ss%2Fword@host p@ss/word"), "https://me:****@host ****");
    }
}
