//! The few requests that are made to the API server here.

use std::time::Duration;

use serde_json::Value;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body, http::Response};

use crate::authority::Pair;
use crate::error::Error;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of the API server.
#[derive(Debug)]
pub(crate) struct Api {
    agent: Agent,
    url: String,
}

impl Api {
    /// A client of the server at `url` that trusts `authority` and is who `credentials` say.
    pub(crate) fn new(url: &str, authority: &str, credentials: &Pair) -> Result<Self, Error> {
        let tls = Self::tls(authority, credentials).map_err(unreachable("GET", url))?;
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .new_agent();
        let url = url.to_owned();
        Ok(Self { agent, url })
    }

    fn tls(authority: &str, credentials: &Pair) -> Result<TlsConfig, ureq::Error> {
        let authority = Certificate::from_pem(authority.as_bytes())?;
        let certificate = Certificate::from_pem(credentials.public.as_bytes())?;
        let key = PrivateKey::from_pem(credentials.private.as_bytes())?;
        Ok(TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[authority]))
            .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
            .build())
    }

    /// Whether `path` is answered with success.
    pub(crate) fn is_ok(&self, path: &str) -> bool {
        let answer = self.agent.get(self.at(path)).call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The object at `path`.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Error> {
        read("GET", path, self.agent.get(self.at(path)).call())
    }

    /// Creates `object` in the collection at `path` and gives what the server made of it.
    pub(crate) fn create(&self, path: &str, object: &Value) -> Result<Value, Error> {
        read("POST", path, self.agent.post(self.at(path)).send_json(object))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

fn read(
    method: &'static str,
    path: &str,
    answer: Result<Response<Body>, ureq::Error>,
) -> Result<Value, Error> {
    let mut answer = answer.map_err(unreachable(method, path))?;
    if answer.status().is_success() {
        let body = answer.body_mut().read_json();
        return body.map_err(unreachable(method, path));
    }
    Err(Error::Refused {
        method,
        path: path.to_owned(),
        status: answer.status().as_u16(),
        message: answer.body_mut().read_to_string().unwrap_or_default(),
    })
}

fn unreachable(method: &'static str, path: &str) -> impl FnOnce(ureq::Error) -> Error {
    move |source| Error::Unreachable { method, path: path.to_owned(), source: Box::new(source) }
}
