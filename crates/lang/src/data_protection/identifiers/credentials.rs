//! Credentials. Source: "Credentials" of the data types that can be protected.

use memchr::memmem;

use crate::data_protection::checks::{any, secret_key};
use crate::data_protection::identifier::{Row, alone, checked};

fn may_be_a_private_key(text: &[u8]) -> bool {
    memmem::find(text, b"PRIVATE KEY").is_some()
}

fn may_be_a_putty_key(text: &[u8]) -> bool {
    memmem::find(text, b"PuTTY-User-Key-File-").is_some()
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "AwsSecretKey",
        keywords: &[&["aws_secret_access_key", "credentials", "secret access key", "secret key", "set-awscredential"]],
        forms: &[checked(r"[A-Za-z0-9/+]{40}", secret_key)],
    },
    Row {
        name: "OpenSshPrivateKey",
        keywords: &[],
        forms: &[alone(
            r"-----BEGIN OPENSSH PRIVATE KEY-----(?su:.)*?(?:-----END OPENSSH PRIVATE KEY-----|\z)",
            any,
            may_be_a_private_key,
        )],
    },
    Row {
        name: "PgpPrivateKey",
        keywords: &[],
        forms: &[alone(
            r"-----BEGIN PGP PRIVATE KEY BLOCK-----(?su:.)*?(?:-----END PGP PRIVATE KEY BLOCK-----|\z)",
            any,
            may_be_a_private_key,
        )],
    },
    Row {
        name: "PkcsPrivateKey",
        keywords: &[],
        forms: &[alone(
            r"-----BEGIN (?:RSA |DSA |EC |ENCRYPTED )?PRIVATE KEY-----(?su:.)*?(?:-----END (?:RSA |DSA |EC |ENCRYPTED )?PRIVATE KEY-----|\z)",
            any,
            may_be_a_private_key,
        )],
    },
    Row {
        name: "PuttyPrivateKey",
        keywords: &[],
        forms: &[alone(
            r"PuTTY-User-Key-File-[0-9](?su:.)*?(?:Private-MAC: ?[0-9a-f]{40,64}|\z)",
            any,
            may_be_a_putty_key,
        )],
    },
];
