//! Errors of indexes: their types, and the advice in their messages.

use std::time::{Duration, Instant};

use kaspr_operator::api::{InstallErrorType, PackageSource};

use crate::{
    index::{Index, PASSWORD, USER},
    installer::{TOOLS, Tool, Volume},
    shims,
    wheels::Wheel,
};

const SMALL: Wheel = Wheel::new("kaspr-small", "1.0");
const NEWER: Wheel = Wheel::new("kaspr-small", "2.0");
const ONE: Wheel = Wheel { requires: &["kaspr-small==1.0"], ..Wheel::new("kaspr-one", "1.0") };
const TWO: Wheel = Wheel { requires: &["kaspr-small==2.0"], ..Wheel::new("kaspr-two", "1.0") };

fn index() -> Index {
    Index::new(&[SMALL, NEWER, ONE, TWO])
}

#[test]
fn each_error_has_its_type_and_its_advice() {
    use InstallErrorType::{Authentication, HashMismatch, Network, PackageNotFound, Unknown};
    let index = index();
    let cases: [(&str, &[&str], InstallErrorType, &str); 9] = [
        ("open", &["kaspr-none"], PackageNotFound, "check names, versions and indexUrl"),
        ("open", &["kaspr-small==9"], PackageNotFound, "check names, versions and indexUrl"),
        ("missing", &["kaspr-small"], PackageNotFound, "check names, versions and indexUrl"),
        ("mismatch", &["kaspr-small"], HashMismatch, "does not match the hash in its index"),
        ("auth", &["kaspr-small"], Authentication, "check the Secret of credentials.secretRef"),
        ("forbidden", &["kaspr-small"], Authentication, "check the Secret of credentials.secretRef"),
        ("broken", &["kaspr-small"], Network, "is unreachable"),
        ("cut", &["kaspr-small"], Network, "is unreachable"),
        ("open", &["kaspr-one", "kaspr-two"], Unknown, "the versions of the packages conflict"),
    ];
    for tool in TOOLS {
        for (mode, packages, kind, advice) in cases {
            let volume = Volume::new();
            let container = volume.container("app-0", "errors", tool, packages);
            let outcome = container.env("INDEX_URL", index.url(mode)).env("TRUSTED_HOSTS", "127.0.0.1").run();
            let what = format!("{tool:?}, {mode}, {packages:?}");
            assert!(!outcome.starts, "{what}: {}", outcome.log);
            assert_eq!(outcome.report.error_type, Some(kind), "{what}: {}", outcome.log);
            let message = outcome.report.message.unwrap_or_default();
            assert!(message.contains(advice), "{what}: {message}");
            assert_eq!(volume.names("sets"), ["empty"], "{what}: no incomplete set");
            assert_eq!(volume.names("staging"), Vec::<String>::new(), "{what}");
        }
    }
}

#[test]
fn with_several_indexes_a_refusal_is_reported() {
    let index = index();
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "several", tool, &["kaspr-none"]);
        let outcome =
            container.env("INDEX_URL", index.url("open")).env("EXTRA_INDEX_URLS", index.url("auth")).run();
        assert_eq!(
            outcome.report.error_type,
            Some(InstallErrorType::Authentication),
            "{tool:?}: {}",
            outcome.log
        );
    }
}

#[test]
fn a_killed_compiler_does_not_prevent_the_start() {
    let (index, volume) = (index(), Volume::new());
    let folder = tempfile::tempdir().expect("a directory");
    let script = "case \"$*\" in *compileall*) kill -9 $$;; esac";
    let container = volume.container("app-0", "killed-compiler", Tool::Uv, &["kaspr-small"]);
    let container = container.env("PYTHON", shims::wrap_python(folder.path(), script));
    let outcome = container.env("INDEX_URL", index.url("open")).run();
    outcome.assert_from(PackageSource::Index);
    let warnings = outcome.report.warnings.join("\n");
    assert!(warnings.contains("raise pythonPackages.resources"), "{warnings}");
    assert_eq!(volume.python("app-0", "import kaspr_small; print('works')"), "works");
}

#[test]
fn an_index_without_a_server_is_a_network_error() {
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "no-server", tool, &["kaspr-small"]);
        let outcome = container.env("INDEX_URL", "http://127.0.0.1:9/simple").run();
        assert_eq!(outcome.report.error_type, Some(InstallErrorType::Network), "{tool:?}: {}", outcome.log);
    }
}

#[test]
fn the_deadline_is_the_timeout_for_each_retry() {
    let index = index();
    for tool in TOOLS {
        let volume = Volume::new();
        let begun = Instant::now();
        let container = volume.container("app-0", "slow", tool, &["kaspr-small"]);
        let outcome = container
            .env("INDEX_URL", index.url("slow"))
            .env("INSTALL_TIMEOUT", "2")
            .env("INSTALL_RETRIES", "2")
            .run();
        assert_eq!(outcome.report.error_type, Some(InstallErrorType::Timeout), "{tool:?}: {}", outcome.log);
        // The index answers after two minutes; the tools give up after half of one.
        assert!(begun.elapsed() < Duration::from_secs(25), "{tool:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_transient_error_is_retried() {
    for tool in TOOLS {
        let index = index();
        let volume = Volume::new();
        let container = volume.container("app-0", "flaky", tool, &["kaspr-small==1.0"]);
        let outcome = container.env("INDEX_URL", index.url("flaky")).env("INSTALL_RETRIES", "5").run();
        outcome.assert_from(PackageSource::Index);
        assert!(outcome.report.retries >= 1, "{tool:?}: {}", outcome.log);
        // A permanent error is not retried.
        let begun = Instant::now();
        let container = volume.container("app-0", "never", tool, &["kaspr-none"]);
        let outcome = container.env("INDEX_URL", index.url("open")).env("INSTALL_RETRIES", "50").run();
        assert_eq!(outcome.report.retries, 0, "{}", outcome.log);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_policy_may_allow_a_start_without_packages() {
    let index = index();
    for policy in ["allow", "warn"] {
        let volume = Volume::new();
        let container = volume.container("app-0", "none", Tool::Uv, &["kaspr-none"]);
        let outcome = container.env("INDEX_URL", index.url("open")).env("INSTALL_ON_FAILURE", policy).run();
        assert!(outcome.starts, "{}", outcome.log);
        assert_eq!(outcome.report.error_type, Some(InstallErrorType::PackageNotFound));
        assert_eq!(outcome.report.source, Some(PackageSource::Nowhere));
        assert!(outcome.report.warnings.iter().any(|w| w.contains("starts without its packages")));
        assert_eq!(
            volume.names("members/app-0"),
            Vec::<String>::new(),
            "there is an empty directory to mount"
        );
    }
}

#[test]
fn hosts_are_trusted_by_name_only() {
    let index = index();
    let host = index.secured();
    for tool in TOOLS {
        let volume = Volume::new();
        let start = |trusted: &str| {
            let container = volume.container("app-0", "trusted", tool, &["kaspr-small==1.0"]);
            let container = container.env("INDEX_URL", format!("https://{host}/open/simple"));
            container.env("TRUSTED_HOSTS", trusted).env("INSTALL_RETRIES", "0").run()
        };
        let outcome = start("example.com");
        assert_eq!(outcome.report.error_type, Some(InstallErrorType::Network), "{tool:?}: {}", outcome.log);
        let message = outcome.report.message.unwrap_or_default();
        assert!(message.contains("trustedHosts accepts any certificate"), "{tool:?}: {message}");
        start(&host).assert_from(PackageSource::Index);
    }
}

#[test]
fn a_package_may_be_only_in_an_extra_index() {
    const ELSEWHERE: Wheel = Wheel::new("kaspr-elsewhere", "2.0");
    let (index, extra) = (index(), Index::new(&[ELSEWHERE]));
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "both", tool, &["kaspr-small==1.0", "kaspr-elsewhere"]);
        let container = container.env("INDEX_URL", index.url("open"));
        let outcome = container.env("EXTRA_INDEX_URLS", extra.url("open")).run();
        outcome.assert_from(PackageSource::Index);
        assert_eq!(outcome.report.installed, ["kaspr-elsewhere==2.0", "kaspr-small==1.0"], "{tool:?}");
        // A dependency comes after the requested package, which sorts after it.
        let volume = Volume::new();
        let container = volume.container("app-0", "first", tool, &["kaspr_two"]);
        let outcome = container.env("INDEX_URL", index.url("open")).run();
        assert_eq!(outcome.report.installed, ["kaspr-two==1.0", "kaspr-small==2.0"], "{tool:?}");
    }
}

#[test]
fn both_tools_install_the_same() {
    let index = index();
    let installed = TOOLS.map(|tool| {
        let volume = Volume::new();
        let container = volume.container("app-0", "same", tool, &["kaspr-one", "kaspr-small"]);
        let outcome = container
            // The newer one is in the first index, the one that fits in both.
            .env("INDEX_URL", index.url("open"))
            .env("EXTRA_INDEX_URLS", format!("{},{}", index.url("auth"), index.url("open")))
            .env("PYPI_USERNAME", USER)
            .env("PYPI_PASSWORD", PASSWORD)
            .run();
        outcome.assert_from(PackageSource::Index);
        assert_eq!(volume.python("app-0", "import kaspr_small; print(kaspr_small.VERSION)"), "1.0");
        (outcome.report.installed, set_files(&volume))
    });
    assert_eq!(installed[0].0, ["kaspr-one==1.0", "kaspr-small==1.0"]);
    assert_eq!(installed[0], installed[1]);
}

/// Lists the files of a volume's set, except those in which tools record themselves.
fn set_files(volume: &Volume) -> Vec<String> {
    let root = volume.root().join("members/app-0");
    let root = root.canonicalize().expect("a set");
    let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().flatten();
    let files = walk.filter(|entry| entry.file_type().is_file());
    let names = files.map(|entry| entry.path().strip_prefix(&root).expect("inside").display().to_string());
    names.filter(|name| !name.ends_with("INSTALLER") && !name.ends_with("uv_cache.json")).collect()
}
