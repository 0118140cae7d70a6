use super::{APP, assert_accepted, assert_errors, assert_warnings, parse_yaml};
use crate::{
    api::KasprApp,
    validate::{Path, Validate, requirement, shared},
};

const ALLOWED: &str =
    "must be a requirement such as 'pandas>=2', or a direct reference such as 'git+https://host/repo@v1'";
const NAME: &str = "must start with a name that starts and ends with a letter or digit, such as 'pandas>=2'";
const DOLLAR: &str = "must not contain '$' other than in '${NAME}', a variable of the install container";

fn with_packages() -> String {
    let env = ["TOKEN", "HOST", "PORT"].map(|name| format!("{{name: {name}, value: a}}")).join(", ");
    let template = format!("  template: {{pythonPackagesInitContainer: {{env: [{env}]}}}}\n");
    format!("{APP}  pythonPackages: {{packages: [requests]}}\n{template}")
}

#[test]
fn valid_requirements() {
    for text in [
        "requests",
        "requests>=2.31,<3",
        "pandas==2.2.*",
        "pandas ~= 2.2",
        "numpy!=1.26.0",
        "foo (>=1)",
        "scipy[dev,test]>=1",
        "Zope.Interface",
        "importlib-metadata>=4; python_version<\"3.8\"",
        "pywin32 ; sys_platform == 'win32' and (python_version >= '3.9' or extra == 'x')",
        "https://host/pkg-1.0-py3-none-any.whl",
        "http://host:8080/pkg.tar.gz#sha256=00",
        "file:///wheels/pkg.whl",
        "https://${TOKEN}@host/pkg.whl",
        "https://${USER}:${PASSWORD}@host:${PORT}/pkg-${VERSION}.whl",
        "pkg==${VERSION}",
        "${NAME}",
        "git+https://host/org/repo.git",
        "git+https://host/org/repo.git@v1.2#egg=lib&subdirectory=python",
        "git+https://${TOKEN}@host/org/repo",
        "git+ssh://git@host/org/repo.git@main",
        "git+file:///srv/repo",
        "git+git://host/repo",
        "hg+https://host/repo",
        "svn+https://host/repo",
        "bzr+https://host/repo",
        "pkg @ https://host/pkg.whl",
        "pkg@https://host/pkg.whl",
        "pkg[extra] @ git+https://host/repo@v1 ; python_version >= '3.11'",
        "pkg @ file:///wheels/pkg.whl",
    ] {
        assert_eq!(requirement::check(text), Ok(()), "{text}");
    }
}

#[test]
fn invalid_requirements() {
    let long = "a".repeat(4097);
    let deep = format!("a; {}python_version>'3'", "(".repeat(1000));
    let wide = format!("a; {}", vec!["extra=='a'"; 40].join(" or "));
    let table = [
        ("", ALLOWED.to_owned()),
        (" requests", "must not start or end with a space".to_owned()),
        ("-r requirements.txt", format!("{ALLOWED}: options of pip are not allowed")),
        ("--index-url=https://host", format!("{ALLOWED}: options of pip are not allowed")),
        ("a`id`", "must not contain '`', '\\' or control characters".to_owned()),
        ("a\nb", "must not contain '`', '\\' or control characters".to_owned()),
        ("https://x/$(id)", DOLLAR.to_owned()),
        ("https://x/${1}", DOLLAR.to_owned()),
        ("https://x/${A", DOLLAR.to_owned()),
        ("https://x/a;id", "must not contain ';' in a URL: write it percent-encoded".to_owned()),
        ("https://x/a b", "must not contain ' ' in a URL: write it percent-encoded".to_owned()),
        ("pkg @ https://x/a|b", "must not contain '|' in a URL: write it percent-encoded".to_owned()),
        ("git@host:org/repo", "must be written as 'git+ssh://git@host/org/repo'".to_owned()),
        ("git+git@host:org/repo", "must be written as 'git+ssh://git@host/org/repo'".to_owned()),
        ("ssh://git@host/repo", "must start with 'git+ssh://'".to_owned()),
        ("pkg @ git://host/repo", "must start with 'git+git://'".to_owned()),
        ("ftp://host/a.whl", "must use one of http, https, ssh, git and file, not 'ftp'".to_owned()),
        ("git+https://", "must contain a URL: empty host".to_owned()),
        ("git+ssh:///repo", "must name a host".to_owned()),
        ("pkg>=1 @ https://host/a.whl", "must not have both a version and a URL".to_owned()),
        ("pkg @ ../wheels/a.whl", "must contain a URL after '@', such as 'https://host/package.whl'".to_owned()),
        ("./wheels/a.whl", "must be a URL when it is a file: 'https://host/package.whl' or 'file:///path/package.whl'".to_owned()),
        ("a-1.0.tar.gz", "must be a URL when it is a file: 'https://host/package.whl' or 'file:///path/package.whl'".to_owned()),
        ("@ https://host/a.whl", NAME.to_owned()),
        ("requests>=2 é", "must not contain 'é': only ASCII is allowed".to_owned()),
        ("0.+", NAME.to_owned()),
        (">=2", NAME.to_owned()),
        ("a[b-]", NAME.to_owned()),
        ("requests pandas", "must be a requirement such as 'pandas>=2': Expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `p`".to_owned()),
        ("requests=2", "must be a requirement such as 'pandas>=2': no such comparison operator \"=\", must be one of ~= == != <= >= < > ===".to_owned()),
        ("requests>=two", "must be a requirement such as 'pandas>=2': expected version to start with a number, but no leading ASCII digits were found".to_owned()),
        ("requests; python > '3'", "must be a requirement such as 'pandas>=2': Expected a quoted string or a valid marker name, found `python`".to_owned()),
        ("package@1.0", "must contain a URL after '@', such as 'https://host/package.whl'".to_owned()),
        (&long, "must have at most 4096 characters".to_owned()),
        (&deep, "must have at most 16 conditions in its marker".to_owned()),
        (&wide, "must have at most 16 conditions in its marker".to_owned()),
    ];
    for (text, expected) in table {
        assert_eq!(requirement::check(text), Err(expected), "{text}");
    }
}

#[test]
fn passwords_are_masked() {
    for (text, expected) in [
        ("https://user:s3cret@host/simple", "https://***@host/simple"),
        ("https://s3cret@host/simple", "https://***@host/simple"),
        ("https://user:s3/c@ret@host/simple", "https://***@host/simple"),
        ("https://user:80/s3cret@host/simple", "https://***@host/simple"),
        ("https://s3cret/x@host/simple", "https://***@host/simple"),
        ("pkg @ git+https://user:s3cret@host/repo@v1", "pkg @ git+https://***@v1"),
        ("https:/user:s3cret@host/simple", "***@host/simple"),
        ("user:s3cret@host", "***@host"),
        ("s3cret@host/simple", "***@host/simple"),
        ("git+https://git.example.com/org/repo@v1$(id)", "git+https://git.example.com/org/repo@v1$(id)"),
        ("package@1.0", "package@1.0"),
        ("package[extra]@v2", "package[extra]@v2"),
        ("https://host/$(id)", "https://host/$(id)"),
    ] {
        assert_eq!(shared::without_password(text), expected, "{text}");
    }
}

#[test]
fn packages_and_indexes() {
    const INDEX: &str = "must be a URL without spaces, commas and shell characters";
    assert_errors::<KasprApp>(
        &with_packages(),
        &[
            (
                "spec: {pythonPackages: {packages: []}}",
                "spec.pythonPackages.packages: Required value: must name at least one package",
            ),
            (
                "spec: {pythonPackages: {packages: [requests, 'git+https://me:s3cret@host/a b']}}",
                "spec.pythonPackages.packages[1]: Invalid value: \"git+https://***@host/a b\": must not contain ' ' in a URL: write it percent-encoded",
            ),
            (
                "spec: {pythonPackages: {indexUrl: pypi.example.com/simple}}",
                "spec.pythonPackages.indexUrl: Invalid value: \"pypi.example.com/simple\": must start with 'http://' or 'https://'",
            ),
            (
                "spec: {pythonPackages: {indexUrl: 'ftp://host/simple'}}",
                "spec.pythonPackages.indexUrl: Invalid value: \"ftp://host/simple\": must start with 'http://' or 'https://'",
            ),
            (
                "spec: {pythonPackages: {indexUrl: 'https://me:s3cret@host/$(id)'}}",
                &format!("spec.pythonPackages.indexUrl: Invalid value: \"https://***@host/$(id)\": {DOLLAR}"),
            ),
            (
                "spec: {pythonPackages: {indexUrl: 'https://'}}",
                "spec.pythonPackages.indexUrl: Invalid value: \"https://\": must be a URL: empty host",
            ),
            (
                "spec: {pythonPackages: {extraIndexUrls: ['https://a/simple', 'https://b/a b']}}",
                &format!("spec.pythonPackages.extraIndexUrls[1]: Invalid value: \"https://b/a b\": {INDEX}"),
            ),
            (
                "spec: {pythonPackages: {extraIndexUrls: ['https://a/simple,https://b/simple']}}",
                &format!(
                    "spec.pythonPackages.extraIndexUrls[0]: Invalid value: \"https://a/simple,https://b/simple\": {INDEX}"
                ),
            ),
            (
                "spec: {pythonPackages: {caSecret: {secretName: ''}}}",
                "spec.pythonPackages.caSecret.secretName: Required value: must name a Secret in the app's namespace",
            ),
            (
                "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: abc, workloadIdentity: true, caSecret: {secretName: ca, key: a/b}}}}}",
                "spec.pythonPackages.cache.s3.caSecret.key: Invalid value: \"a/b\": must be a key of a Secret: letters, digits, '-', '_' and '.'",
            ),
            (
                "spec: {pythonPackages: {trustedHosts: ['https://host']}}",
                "spec.pythonPackages.trustedHosts[0]: Invalid value: \"https://host\": must be a host or host:port without a scheme",
            ),
            (
                "spec: {pythonPackages: {trustedHosts: ['host/simple']}}",
                "spec.pythonPackages.trustedHosts[0]: Invalid value: \"host/simple\": must be a host or host:port",
            ),
            (
                "spec: {pythonPackages: {trustedHosts: ['host:http']}}",
                "spec.pythonPackages.trustedHosts[0]: Invalid value: \"host:http\": must have a port from 1 to 65535",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        &with_packages(),
        &[
            "spec: {pythonPackages: {indexUrl: 'https://pypi.example.com/simple', extraIndexUrls: ['https://${TOKEN}@b/simple/']}}",
            "spec: {pythonPackages: {indexUrl: 'https://${HOST}:${PORT}/simple', trustedHosts: [host, 'host:8443', '10.0.0.1', '[::1]:8080']}}",
            "spec: {pythonPackages: {indexUrl: 'http://Host/simple', trustedHosts: [HOST]}}",
            "spec: {pythonPackages: {indexUrl: 'http://host:8080/simple', trustedHosts: ['host:8080']}}",
            "spec: {pythonPackages: {packages: ['git+ssh://git@host/org/repo']}}",
            "spec: {pythonPackages: {caSecret: {secretName: ca}}}",
        ],
    );
}

#[test]
fn package_warnings() {
    const PASSWORD: &str = "contains a password in clear text: use credentials or '${NAME}'";
    const HTTP: &str = "is not encrypted: pip uses it only if its host is in trustedHosts";
    assert_warnings::<KasprApp>(
        &with_packages(),
        &[
            (
                "spec: {pythonPackages: {indexUrl: 'https://me:s3cret@host/simple'}}",
                &format!("spec.pythonPackages.indexUrl: {PASSWORD}"),
            ),
            (
                "spec: {pythonPackages: {extraIndexUrls: ['https://token@host/simple']}}",
                &format!("spec.pythonPackages.extraIndexUrls[0]: {PASSWORD}"),
            ),
            (
                "spec: {pythonPackages: {packages: ['git+https://token@host/repo']}}",
                &format!("spec.pythonPackages.packages[0]: {PASSWORD}"),
            ),
            (
                "spec: {pythonPackages: {indexUrl: 'http://host/simple'}}",
                &format!("spec.pythonPackages.indexUrl: {HTTP}"),
            ),
            (
                "spec: {pythonPackages: {indexUrl: 'http://host:80/simple', trustedHosts: ['host:8080']}}",
                &format!("spec.pythonPackages.indexUrl: {HTTP}"),
            ),
            (
                "spec: {pythonPackages: {credentials: {secretRef: {name: pypi}}}}",
                "spec.pythonPackages.credentials: has no effect without indexUrl or extraIndexUrls",
            ),
            (
                "spec: {pythonPackages: {cache: {type: pvc, gcs: {bucket: a, secretRef: {name: b}}}}}",
                "spec.pythonPackages.cache.gcs: has no effect unless type is 'gcs'",
            ),
            (
                "spec: {pythonPackages: {cache: {type: gcs, enabled: true, gcs: {bucket: abc, secretRef: {name: b}}}}}",
                "spec.pythonPackages.cache.enabled: has no effect when type is 'gcs'",
            ),
        ],
    );
}

#[test]
fn credentials_policy_and_resources() {
    assert_errors::<KasprApp>(
        &format!(
            "{APP}  pythonPackages: {{packages: [requests], indexUrl: 'https://host/simple', credentials: {{secretRef: {{name: pypi}}}}}}\n"
        ),
        &[
            (
                "spec: {pythonPackages: {credentials: {secretRef: {name: ''}}}}",
                "spec.pythonPackages.credentials.secretRef.name: Required value: must name a Secret in the app's namespace",
            ),
            (
                "spec: {pythonPackages: {credentials: {secretRef: {usernameKey: a b}}}}",
                "spec.pythonPackages.credentials.secretRef.usernameKey: Invalid value: \"a b\": must be a key of a Secret: letters, digits, '-', '_' and '.'",
            ),
            (
                "spec: {pythonPackages: {credentials: {secretRef: {passwordKey: ''}}}}",
                "spec.pythonPackages.credentials.secretRef.passwordKey: Required value: must name a key of the Secret",
            ),
            (
                "spec: {pythonPackages: {installPolicy: {retries: -1}}}",
                "spec.pythonPackages.installPolicy.retries: Invalid value: -1: must be 0 or more",
            ),
            (
                "spec: {pythonPackages: {installPolicy: {timeout: 59}}}",
                "spec.pythonPackages.installPolicy.timeout: Invalid value: 59: must be 60 seconds or more",
            ),
            (
                "spec: {pythonPackages: {resources: {limits: {memory: lots}}}}",
                "spec.pythonPackages.resources.limits[memory]: Invalid value: \"lots\": must be a quantity, such as '250m' or '512Mi'",
            ),
        ],
    );
}

#[test]
fn caches() {
    const CLASS: &str = "must be the name of a StorageClass: lower-case letters, digits, '-' and '.'";
    const BUCKET: &str = "must be 3 to 63 lower-case letters, digits, '-', '_' or '.', and start and end with a letter or digit";
    const QUANTITY: &str = "must be a quantity, such as '500Mi' or '10Gi'";
    assert_errors::<KasprApp>(
        &with_packages(),
        &[
            (
                "spec: {pythonPackages: {cache: {size: big}}}",
                &format!("spec.pythonPackages.cache.size: Invalid value: \"big\": {QUANTITY}"),
            ),
            (
                "spec: {pythonPackages: {cache: {size: 0Gi}}}",
                "spec.pythonPackages.cache.size: Invalid value: \"0Gi\": must be more than 0",
            ),
            (
                "spec: {pythonPackages: {cache: {storageClass: A}}}",
                &format!("spec.pythonPackages.cache.storageClass: Invalid value: \"A\": {CLASS}"),
            ),
            (
                "spec: {pythonPackages: {cache: {type: gcs}}}",
                "spec.pythonPackages.cache.gcs: Required value: must be given when type is 'gcs'",
            ),
        ],
    );
    let gcs = format!(
        "{APP}  pythonPackages: {{packages: [requests], cache: {{type: gcs, gcs: {{bucket: team-cache, secretRef: {{name: sa}}}}}}}}\n"
    );
    assert_errors::<KasprApp>(
        &gcs,
        &[
            (
                "spec: {pythonPackages: {cache: {gcs: {bucket: ''}}}}",
                "spec.pythonPackages.cache.gcs.bucket: Required value: must name the bucket",
            ),
            (
                "spec: {pythonPackages: {cache: {gcs: {bucket: 'gs://a'}}}}",
                &format!("spec.pythonPackages.cache.gcs.bucket: Invalid value: \"gs://a\": {BUCKET}"),
            ),
            (
                "spec: {pythonPackages: {cache: {gcs: {bucket: ab}}}}",
                &format!("spec.pythonPackages.cache.gcs.bucket: Invalid value: \"ab\": {BUCKET}"),
            ),
            (
                "spec: {pythonPackages: {cache: {gcs: {prefix: a/../b}}}}",
                "spec.pythonPackages.cache.gcs.prefix: Invalid value: \"a/../b\": must not contain '..' or control characters",
            ),
            (
                "spec: {pythonPackages: {cache: {gcs: {maxArchiveSize: 1GB}}}}",
                &format!("spec.pythonPackages.cache.gcs.maxArchiveSize: Invalid value: \"1GB\": {QUANTITY}"),
            ),
            (
                "spec: {pythonPackages: {cache: {gcs: {secretRef: {name: ''}}}}}",
                "spec.pythonPackages.cache.gcs.secretRef.name: Required value: must name a Secret in the app's namespace",
            ),
            (
                "spec: {pythonPackages: {cache: {gcs: {secretRef: {key: a/b}}}}}",
                "spec.pythonPackages.cache.gcs.secretRef.key: Invalid value: \"a/b\": must be a key of a Secret: letters, digits, '-', '_' and '.'",
            ),
        ],
    );
    assert_accepted::<KasprApp>(
        &gcs,
        &[
            "{}",
            "spec: {pythonPackages: {cache: {enabled: false, gcs: {prefix: '', bucket: a.b_c-1, maxArchiveSize: 500Mi}}}}",
        ],
    );
    assert_accepted::<KasprApp>(
        &with_packages(),
        &[
            "spec: {pythonPackages: {cache: {type: gcs, gcs: {bucket: abc, workloadIdentity: true}}}}",
            "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: abc, region: eu-central-1, workloadIdentity: true}}}}",
            "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: abc, endpoint: 'http://minio:9000', secretRef: {name: s}}}}}",
            "spec: {pythonPackages: {cache: {type: azure, azure: {account: team, container: abc, secretRef: {name: s, key: k}}}}}",
            "spec: {pythonPackages: {cache: {}}}",
            "spec: {pythonPackages: {cache: {enabled: true, size: 1Gi, storageClass: fast.nfs}}}",
        ],
    );
}

/// Ten thousand indexes against ten thousand trusted hosts: a rule that compared each with each
/// would not return in time.
#[test]
fn long_lists_are_validated_quickly() {
    let urls: Vec<String> = (0..10_000).map(|i| format!("\"http://host{i}/simple\"")).collect();
    let hosts: Vec<String> = (0..10_000).map(|i| format!("host{i}")).collect();
    let packages: crate::api::PythonPackages = serde_json::from_value(parse_yaml(&format!(
        "{{packages: [a], extraIndexUrls: [{}], trustedHosts: [{}]}}",
        urls.join(","),
        hosts.join(",")
    )))
    .expect("packages");
    let mut found = crate::validate::Findings::default();
    packages.validate(&Path::root(), &mut found);
    assert_eq!(found, crate::validate::Findings::default());
}

#[test]
fn buckets_of_other_clouds() {
    let at = "spec.pythonPackages.cache";
    assert_errors::<KasprApp>(
        &with_packages(),
        &[
            (
                "spec: {pythonPackages: {cache: {type: s3}}}",
                &format!("{at}.s3: Required value: must be given when type is 's3'"),
            ),
            (
                "spec: {pythonPackages: {cache: {type: azure}}}",
                &format!("{at}.azure: Required value: must be given when type is 'azure'"),
            ),
            (
                "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: a_b, workloadIdentity: true}}}}",
                &format!(
                    "{at}.s3.bucket: Invalid value: \"a_b\": must be 3 to 63 lower-case letters, digits, '-' or '.', \
                     and start and end with a letter or digit"
                ),
            ),
            (
                "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: abc, secretRef: {name: s}, workloadIdentity: true}}}}",
                &format!("{at}.s3.workloadIdentity: Forbidden: must not be given together with secretRef"),
            ),
            (
                "spec: {pythonPackages: {cache: {type: gcs, gcs: {bucket: abc}}}}",
                &format!("{at}.gcs.secretRef: Required value: must be given unless workloadIdentity is true"),
            ),
            (
                "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: abc, endpoint: 'minio:9000', secretRef: {name: s}}}}}",
                &format!(
                    "{at}.s3.endpoint: Invalid value: \"minio:9000\": must start with 'http://' or 'https://'"
                ),
            ),
            (
                "spec: {pythonPackages: {cache: {type: s3, s3: {bucket: abc, secretRef: {name: s, accessKeyIdKey: a/b}}}}}",
                &format!(
                    "{at}.s3.secretRef.accessKeyIdKey: Invalid value: \"a/b\": must be a key of a Secret: letters, digits, '-', '_' and '.'"
                ),
            ),
            (
                "spec: {pythonPackages: {cache: {type: azure, azure: {account: A, container: a--b, workloadIdentity: true}}}}",
                &format!(
                    "{at}.azure.container: Invalid value: \"a--b\": must be 3 to 63 lower-case letters, digits and single '-', \
                     and start and end with a letter or digit\n\
                     {at}.azure.account: Invalid value: \"A\": must be 3 to 24 lower-case letters and digits"
                ),
            ),
        ],
    );
}
