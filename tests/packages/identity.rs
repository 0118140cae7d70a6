//! Buckets where the clouds have them, opened by a service account's key and by the pod's own identity:
//! real names and TLS, and stores that take nothing but the right credentials.

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
    installer::{Container, Ended, Tool, Volume},
    server::{ACCOUNT, Cloud, KEY, SECRET, Server},
    sigv4,
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel::new("kaspr-stored", "1.0");

/// The key for tests of RFC 9500, section 2.1, in the form in which Google gives keys.
const GOOGLE_KEY: &str = include_str!("service-account-key.pem");
const EMAIL: &str = "installer@team.iam.gserviceaccount.com";
const GOOGLE_TOKEN: &str = "google-token-9d20";
/// What Kubernetes signs for a pod.
const POD_TOKEN: &str = "pod-token-77ab";
const SESSION_TOKEN: &str = "session-token-5e13";
const ROLE: &str = "arn:aws:iam::1:role/installer";
const TENANT: &str = "00000000-0000-0000-0000-000000000001";
const CLIENT: &str = "00000000-0000-0000-0000-000000000002";

/// A way to open a bucket.
struct Identity {
    name: &'static str,
    cloud: Cloud,
    hosts: &'static [&'static str],
    rule: Rule,
    /// Gives a container what the operator and the cloud's own webhook give a pod.
    give: fn(Container, &Gateway, &Path) -> Container,
}

const IDENTITIES: [Identity; 5] = [
    Identity {
        name: "a service account's key",
        cloud: Cloud::Gcs,
        hosts: &["storage.googleapis.com"],
        rule: |_, request, _| if is_signed_by_google_key(request) { Verdict::Pass } else { Verdict::Refuse },
        give: |container, _, folder| {
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
                return Verdict::Answer(token.to_string());
            }
            pass_if(header(request, "authorization") == format!("Bearer {GOOGLE_TOKEN}"))
        },
        give: |container, gateway, _| {
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
                let right = has("Action", "AssumeRoleWithWebIdentity") && has("RoleArn", ROLE);
                return if right && has("WebIdentityToken", POD_TOKEN) {
                    Verdict::Answer(assumed())
                } else {
                    Verdict::Refuse
                };
            }
            is_of_session(request)
        },
        give: |container, _, folder| {
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
                let right =
                    request.uri.path() == "/v1/credentials" && header(request, "authorization") == POD_TOKEN;
                let answer = json!({"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": SESSION_TOKEN,
                    "Expiration": later()});
                return if right { Verdict::Answer(answer.to_string()) } else { Verdict::Refuse };
            }
            is_of_session(request)
        },
        give: |container, gateway, folder| {
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
                let right = request.uri.path() == format!("/{TENANT}/oauth2/v2.0/token")
                    && has("client_id", CLIENT)
                    && has("client_assertion", POD_TOKEN)
                    && has("scope", "https://storage.azure.com/.default");
                let answer =
                    json!({"access_token": azure::TOKEN, "expires_in": 3600, "token_type": "Bearer"});
                return if right { Verdict::Answer(answer.to_string()) } else { Verdict::Refuse };
            }
            // The store looks at the token itself.
            pass_if(host == format!("{ACCOUNT}.blob.core.windows.net"))
        },
        give: |container, _, folder| {
            container
                .env("AZURE_CLIENT_ID", CLIENT)
                .env("AZURE_TENANT_ID", TENANT)
                .env("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/")
                .env("AZURE_FEDERATED_TOKEN_FILE", file(folder, "token", POD_TOKEN))
        },
    },
];

fn pass_if(right: bool) -> Verdict {
    if right { Verdict::Pass } else { Verdict::Refuse }
}

/// The session's token is there, and the request is signed with the session's key.
fn is_of_session(request: &mut Parts) -> Verdict {
    let is_right = header(request, "x-amz-security-token") == SESSION_TOKEN;
    pass_if(is_right && sigv4::leave_session(request, SECRET))
}

fn header<'a>(request: &'a Parts, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn file(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path
}

/// An hour from now.
fn later() -> String {
    (Timestamp::now() + SignedDuration::from_hours(1)).to_string()
}

/// What Amazon answers to a token that it knows.
fn assumed() -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
         <AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>{SESSION_TOKEN}</SessionToken><Expiration>{}</Expiration>\
         </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        later()
    )
}

/// It has a token that the service account signed for itself, for Google's storage, and that holds now.
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

/// A member on a node of its own.
fn member(identity: &Identity, server: &Server, gateway: &Gateway, index: &Index) -> Ended {
    let (volume, folder) = (Volume::new(), tempfile::tempdir().expect("a folder"));
    let container = volume.container("app-0", "identity", Tool::Uv, &["kaspr-stored"]);
    let container = gateway.give(server.name(container)).env("INDEX_URL", index.url("open"));
    (identity.give)(container, gateway, folder.path()).run()
}

#[test]
fn buckets_are_opened_by_keys_and_by_the_pods_own_identity() {
    let index = Index::with(&[WHEEL]);
    for identity in &IDENTITIES {
        let server = Server::start(identity.cloud);
        let gateway = Gateway::start(identity.hosts, server.address, identity.rule);
        for source in [PackageSource::Index, PackageSource::Cache] {
            let ended = member(identity, &server, &gateway, &index);
            let told = (identity.name, &ended.report.warnings, gateway.refused());
            assert_eq!(told, (identity.name, &Vec::new(), Vec::new()), "{}", ended.log);
            ended.is_from(source);
        }
        server.named("/0.tar.zst");
    }
}

#[test]
fn who_may_not_open_a_bucket_starts_without_and_tells_no_token() {
    let index = Index::with(&[WHEEL]);
    let tokens = [GOOGLE_TOKEN, POD_TOKEN, SESSION_TOKEN, SECRET, azure::TOKEN];
    let tokens = tokens.map(|token| [token.to_owned(), STANDARD.encode(token)]).concat();
    for identity in &IDENTITIES {
        let server = Server::start(identity.cloud);
        let gateway = Gateway::start(identity.hosts, server.address, |_, _, _| Verdict::Refuse);
        let ended = member(identity, &server, &gateway, &index);
        ended.is_from(PackageSource::Index);
        assert!(!ended.report.warnings.is_empty(), "{}: {}", identity.name, ended.log);
        assert!(!gateway.refused().is_empty(), "{}: {:?}", identity.name, ended.report.warnings);
        assert_eq!(server.names(), Vec::<String>::new());
        for secret in tokens.iter().map(String::as_str).chain(GOOGLE_KEY.lines()) {
            let said = format!("{}{:?}", ended.log, ended.report);
            assert!(!said.contains(secret), "{}: {secret} in {said}", identity.name);
        }
    }
}
