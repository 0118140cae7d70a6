//! `certs`: creates certificates for development.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use clap::Args;

use super::{
    error::Error,
    output::{create_dir, write_file},
};
use crate::certificates;

/// Arguments of `certs`.
#[derive(Args, Debug)]
pub(super) struct CertsArgs {
    /// Directory for ca.crt, tls.crt and tls.key
    #[arg(long, default_value = "certs/development", value_name = "DIR")]
    out: PathBuf,
    /// Host names and IP addresses of the server
    #[arg(long = "host", default_values = ["localhost", "127.0.0.1"], value_name = "NAME")]
    hosts: Vec<String>,
}

/// Creates a CA and a server certificate. The key of the CA is not stored.
pub(super) fn certs(args: CertsArgs) -> Result<(), Error> {
    let CertsArgs { out, hosts } = args;
    let created = certificates::development(&hosts)?;
    create_dir(&out)?;
    write_file(out.join("ca.crt"), &created.authority)?;
    write_file(out.join("tls.crt"), &created.certificate)?;
    let key = out.join("tls.key");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&key);
    file.and_then(|mut file| file.write_all(created.key.as_bytes())).map_err(|source| Error::File {
        what: "write",
        path: key,
        source,
    })?;
    eprintln!("wrote ca.crt, tls.crt and tls.key for {} to {}", hosts.join(", "), out.display());
    Ok(())
}
