//! What goes wrong with indexes: the published operator's word for it, and what to do.

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
    Index::with(&[SMALL, NEWER, ONE, TWO])
}

#[test]
fn each_failure_has_its_word_and_its_cure() {
    use InstallErrorType::{Authentication, HashMismatch, Network, PackageNotFound, Unknown};
    let index = index();
    let cases: [(&str, &[&str], InstallErrorType, &str); 9] = [
        ("open", &["kaspr-none"], PackageNotFound, "check names, versions and indexUrl"),
        ("open", &["kaspr-small==9"], PackageNotFound, "check names, versions and indexUrl"),
        ("missing", &["kaspr-small"], PackageNotFound, "check names, versions and indexUrl"),
        ("mismatch", &["kaspr-small"], HashMismatch, "not the one that its index promised"),
        ("auth", &["kaspr-small"], Authentication, "check the Secret of credentials.secretRef"),
        ("forbidden", &["kaspr-small"], Authentication, "check the Secret of credentials.secretRef"),
        ("broken", &["kaspr-small"], Network, "could not be reached"),
        ("cut", &["kaspr-small"], Network, "could not be reached"),
        ("open", &["kaspr-one", "kaspr-two"], Unknown, "versions contradict each other"),
    ];
    for tool in TOOLS {
        for (mood, packages, kind, advice) in cases {
            let volume = Volume::new();
            let container = volume.container("app-0", "errors", tool, packages);
            let ended = container.env("INDEX_URL", index.url(mood)).env("TRUSTED_HOSTS", "127.0.0.1").run();
            let what = format!("{tool:?}, {mood}, {packages:?}");
            assert!(!ended.starts, "{what}: {}", ended.log);
            assert_eq!(ended.report.error_type, Some(kind), "{what}: {}", ended.log);
            let message = ended.report.message.unwrap_or_default();
            assert!(message.contains(advice), "{what}: {message}");
            assert_eq!(volume.names("sets"), ["empty"], "{what}: nothing half made");
            assert_eq!(volume.names("staging"), Vec::<String>::new(), "{what}");
        }
    }
}

#[test]
fn of_several_indexes_the_one_that_refuses_is_told() {
    let index = index();
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "several", tool, &["kaspr-none"]);
        let ended =
            container.env("INDEX_URL", index.url("open")).env("EXTRA_INDEX_URLS", index.url("auth")).run();
        assert_eq!(
            ended.report.error_type,
            Some(InstallErrorType::Authentication),
            "{tool:?}: {}",
            ended.log
        );
    }
}

#[test]
fn a_compiler_that_is_killed_keeps_nobody_from_starting() {
    let (index, volume) = (index(), Volume::new());
    let folder = tempfile::tempdir().expect("a folder");
    let script = "case \"$*\" in *compileall*) kill -9 $$;; esac";
    let container = volume.container("app-0", "killed-compiler", Tool::Uv, &["kaspr-small"]);
    let container = container.env("PYTHON", shims::before_python(folder.path(), script));
    let ended = container.env("INDEX_URL", index.url("open")).run();
    ended.is_from(PackageSource::Index);
    let warnings = ended.report.warnings.join("\n");
    assert!(warnings.contains("raise pythonPackages.resources"), "{warnings}");
    assert_eq!(volume.python("app-0", "import kaspr_small; print('works')"), "works");
}

#[test]
fn an_index_that_nobody_runs_is_a_network_failure() {
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "nobody", tool, &["kaspr-small"]);
        let ended = container.env("INDEX_URL", "http://127.0.0.1:9/simple").run();
        assert_eq!(ended.report.error_type, Some(InstallErrorType::Network), "{tool:?}: {}", ended.log);
    }
}

#[test]
fn the_time_is_one_for_all_tries() {
    let index = index();
    for tool in TOOLS {
        let volume = Volume::new();
        let begun = Instant::now();
        let container = volume.container("app-0", "slow", tool, &["kaspr-small"]);
        let ended = container
            .env("INDEX_URL", index.url("slow"))
            .env("INSTALL_TIMEOUT", "3")
            .env("INSTALL_RETRIES", "50")
            .run();
        assert_eq!(ended.report.error_type, Some(InstallErrorType::Timeout), "{tool:?}: {}", ended.log);
        // The index answers after two minutes; the tools give up after half of one.
        assert!(begun.elapsed() < Duration::from_secs(25), "{tool:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn what_may_pass_is_tried_again() {
    for tool in TOOLS {
        let index = index();
        let volume = Volume::new();
        let container = volume.container("app-0", "flaky", tool, &["kaspr-small==1.0"]);
        let ended = container.env("INDEX_URL", index.url("flaky")).env("INSTALL_RETRIES", "5").run();
        ended.is_from(PackageSource::Index);
        assert!(ended.report.retries >= 1, "{tool:?}: {}", ended.log);
        // What can't pass is not.
        let begun = Instant::now();
        let container = volume.container("app-0", "never", tool, &["kaspr-none"]);
        let ended = container.env("INDEX_URL", index.url("open")).env("INSTALL_RETRIES", "50").run();
        assert_eq!(ended.report.retries, 0, "{}", ended.log);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_policy_may_let_the_member_start_without() {
    let index = index();
    for policy in ["allow", "warn"] {
        let volume = Volume::new();
        let container = volume.container("app-0", "none", Tool::Uv, &["kaspr-none"]);
        let ended = container.env("INDEX_URL", index.url("open")).env("INSTALL_ON_FAILURE", policy).run();
        assert!(ended.starts, "{}", ended.log);
        assert_eq!(ended.report.error_type, Some(InstallErrorType::PackageNotFound));
        assert_eq!(ended.report.source, Some(PackageSource::Nowhere));
        assert!(ended.report.warnings.iter().any(|w| w.contains("starts without its packages")));
        assert_eq!(volume.names("members/app-0"), Vec::<String>::new(), "an empty folder is there to mount");
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
        let ended = start("example.com");
        assert_eq!(ended.report.error_type, Some(InstallErrorType::Network), "{tool:?}: {}", ended.log);
        let message = ended.report.message.unwrap_or_default();
        assert!(message.contains("for a certificate of your own, trustedHosts"), "{tool:?}: {message}");
        start(&host).is_from(PackageSource::Index);
    }
}

#[test]
fn a_package_may_be_in_a_further_index_alone() {
    const ELSEWHERE: Wheel = Wheel::new("kaspr-elsewhere", "2.0");
    let (index, further) = (index(), Index::with(&[ELSEWHERE]));
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "both", tool, &["kaspr-small==1.0", "kaspr-elsewhere"]);
        let container = container.env("INDEX_URL", index.url("open"));
        let ended = container.env("EXTRA_INDEX_URLS", further.url("open")).run();
        ended.is_from(PackageSource::Index);
        assert_eq!(ended.report.installed, ["kaspr-elsewhere==2.0", "kaspr-small==1.0"], "{tool:?}");
    }
}

#[test]
fn both_tools_give_the_same() {
    let index = index();
    let installed = TOOLS.map(|tool| {
        let volume = Volume::new();
        let container = volume.container("app-0", "same", tool, &["kaspr-one", "kaspr-small"]);
        let ended = container
            // The newer one is in the first index, the one that fits in both.
            .env("INDEX_URL", index.url("open"))
            .env("EXTRA_INDEX_URLS", format!("{},{}", index.url("auth"), index.url("open")))
            .env("PYPI_USERNAME", USER)
            .env("PYPI_PASSWORD", PASSWORD)
            .run();
        ended.is_from(PackageSource::Index);
        assert_eq!(volume.python("app-0", "import kaspr_small; print(kaspr_small.VERSION)"), "1.0");
        (ended.report.installed, files(&volume))
    });
    assert_eq!(installed[0].0, ["kaspr-one==1.0", "kaspr-small==1.0"]);
    assert_eq!(installed[0], installed[1]);
}

/// The files of a volume's set, but for what tools note about themselves.
fn files(volume: &Volume) -> Vec<String> {
    let root = volume.root().join("members/app-0");
    let root = root.canonicalize().expect("a set");
    let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().flatten();
    let files = walk.filter(|entry| entry.file_type().is_file());
    let names = files.map(|entry| entry.path().strip_prefix(&root).expect("inside").display().to_string());
    names.filter(|name| !name.ends_with("INSTALLER") && !name.ends_with("uv_cache.json")).collect()
}
