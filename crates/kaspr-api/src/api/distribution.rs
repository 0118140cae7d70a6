//! Names of Python distributions.

/// Normalizes the name of a distribution: <https://packaging.python.org/en/latest/specifications/name-normalization/>.
#[must_use]
pub fn normalize(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Returns the normalized name of the distribution that a requirement names. Returns `None` for an address that does
/// not contain the name, such as that of a repository.
#[must_use]
pub fn name_of(requirement: &str) -> Option<String> {
    let requirement = requirement.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let (name, rest) = requirement.split_at(requirement.find(|c| !is_name(c)).unwrap_or(requirement.len()));
    let is_address = rest.starts_with("://") || rest.starts_with('+');
    if !name.is_empty() && !is_address {
        return Some(normalize(name));
    }
    let (address, fragment) = requirement.split_once('#').unwrap_or((requirement, ""));
    let egg = fragment.split('&').find_map(|part| part.strip_prefix("egg="));
    if let Some(egg) = egg {
        return Some(normalize(&egg[..egg.find(|c| !is_name(c)).unwrap_or(egg.len())]));
    }
    let file = address.split(['?', ';', ' ']).next()?.rsplit('/').next()?;
    let (name, _) = file.strip_suffix(".whl")?.split_once('-')?;
    Some(normalize(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_every_form_of_requirement() {
        for (requirement, expected) in [
            ("Pandas>=2", Some("pandas")),
            ("zope.interface_x", Some("zope-interface-x")),
            ("redis[hiredis] ~= 5.0 ; python_version > '3'", Some("redis")),
            ("My_Lib @ git+https://host/repo@v1", Some("my-lib")),
            ("my-lib@https://host/a.whl", Some("my-lib")),
            ("git+https://host/repo@v1", None),
            ("git+https://host/repo@v1#egg=My.Lib[extra]&subdirectory=a", Some("my-lib")),
            ("https://user:pass@host/files/My_Lib-1.0-py3-none-any.whl#sha256=00", Some("my-lib")),
            ("https://host/my-lib-1.0.tar.gz", None),
            ("my-lib==${VERSION}", Some("my-lib")),
            ("${PACKAGE}==1", None),
            ("file:///wheels/six-1.0-py2.py3-none-any.whl", Some("six")),
        ] {
            assert_eq!(name_of(requirement).as_deref(), expected, "{requirement}");
        }
    }
}
