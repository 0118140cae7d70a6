//! Buckets at the addresses of the clouds, accessed with a service account key and with the identity of
//! the pod: real host names and TLS, and stores that accept only the right credentials.

use std::{fs, path::Path};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hyper::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use kaspr_operator::api::PackageSource;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::{
    azure,
    gateway::{Gateway, Rule, Verdict},
    index::Index,
    installer::{Container, Outcome, Tool, Volume},
    server::{ACCOUNT, Cloud, KEY, SECRET, Server},
    sigv4,
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel::new("kaspr-stored", "1.0");

/// Test key of RFC 9500, section 2.1, in the format in which Google issues keys.
const GOOGLE_KEY: &str = include_str!("service-account-key.pem");
const EMAIL: &str = "installer@team.iam.gserviceaccount.com";
const GOOGLE_TOKEN: &str = "google-token-9d20";
/// Service account token of the pod.
const POD_TOKEN: &str = "pod-token-77ab";
const SESSION_TOKEN: &str = "session-token-5e13";
const ROLE: &str = "arn:aws:iam::1:role/installer";
const TENANT: &str = "00000000-0000-0000-0000-000000000001";
const CLIENT: &str = "00000000-0000-0000-0000-000000000002";

/// A way to authenticate to a bucket.
struct Identity {
    name: &'static str,
    cloud: Cloud,
    hosts: &'static [&'static str],
    rule: Rule,
    /// Configures a container as the operator and the webhook of the cloud configure a pod.
    configure: fn(Container, &Gateway, &Path) -> Container,
}

const IDENTITIES: [Identity; 5] = [
    Identity {
        name: "a service account's key",
        cloud: Cloud::Gcs,
        hosts: &["storage.googleapis.com"],
        rule: |_, request, _| {
            if is_signed_by_google_key(request) { Verdict::Forward } else { Verdict::Refuse }
        },
        configure: |container, _, folder| {
            let key = json!({"type": "service_account", "private_key": GOOGLE_KEY, "private_key_id": "1",
                "client_email": EMAIL, "token_uri": "https://oauth2.googleapis.com/token"});
            container.env("GCS_KEY_FILE", file(folder, "sa.json", &key.to_string()))
        },
    },
    Identity {
        name: "Google's workload identity",
        cloud: Cloud::Gcs,
        hosts: &["storage.googleapis.com"],
        rule: |_, request, _| {
            if request.uri.path() == "/computeMetadata/v1/instance/service-accounts/default/token"
                && header(request, "metadata-flavor") == "Google"
            {
                let token = json!({"access_token": GOOGLE_TOKEN, "expires_in": 3600, "token_type": "Bearer"});
                return Verdict::Respond(token.to_string());
            }
            forward_if(header(request, "authorization") == format!("Bearer {GOOGLE_TOKEN}"))
        },
        configure: |container, gateway, _| {
            let address = gateway.listening.address.to_string();
            container.env("GCE_METADATA_HOST", &address).env("GCE_METADATA_IP", &address)
        },
    },
    Identity {
        name: "a role for an Amazon service account",
        cloud: Cloud::S3,
        hosts: &["sts.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com"],
        rule: |host, request, _| {
            let query = request.uri.query().unwrap_or_default();
            let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
            let has = |name: &str, value: &str| query.iter().any(|(n, v)| n == name && v == value);
            if host.starts_with("sts.") {
                let is_valid = has("Action", "AssumeRoleWithWebIdentity") && has("RoleArn", ROLE);
                return if is_valid && has("WebIdentityToken", POD_TOKEN) {
                    Verdict::Respond(assumed_role())
                } else {
                    Verdict::Refuse
                };
            }
            check_session(request)
        },
        configure: |container, _, folder| {
            container
                .env("AWS_ROLE_ARN", ROLE)
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", file(folder, "token", POD_TOKEN))
        },
    },
    Identity {
        name: "Amazon's pod identity",
        cloud: Cloud::S3,
        hosts: &["s3.us-east-1.amazonaws.com"],
        rule: |host, request, _| {
            if host.is_empty() {
                let is_valid =
                    request.uri.path() == "/v1/credentials" && header(request, "authorization") == POD_TOKEN;
                let answer = json!({"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": SESSION_TOKEN,
                    "Expiration": in_an_hour()});
                return if is_valid { Verdict::Respond(answer.to_string()) } else { Verdict::Refuse };
            }
            check_session(request)
        },
        configure: |container, gateway, folder| {
            let uri = format!("http://{}/v1/credentials", gateway.listening.address);
            container
                .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
                .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(folder, "token", POD_TOKEN))
        },
    },
    Identity {
        name: "Azure's workload identity",
        cloud: Cloud::Azure,
        hosts: &["login.microsoftonline.com", "team.blob.core.windows.net"],
        rule: |host, request, body| {
            if host.starts_with("login.") {
                let form: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).collect();
                let has = |name: &str, value: &str| form.iter().any(|(n, v)| n == name && v == value);
                let is_valid = request.uri.path() == format!("/{TENANT}/oauth2/v2.0/token")
                    && has("client_id", CLIENT)
                    && has("client_assertion", POD_TOKEN)
                    && has("scope", "https://storage.azure.com/.default");
                let answer =
                    json!({"access_token": azure::TOKEN, "expires_in": 3600, "token_type": "Bearer"});
                return if is_valid { Verdict::Respond(answer.to_string()) } else { Verdict::Refuse };
            }
            // The store checks the token itself.
            forward_if(host == format!("{ACCOUNT}.blob.core.windows.net"))
        },
        configure: |container, _, folder| {
            container
                .env("AZURE_CLIENT_ID", CLIENT)
                .env("AZURE_TENANT_ID", TENANT)
                .env("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/")
                .env("AZURE_FEDERATED_TOKEN_FILE", file(folder, "token", POD_TOKEN))
        },
    },
];

fn forward_if(is_valid: bool) -> Verdict {
    if is_valid { Verdict::Forward } else { Verdict::Refuse }
}

/// Forwards a request that has the session token and is signed with the key of the session.
fn check_session(request: &mut Parts) -> Verdict {
    let has_token = header(request, "x-amz-security-token") == SESSION_TOKEN;
    forward_if(has_token && sigv4::strip_session(request, SECRET))
}

fn header<'a>(request: &'a Parts, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn file(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path
}

/// Returns the time an hour from now.
fn in_an_hour() -> String {
    (Timestamp::now() + SignedDuration::from_hours(1)).to_string()
}

/// Returns Amazon's response to a valid token.
fn assumed_role() -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
         <AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>{SESSION_TOKEN}</SessionToken><Expiration>{}</Expiration>\
         </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        in_an_hour()
    )
}

/// Whether the request has a valid token that the service account signed for Google's storage.
fn is_signed_by_google_key(request: &Parts) -> bool {
    let der = pem::parse(GOOGLE_KEY).expect("PEM").into_contents();
    let key = RsaKeyPair::from_pkcs8(&der).expect("a key");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref().to_vec());
    let Some(token) = header(request, "authorization").strip_prefix("Bearer ") else { return false };
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let claims = signed.split_once('.').map(|(_, claims)| decode(claims)).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    let now = Timestamp::now().as_second();
    key.verify(signed.as_bytes(), &decode(signature)).is_ok()
        && claims["iss"] == EMAIL
        && claims["scope"].as_str().is_some_and(|scope| scope.contains("/auth/"))
        && claims["exp"].as_i64().is_some_and(|end| end > now)
}

/// Runs a member on a node of its own.
fn run_member(identity: &Identity, server: &Server, gateway: &Gateway, index: &Index) -> Outcome {
    let (volume, folder) = (Volume::new(), tempfile::tempdir().expect("a directory"));
    let container = volume.container("app-0", "identity", Tool::Uv, &["kaspr-stored"]);
    let container = gateway.configure(server.configure_bucket(container)).env("INDEX_URL", index.url("open"));
    (identity.configure)(container, gateway, folder.path()).run()
}

#[test]
fn buckets_are_accessed_with_keys_and_with_the_identity_of_the_pod() {
    let index = Index::new(&[WHEEL]);
    for identity in &IDENTITIES {
        let server = Server::start(identity.cloud);
        let gateway = Gateway::start(identity.hosts, server.address, identity.rule);
        for source in [PackageSource::Index, PackageSource::Cache] {
            let outcome = run_member(identity, &server, &gateway, &index);
            let result = (identity.name, &outcome.report.warnings, gateway.refused());
            assert_eq!(result, (identity.name, &Vec::new(), Vec::new()), "{}", outcome.log);
            outcome.assert_from(source);
        }
        server.named("/0.tar.zst");
    }
}

#[test]
fn a_member_without_access_to_the_bucket_starts_and_shows_no_token() {
    let index = Index::new(&[WHEEL]);
    let tokens = [GOOGLE_TOKEN, POD_TOKEN, SESSION_TOKEN, SECRET, azure::TOKEN];
    let tokens = tokens.map(|token| [token.to_owned(), STANDARD.encode(token)]).concat();
    for identity in &IDENTITIES {
        let server = Server::start(identity.cloud);
        let gateway = Gateway::start(identity.hosts, server.address, |_, _, _| Verdict::Refuse);
        let outcome = run_member(identity, &server, &gateway, &index);
        outcome.assert_from(PackageSource::Index);
        assert!(!outcome.report.warnings.is_empty(), "{}: {}", identity.name, outcome.log);
        assert!(!gateway.refused().is_empty(), "{}: {:?}", identity.name, outcome.report.warnings);
        assert_eq!(server.names(), Vec::<String>::new());
        for secret in tokens.iter().map(String::as_str).chain(GOOGLE_KEY.lines()) {
            let output = format!("{}{:?}", outcome.log, outcome.report);
            assert!(!output.contains(secret), "{}: {secret} in {output}", identity.name);
        }
    }
}

#[test]
fn a_certificate_authority_of_the_spec_is_trusted_for_a_bucket() {
    let (index, server) = (Index::new(&[WHEEL]), Server::start(Cloud::Azure));
    let host = "team.blob.core.windows.net";
    let gateway = Gateway::start(&[host], server.address, |_, _, _| Verdict::Forward);
    let folder = tempfile::tempdir().expect("a directory");
    let start = |name: &str, authorities: Option<&Path>| {
        let volume = Volume::new();
        let container = volume.container(name, "authority", Tool::Uv, &["kaspr-stored"]);
        let container = gateway.configure(server.configure_bucket(container));
        let container = container
            .env("AZURE_STORAGE_ACCOUNT_KEY", crate::server::ACCOUNT_KEY)
            .env("NO_PROXY", "127.0.0.1")
            .env("SSL_CERT_FILE", folder.path().join("none"))
            .env("INDEX_URL", index.url("open"));
        match authorities {
            Some(file) => container.env("BUCKET_CA_FILE", file).run(),
            None => container.run(),
        }
    };
    let outcome = start("app-0", None);
    assert!(!outcome.report.warnings.is_empty(), "{}", outcome.log);
    let outcome = start("app-1", Some(gateway.certificate()));
    outcome.assert_from(PackageSource::Index);
    assert_eq!(outcome.report.warnings, Vec::<String>::new());
    start("app-2", Some(gateway.certificate())).assert_from(PackageSource::Cache);
}
