//! Variables in packages and indexes, which the install container fills in from its own environment.

use std::collections::BTreeSet;

use super::{Findings, Path, requirement, rule};
use crate::api::{KasprApp, PythonPackages};

/// What every container has.
const EVERYWHERE: [&str; 3] = ["HOME", "HOSTNAME", "PATH"];

/// What a container has where the app names credentials.
const CREDENTIALS: [&str; 2] = ["PYPI_USERNAME", "PYPI_PASSWORD"];

/// Variables must be there, if only in the image. `at` is the spec.
pub fn check(app: &KasprApp, at: &Path, found: &mut Findings) {
    let Some(packages) = &app.spec.python_packages else { return };
    let container = app.spec.template.iter().filter_map(|t| t.python_packages_init_container.as_ref());
    let given = container.flat_map(|container| container.env.iter().flatten());
    let mut known: BTreeSet<&str> = given.map(|variable| variable.name.as_str()).collect();
    known.extend(EVERYWHERE);
    if packages.credentials.is_some() {
        known.extend(CREDENTIALS);
    }
    for (text, at) in texts(packages, &at.child("pythonPackages")) {
        let names: BTreeSet<&str> = requirement::variables(text).collect();
        for name in names.difference(&known) {
            let why = format!(
                "names '${{{name}}}', which nothing gives to the install container unless its image does: add it to template.pythonPackagesInitContainer.env"
            );
            found.warn(rule::PACKAGE_VARIABLE, at.clone(), why);
        }
    }
}

/// Where variables are filled in.
fn texts<'a>(packages: &'a PythonPackages, at: &Path) -> Vec<(&'a str, Path)> {
    let PythonPackages { packages, index_url, extra_index_urls, .. } = packages;
    let extra = extra_index_urls.as_deref().unwrap_or_default();
    let listed = [(packages.as_slice(), "packages"), (extra, "extraIndexUrls")];
    let listed = listed.into_iter().flat_map(|(texts, field)| {
        let at = at.child(field);
        texts.iter().enumerate().map(move |(i, text)| (text.as_str(), at.index(i)))
    });
    listed.chain(index_url.iter().map(|url| (url.as_str(), at.child("indexUrl")))).collect()
}
