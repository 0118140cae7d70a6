//! Certificates of users, to whom each organization in the certificate's subject is a group.
//!
//! rcgen can't write a subject that names more than one organization, so what is signed is put
//! together here (RFC 5280, section 4.1).

use pem::Pem;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use yasna::models::ObjectIdentifier;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{DERWriter, Tag, construct_der};

use crate::authority::NAME;
use crate::error::Error;

const ECDSA_WITH_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];

/// The certificate of `user` in `groups` for `key`, signed with the authority's `signer`, as PEM.
///
/// `signer` is an ECDSA P-256 key, which is what rcgen generates.
pub(crate) fn sign(user: &str, groups: &[&str], key: &KeyPair, signer: &KeyPair) -> Result<String, Error> {
    let signed = construct_der(|writer| write_signed_part(writer, user, groups, key));
    let signature = signer.sign(&signed)?;
    let der = construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(&signed);
            write_algorithm(writer.next());
            let bits = signature.len() * 8;
            writer.next().write_bitvec_bytes(&signature, bits);
        });
    });
    Ok(pem::encode(&Pem::new("CERTIFICATE", der)))
}

fn write_signed_part(writer: DERWriter<'_>, user: &str, groups: &[&str], key: &KeyPair) {
    writer.write_sequence(|writer| {
        // Version 3.
        writer.next().write_tagged(Tag::context(0), |writer| writer.write_u8(2));
        // No client distinguishes these certificates by their serial number.
        writer.next().write_u8(1);
        write_algorithm(writer.next());
        write_name(writer.next(), &[(COMMON_NAME, NAME)]);
        writer.next().write_sequence(|writer| {
            // Valid from before any clock of today, without end.
            write_time(writer.next(), TAG_UTCTIME, "000101000000Z");
            write_time(writer.next(), TAG_GENERALIZEDTIME, "99991231235959Z");
        });
        let groups = groups.iter().map(|group| (ORGANIZATION, *group));
        let subject: Vec<_> = groups.chain([(COMMON_NAME, user)]).collect();
        write_name(writer.next(), &subject);
        writer.next().write_der(&key.subject_public_key_info());
        writer.next().write_tagged(Tag::context(3), write_extensions);
    });
}

fn write_algorithm(writer: DERWriter<'_>) {
    writer.write_sequence(|writer| writer.next().write_oid(&oid(ECDSA_WITH_SHA256)));
}

fn write_name(writer: DERWriter<'_>, parts: &[(&[u64], &str)]) {
    writer.write_sequence(|writer| {
        for (kind, value) in parts {
            writer.next().write_set(|writer| {
                writer.next().write_sequence(|writer| {
                    writer.next().write_oid(&oid(kind));
                    writer.next().write_utf8_string(value);
                });
            });
        }
    });
}

fn write_time(writer: DERWriter<'_>, form: Tag, time: &str) {
    writer.write_tagged_implicit(form, |writer| {
        writer.write_bytes(time.as_bytes());
    });
}

fn write_extensions(writer: DERWriter<'_>) {
    let usage = construct_der(|writer| {
        writer.write_sequence(|writer| writer.next().write_oid(&oid(CLIENT_AUTH)));
    });
    writer.write_sequence(|writer| {
        writer.next().write_sequence(|writer| {
            writer.next().write_oid(&oid(EXTENDED_KEY_USAGE));
            writer.next().write_bytes(&usage);
        });
    });
}

fn oid(numbers: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(numbers)
}
