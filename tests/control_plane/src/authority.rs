//! The certificate authority of one control plane, and the keys of its servers.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::client_cert;
use crate::error::Error;

/// The authority's name, in its own certificate and in those it signs.
pub(crate) const NAME: &str = "control-plane";

/// A certificate or public key, and its private key, both as PEM.
#[derive(Debug)]
pub(crate) struct Pair {
    pub public: String,
    pub private: String,
}

/// Signs the API server's certificate and those of its users.
#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Makes a new authority.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self(issuer))
    }

    /// The authority's own certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server on the loopback address proves itself with.
    pub(crate) fn server(&self) -> Result<Pair, Error> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        Ok(Pair { public: params.signed_by(&key, &self.0)?.pem(), private: key.serialize_pem() })
    }

    /// What `user`, a member of `groups`, proves itself with.
    pub(crate) fn client(&self, user: &str, groups: &[&str]) -> Result<Pair, Error> {
        let key = KeyPair::generate()?;
        Ok(Pair {
            public: client_cert::sign(user, groups, &key, self.0.key())?,
            private: key.serialize_pem(),
        })
    }
}

/// A key pair that ServiceAccount tokens are signed with.
pub(crate) fn token_keys() -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    Ok(Pair { public: key.public_key_pem(), private: key.serialize_pem() })
}
