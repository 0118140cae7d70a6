//! Secrets: expanded as late as possible, and redacted in all output.

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
}

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
        if value.len() < 4 {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let in_url = set_login("http://host", "", value);
        let in_url = in_url.as_ref().and_then(Url::password).unwrap_or_default();
        for value in [value.to_owned(), encoded.replace('+', "%20"), encoded, in_url.to_owned()] {
            if !self.values.contains(&value) {
                self.values.push(value);
            }
        }
        // Longest first, because one secret may be part of another.
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// Expands `${NAME}` and `$NAME` from the environment of the container. The values are treated as secrets.
    ///
    /// # Errors
    ///
    /// A variable is not set.
    pub(crate) fn expand(
        &mut self,
        text: &str,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<String, UnsetVariable> {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(Variable { before, name, after, in_braces }) = first_variable(rest) {
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
            result.push_str(value);
        }
        result.push_str(rest);
        if let Some(url) =
            result.split_once("://").and_then(|(_, rest)| Url::parse(&format!("http://{rest}")).ok())
        {
            // A password in a URL is a secret even if it does not come from a variable.
            self.add(url.password().unwrap_or_default());
        }
        Ok(result)
    }

    /// Returns the URL of an index with user name and password, unless the URL has a login.
    pub(crate) fn add_login(&self, url: &str) -> String {
        let has_own = Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
        let login = self.login().filter(|_| !has_own);
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
        assert_eq!(expanded.as_deref(), Ok("https://s3cr3t/+value@host/a.whl"));
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
    fn a_password_is_redacted_in_each_of_its_forms() {
        let secrets = Secrets::new(Some(("me".to_owned(), "p@ss/word".to_owned())));
        assert_eq!(secrets.redact("https://me:p%40ss%2Fword@host p@ss/word"), "https://me:****@host ****");
    }
}
