//! What must not be seen: filled in as late as possible, and taken out of everything that is said.

use thiserror::Error;
use url::Url;

/// A variable that the container has not got.
#[derive(Debug, Error, PartialEq)]
#[error(
    "'{text}' names '${{{name}}}', which the install container has not got: give it in template.pythonPackagesInitContainer.env"
)]
pub struct Unset {
    /// Where it stands, as the user wrote it.
    pub text: String,
    /// The variable.
    pub name: String,
}

/// The secrets of this process.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
    /// The variables that were filled in.
    names: Vec<String>,
    /// User name and password for the indexes.
    login: Option<(String, String)>,
}

impl Secrets {
    /// With the user name and password for the indexes, if there are some.
    pub fn new(login: Option<(String, String)>) -> Self {
        let mut secrets = Self::default();
        if let Some((user, password)) = &login {
            // Of a token the user name is often the secret half, `__token__` is not.
            if password.is_empty() {
                secrets.add(user);
            }
            secrets.add(password);
        }
        secrets.login = login;
        secrets
    }

    /// User name and password for the indexes.
    pub fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    fn add(&mut self, value: &str) {
        // Anything shorter is no secret and would black out half of every message.
        if value.len() < 4 {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let in_url = with_login("http://host", "", value);
        let in_url = in_url.as_ref().and_then(Url::password).unwrap_or_default();
        for value in [value.to_owned(), encoded.replace('+', "%20"), encoded, in_url.to_owned()] {
            if !self.values.contains(&value) {
                self.values.push(value);
            }
        }
        // The longest first: one may be part of another.
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// Fills in `${NAME}` from the container's environment; the values are secrets from then on.
    pub fn fill(&mut self, text: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<String, Unset> {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else { break };
            let value =
                variable(name).ok_or_else(|| Unset { text: self.redact(text), name: name.to_owned() })?;
            // Whoever wrote the Secret with `echo` has a line end in it, which no credential has.
            let value = value.trim_end_matches(['\n', '\r']);
            value.lines().for_each(|line| self.add(line));
            self.names.push(name.to_owned());
            result.push_str(before);
            result.push_str(value);
            rest = tail;
        }
        result.push_str(rest);
        if let Some(url) =
            result.split_once("://").and_then(|(_, rest)| Url::parse(&format!("http://{rest}")).ok())
        {
            // A password that somebody wrote into a URL is no less one.
            self.add(url.password().unwrap_or_default());
        }
        Ok(result)
    }

    /// The URL of an index with user name and password, unless it has its own.
    pub fn sign(&self, url: &str) -> String {
        let has_own = Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
        let login = self.login().filter(|_| !has_own);
        let signed = login.and_then(|(user, password)| with_login(url, user, password));
        signed.map_or_else(|| url.to_owned(), String::from)
    }

    /// The variables that were filled in.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A text without secrets.
    pub fn redact(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "****"))
    }
}

fn with_login(url: &str, user: &str, password: &str) -> Option<Url> {
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
    fn variables_are_filled_in_and_then_hidden() {
        let mut secrets = Secrets::default();
        let filled = secrets.fill("https://${TOKEN}@host/a.whl", &variable);
        assert_eq!(filled.as_deref(), Ok("https://s3cr3t/+value@host/a.whl"));
        assert_eq!(secrets.redact("GET s3cr3t/+value and s3cr3t%2F%2Bvalue"), "GET **** and ****");
        let unset = secrets.fill("https://${OTHER}@host/${TOKEN}", &variable);
        assert_eq!(unset.expect_err("unset").name, "OTHER");
        assert_eq!(secrets.fill("pandas>=2", &variable).as_deref(), Ok("pandas>=2"));
        assert_eq!(
            secrets.fill("https://${ECHOED}@host", &variable).as_deref(),
            Ok("https://echoed-secret@host")
        );
        secrets.fill("${KEY}", &variable).expect("filled");
        // What tools say is redacted line by line.
        assert_eq!(secrets.redact("echoed-secret, first half"), "****, ****");
    }

    #[test]
    fn a_password_is_hidden_in_each_of_its_forms() {
        let secrets = Secrets::new(Some(("me".to_owned(), "p@ss/word".to_owned())));
        assert_eq!(secrets.redact("https://me:p%40ss%2Fword@host p@ss/word"), "https://me:****@host ****");
    }
}
