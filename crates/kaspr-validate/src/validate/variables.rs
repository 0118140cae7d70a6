//! Variables in packages and indexes, which the install container expands from its own environment.

use std::collections::BTreeSet;

use super::{findings::Findings, path::Path, requirement, rule};
use crate::{
    api::{
        KasprApp, PythonPackages,
        member_variables::{MEMBER_VARIABLES, PYTHONPATH},
    },
    install_contract::{PYPI_PASSWORD, PYPI_USERNAME},
};

/// Variables that every container has.
const ALWAYS_SET: [&str; 3] = ["HOME", "HOSTNAME", "PATH"];

/// Variables that the install container has if the app has credentials.
const CREDENTIALS: [&str; 2] = [PYPI_USERNAME, PYPI_PASSWORD];

/// Warns about variables that are not set, unless by the image. `at` is the path of the spec.
pub(super) fn check(app: &KasprApp, at: &Path, found: &mut Findings) {
    let Some(packages) = &app.spec.python_packages else { return };
    let container = app.spec.template.iter().filter_map(|t| t.python_packages_init_container.as_ref());
    let given = container.flat_map(|container| container.env.iter().flatten());
    let mut known: BTreeSet<&str> = given.map(|variable| variable.name.as_str()).collect();
    known.extend(ALWAYS_SET);
    if packages.credentials.is_some() {
        known.extend(CREDENTIALS);
    }
    for (text, at) in texts_with_variables(packages, &at.child("pythonPackages")) {
        let names: BTreeSet<&str> = requirement::variable_names(text).collect();
        for name in names.difference(&known) {
            let why = format!(
                "names '${{{name}}}', which is not set in the install container unless its image sets it: add it to template.pythonPackagesInitContainer.env"
            );
            found.warn(rule::PACKAGE_VARIABLE, at.clone(), why);
        }
    }
}

/// Warns about variables of the template that replace the operator's own. `at` is the path of the spec.
///
/// The packages stay in front of a literal PYTHONPATH, so that one replaces nothing.
pub(super) fn check_replaced(app: &KasprApp, at: &Path, found: &mut Findings) {
    let template = app.spec.template.as_ref().and_then(|template| template.kaspr_container.as_ref());
    let at = at.child("template").child("kasprContainer").child("env");
    for (i, variable) in template.iter().flat_map(|container| container.env.iter().flatten()).enumerate() {
        let name = variable.name.as_str();
        let hides_packages =
            name == PYTHONPATH && variable.value_from.is_some() && app.spec.python_packages.is_some();
        let has_login = app.spec.login().is_some() || app.spec.tls.is_some();
        let is_set = MEMBER_VARIABLES.contains(&name)
            && (has_login || !name.starts_with("K_KAFKA_AUTH_") && name != "K_KAFKA_SASL_MECHANISM");
        if is_set || hides_packages {
            let text = format!("replaces the operator's {name}");
            found.warn_shortened(rule::ENVIRONMENT_REPLACED, at.index(i).child("name"), &text);
        }
    }
}

/// Returns the texts in which variables are expanded, with their paths.
fn texts_with_variables<'a>(packages: &'a PythonPackages, at: &Path) -> Vec<(&'a str, Path)> {
    let PythonPackages { packages, index_url, extra_index_urls, .. } = packages;
    let extra = extra_index_urls.as_deref().unwrap_or_default();
    let listed = [(packages.as_slice(), "packages"), (extra, "extraIndexUrls")];
    let listed = listed.into_iter().flat_map(|(texts, field)| {
        let at = at.child(field);
        texts.iter().enumerate().map(move |(i, text)| (text.as_str(), at.index(i)))
    });
    listed.chain(index_url.iter().map(|url| (url.as_str(), at.child("indexUrl")))).collect()
}
