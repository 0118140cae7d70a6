//! The distributions that requirements name, to find out whether a set holds them.

use std::path::Path;

use super::dist_info;
use crate::api::distribution::{name_of, normalize};

/// Returns the names of requested distributions that are not in a set. A requirement with a marker may be for another
/// platform, so its distribution may be absent. A set without any distribution lacks all of them.
pub(crate) fn find_missing(packages: &[String], folder: &Path) -> Vec<String> {
    let installed: Vec<String> =
        dist_info::distributions(folder).iter().map(|found| normalize(&found.name)).collect();
    let unconditional = || packages.iter().filter(|package| !has_marker(package));
    let missing: Vec<String> = unconditional()
        .filter_map(|package| name_of(package))
        .filter(|name| !installed.contains(name))
        .collect();
    if missing.is_empty() && installed.is_empty() && unconditional().next().is_some() {
        return vec!["every package".to_owned()];
    }
    missing
}

/// Lists the packages of a set with their versions, requested packages before their dependencies. The tools leave no
/// reliable mark: uv marks every package as requested.
pub(crate) fn list_packages(packages: &[String], folder: &Path) -> Vec<String> {
    let has_unnamed = packages.iter().any(|package| name_of(package).is_none());
    let mut found = dist_info::distributions(folder);
    // Packages from addresses without a name are requested too; hardly any dependency comes from an address.
    found.sort_by_key(|found| !(has_unnamed && found.is_direct));
    let found = found.into_iter().map(|found| format!("{}=={}", found.name, found.version)).collect();
    requested_first(packages, found)
}

/// Moves requested packages to the front of a list. The list of a set that an earlier version installed may have
/// another order.
pub(crate) fn requested_first(packages: &[String], mut installed: Vec<String>) -> Vec<String> {
    let requested: Vec<String> = packages.iter().filter_map(|package| name_of(package)).collect();
    installed.sort_by_cached_key(|package| {
        let name = package.split_once("==").map_or(package.as_str(), |(name, _)| name);
        !requested.contains(&normalize(name))
    });
    installed
}

/// An address may contain a semicolon too, but not before a space.
fn has_marker(requirement: &str) -> bool {
    let is_address = requirement.contains("://");
    if is_address {
        requirement.contains(" ;") || requirement.contains("; ")
    } else {
        requirement.contains(';')
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_set_lacks_what_it_does_not_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = |packages: &[&str]| {
            let packages: Vec<String> = packages.iter().map(|package| (*package).to_owned()).collect();
            find_missing(&packages, folder.path()).join(" ")
        };
        assert_eq!(missing(&["git+https://host/repo"]), "every package");
        assert_eq!(missing(&["six; sys_platform == 'win32'"]), "");
        let info = folder.path().join("My_Lib-1.0.dist-info");
        fs::create_dir(&info).expect("a directory");
        fs::write(info.join("METADATA"), "Metadata-Version: 2.1\nName: My_Lib\nVersion: 1.0\n")
            .expect("written");
        for dependency in ["another", "direct"] {
            let info = folder.path().join(format!("{dependency}-2.dist-info"));
            fs::create_dir(&info).expect("a directory");
            fs::write(info.join("METADATA"), format!("Name: {dependency}\nVersion: 2\n")).expect("written");
        }
        fs::write(folder.path().join("direct-2.dist-info/direct_url.json"), "{}").expect("written");
        let list = |package: &str| list_packages(&[package.to_owned()], folder.path()).join(" ");
        assert_eq!(list("my.lib"), "My_Lib==1.0 another==2 direct==2");
        assert_eq!(list("git+https://host/repo"), "direct==2 My_Lib==1.0 another==2");
        assert_eq!(missing(&["my.lib", "six>=1", "git+https://host/repo"]), "six");
    }
}
