use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use clap::Args;

use super::{Error, make_folder, write};
use crate::certificates;

/// Arguments of `certs`.
#[derive(Args, Debug)]
pub struct CertsArgs {
    /// Folder for ca.crt, tls.crt and tls.key
    #[arg(long, default_value = "certs/development", value_name = "DIR")]
    out: PathBuf,
    /// Names and addresses that the server is reached by
    #[arg(long = "host", default_values = ["localhost", "127.0.0.1"], value_name = "NAME")]
    hosts: Vec<String>,
}

/// Makes the certificates. They are for development: the CA's key is thrown away.
pub fn certs(args: CertsArgs) -> Result<(), Error> {
    let CertsArgs { out, hosts } = args;
    let made = certificates::development(&hosts)?;
    make_folder(&out)?;
    write(out.join("ca.crt"), &made.authority)?;
    write(out.join("tls.crt"), &made.certificate)?;
    let key = out.join("tls.key");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&key);
    file.and_then(|mut file| file.write_all(made.key.as_bytes())).map_err(|source| Error::File {
        what: "write",
        path: key,
        source,
    })?;
    eprintln!("wrote ca.crt, tls.crt and tls.key for {} into {}", hosts.join(", "), out.display());
    Ok(())
}
