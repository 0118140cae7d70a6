//! Logins of indexes in a netrc file, which only pip reads.
//!
//! pip starts another pip for build dependencies and passes addresses as arguments, which other users
//! can read. Variables would be visible to the builds. A netrc file avoids both.

use std::{collections::BTreeMap, fmt};

use percent_encoding::percent_decode_str;
use url::Url;

/// One login for each host.
#[derive(Default)]
pub(crate) struct Netrc(BTreeMap<String, (String, String)>);

impl Netrc {
    /// Moves the login of an address to the netrc, and returns the address without it. The login stays in
    /// the address if the host has another login already: a netrc has only one for each host.
    pub(crate) fn extract_login(&mut self, address: &str) -> String {
        let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
        let Some(host) = url.host_str().filter(|_| login != Default::default()) else {
            return address.to_owned();
        };
        if *self.0.entry(host.to_owned()).or_insert_with(|| login.clone()) != login {
            return address.to_owned();
        }
        match (url.set_username(""), url.set_password(None)) {
            (Ok(()), Ok(())) => url.into(),
            _ => address.to_owned(),
        }
    }
}

impl fmt::Display for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (host, (user, password)) in &self.0 {
            writeln!(f, "machine {host} login {} password {}", quote(user), quote(password))?;
        }
        Ok(())
    }
}

/// Quotes a value only if necessary: Python before 3.11 treats quotes as part of the value.
fn quote(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && c != '"' && c != '\\';
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('#') {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_quoted_only_if_necessary() {
        for (text, expected) in [
            ("s3cr3t!#'$", "s3cr3t!#'$"),
            ("", r#""""#),
            ("two words", r#""two words""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("#first", r##""#first""##),
        ] {
            assert_eq!(quote(text), expected);
        }
    }

    #[test]
    fn a_host_keeps_its_first_login() {
        let mut netrc = Netrc::default();
        for (address, left) in [
            ("https://me:p%40ss@one.example/simple", "https://one.example/simple"),
            ("https://me:p%40ss@one.example/extra/", "https://one.example/extra/"),
            ("https://you:other@one.example/simple", "https://you:other@one.example/simple"),
            ("https://token@two.example:8443/simple", "https://two.example:8443/simple"),
            ("https://open.example/simple", "https://open.example/simple"),
            ("no address", "no address"),
        ] {
            assert_eq!(netrc.extract_login(address), left);
        }
        let expected =
            "machine one.example login me password p@ss\nmachine two.example login token password \"\"\n";
        assert_eq!(netrc.to_string(), expected);
    }
}
