//! Amazon's signatures, version 4. The S3 server of the tests does not support temporary keys, so they
//! are replaced here.

use hyper::http::{HeaderValue, request::Parts};
use ring::{digest, hmac};

const TOKEN: &str = "x-amz-security-token";

/// Returns whether a request is signed with a key. If so, removes the session token and signs the request
/// again.
pub(crate) fn strip_session(request: &mut Parts, secret: &str) -> bool {
    let authorization = header(request, "authorization").to_owned();
    let part = |name: &str| {
        let after = authorization.split_once(&format!("{name}="))?.1;
        Some(after.split(',').next().unwrap_or_default().to_owned())
    };
    let (Some(key), Some(names), Some(given)) =
        (part("Credential"), part("SignedHeaders"), part("Signature"))
    else {
        return false;
    };
    let Some((_, scope)) = key.split_once('/') else { return false };
    let names: Vec<&str> = names.split(';').collect();
    if !names.contains(&TOKEN) || signature(request, secret, scope, &names) != given {
        return false;
    }
    request.headers.remove(TOKEN);
    let names: Vec<&str> = names.into_iter().filter(|name| *name != TOKEN).collect();
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={key}, SignedHeaders={}, Signature={}",
        names.join(";"),
        signature(request, secret, scope, &names)
    );
    request.headers.insert("authorization", HeaderValue::from_str(&authorization).expect("a header"));
    true
}

fn header<'a>(request: &'a Parts, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
}

fn signature(request: &Parts, secret: &str, scope: &str, names: &[&str]) -> String {
    assert_eq!(request.uri.query(), None, "a query would have to be signed too");
    let headers: String = names.iter().map(|name| format!("{name}:{}\n", header(request, name))).collect();
    let canonical = format!(
        "{}\n{}\n\n{headers}\n{}\n{}",
        request.method,
        request.uri.path(),
        names.join(";"),
        header(request, "x-amz-content-sha256")
    );
    let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", header(request, "x-amz-date"));
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hash(&key, part));
    hex(&hash(&key, &text))
}

fn hash(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
