use rustls::pki_types::CertificateDer;

use super::{
    AUTHORITIES, AuthorityError, CertificateSpec, RotationStep, SecretData, Trust, plan_rotation,
    secret_data::{AUTHORITY_KEY, CERTIFICATE, KEY},
    stored,
    x509::is_signed_by,
};
use crate::certificates::KeyPair;

fn serving_key_pair(data: &SecretData) -> Option<KeyPair> {
    stored::serving_key_pair(data).ok()
}

/// Some day.
const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

fn spec() -> CertificateSpec {
    CertificateSpec {
        names: CertificateSpec::service_names("webhook", "ops", "cluster.local"),
        authority_seconds: 10 * YEAR,
        certificate_seconds: YEAR,
    }
}

fn written(data: &SecretData, trust: &Trust, now: i64) -> (SecretData, String) {
    match plan_rotation(data, &spec(), (trust, trust), now).expect("a decision") {
        RotationStep::Write { data, reason } => (data, reason),
        RotationStep::Keep => panic!("nothing is written"),
    }
}

fn assert_kept(data: &SecretData, trust: &Trust, now: i64) {
    let next = plan_rotation(data, &spec(), (trust, trust), now).expect("a decision");
    assert!(matches!(next, RotationStep::Keep));
}

fn authorities(data: &SecretData) -> Vec<CertificateDer<'static>> {
    stored::parse_bundle(&data[AUTHORITIES]).0
}

fn trusting(data: &SecretData) -> Trust {
    Trust::from_bundles([data[AUTHORITIES].as_slice()])
}

fn signer_of(data: &SecretData) -> Option<usize> {
    let pair = serving_key_pair(data).expect("a certificate");
    authorities(data).iter().position(|authority| is_signed_by(&pair, authority))
}

fn end_of(data: &SecretData) -> i64 {
    serving_key_pair(data).expect("a certificate").not_after().expect("an end")
}

#[test]
fn an_empty_secret_gets_a_ca_and_a_certificate() {
    let (data, why) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    assert_eq!(why, "a new CA is due, a new certificate is due");
    assert_eq!((authorities(&data).len(), signer_of(&data), end_of(&data)), (1, Some(0), NOW + YEAR));
    assert_eq!(spec().names, ["webhook", "webhook.ops", "webhook.ops.svc", "webhook.ops.svc.cluster.local"]);
    assert_kept(&data, &Trust::Unknown, NOW + 1);
    assert_kept(&data, &trusting(&data), NOW + YEAR / 2);
    // As kubectl creates a Secret without content.
    let empty = [CERTIFICATE, KEY].map(|key| (key.to_owned(), Vec::new()));
    written(&empty.into(), &Trust::Unknown, NOW);
}

#[test]
fn a_certificate_is_renewed_after_two_thirds_of_its_validity() {
    let (first, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let (second, why) = written(&first, &trusting(&first), NOW + YEAR * 2 / 3);
    assert_eq!(why, "a new certificate is due");
    assert_eq!((authorities(&second), signer_of(&second)), (authorities(&first), Some(0)));
    assert_eq!(end_of(&second), NOW + YEAR * 2 / 3 + YEAR);
    let renamed =
        CertificateSpec { names: CertificateSpec::service_names("other", "ops", "cluster.local"), ..spec() };
    let trust = trusting(&first);
    let next = plan_rotation(&first, &renamed, (&trust, &trust), NOW + 1).expect("a decision");
    assert!(matches!(next, RotationStep::Write { .. }));
}

#[test]
fn a_new_ca_is_trusted_before_it_signs_and_the_old_one_stays_until_it_expires() {
    let (first, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let due = NOW + 10 * YEAR * 2 / 3;
    // The last certificate before the new CA.
    let (last, _) = written(&first, &trusting(&first), due - DAY);
    let (announced, why) = written(&last, &trusting(&last), due);
    assert_eq!(why, "a new CA is due");
    assert_eq!((authorities(&announced).len(), signer_of(&announced)), (2, Some(1)));
    assert!(serving_key_pair(&announced) == serving_key_pair(&last));
    // The configurations do not contain it yet, or cannot be read.
    assert_kept(&announced, &trusting(&first), due + DAY);
    assert_kept(&announced, &Trust::Unknown, due + DAY);
    let (signed, why) = written(&announced, &trusting(&announced), due + DAY);
    assert_eq!((why.as_str(), signer_of(&signed)), ("a new certificate is due", Some(0)));
    assert_eq!(authorities(&signed), authorities(&announced));
    assert!(!trusting(&first).accepts(&serving_key_pair(&signed).expect("a certificate")));
    // Everything in between was renewed.
    let (renewed, _) = written(&signed, &trusting(&signed), NOW + 10 * YEAR - 1);
    let (alone, why) = written(&renewed, &trusting(&renewed), NOW + 10 * YEAR + 1);
    assert_eq!((why.as_str(), authorities(&alone).len()), ("an old CA has expired", 1));
}

#[test]
fn an_expired_certificate_is_replaced_whatever_is_trusted() {
    let (data, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let (_, why) = written(&data, &Trust::Unknown, NOW + YEAR);
    assert_eq!(why, "a new certificate is due");
    // And never outlives its CA.
    let (late, _) = written(&data, &trusting(&data), NOW + 10 * YEAR * 2 / 3 - 1);
    assert!(end_of(&late) <= NOW + 10 * YEAR);
}

#[test]
fn broken_data_is_replaced_and_reported() {
    let (good, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let (other, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let with = |key: &str, value: &[u8]| {
        let mut data = good.clone();
        data.insert(key.to_owned(), value.to_vec());
        data
    };
    let (repaired, why) = written(&with(KEY, &other[KEY]), &trusting(&good), NOW);
    assert!(why.contains("the certificate and its key do not match"), "{why}");
    assert_eq!((authorities(&repaired), signer_of(&repaired)), (authorities(&good), Some(0)));
    // A CA without its private key remains trusted but signs no more.
    let (repaired, why) = written(&with(AUTHORITY_KEY, b"rubbish"), &trusting(&good), NOW);
    assert!(why.contains("ca.key matches no CA in ca.crt"), "{why}");
    assert_eq!((authorities(&repaired).len(), signer_of(&repaired)), (2, Some(1)));
    let rubbish = [(CERTIFICATE.to_owned(), b"rubbish".to_vec())].into();
    let (_, why) = written(&rubbish, &Trust::Unknown, NOW);
    assert!(why.contains("the certificate is empty"), "{why}");
}

#[test]
fn a_certificate_of_another_issuer_is_left_alone() {
    let made = crate::certificates::development(&["webhook".to_owned()]).expect("a certificate");
    let data = [(CERTIFICATE.to_owned(), made.certificate.into_bytes())].into();
    let next = plan_rotation(&data, &spec(), (&Trust::NoConfigurations, &Trust::NoConfigurations), NOW);
    assert!(matches!(next, Err(AuthorityError::Foreign)));
}

#[test]
fn a_lost_secret_revokes_no_trust() {
    let (lost, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let trust = trusting(&lost);
    let RotationStep::Write { data, .. } =
        plan_rotation(&SecretData::new(), &spec(), (&trust, &Trust::Unknown), NOW).expect("a decision")
    else {
        panic!("nothing is written");
    };
    assert_eq!(authorities(&data)[1..], authorities(&lost));
    // A replica that presents the old certificate waits until all configurations contain the new CA.
    let new = serving_key_pair(&data).expect("a certificate");
    assert!(!trust.accepts(&new) && trusting(&data).accepts(&new));
}

#[test]
fn trust_is_what_all_configurations_contain_for_a_while() {
    let (one, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let (other, _) = written(&SecretData::new(), &Trust::NoConfigurations, NOW);
    let both = [one[AUTHORITIES].clone(), other[AUTHORITIES].clone()].concat();
    assert_eq!(Trust::from_bundles([both.as_slice(), &one[AUTHORITIES]]), trusting(&one));
    assert_eq!(Trust::from_bundles([both.as_slice(), b""]), Trust::Authorities(Vec::new()));
    assert_eq!(Trust::from_bundles([]), Trust::NoConfigurations);
    let both = Trust::from_bundles([both.as_slice()]);
    assert_eq!(both.settled(&trusting(&one)), trusting(&one));
    assert_eq!(both.settled(&Trust::Unknown), Trust::Unknown);
    assert_eq!(Trust::NoConfigurations.settled(&both), Trust::NoConfigurations);
}
