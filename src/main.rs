//! Entry point: installs the TLS provider and runs the command line.

use std::process::ExitCode;

use kaspr_operator::cli;

#[tokio::main]
async fn main() -> ExitCode {
    // All TLS connections of the process use this provider. With a second provider, the choice would be ambiguous
    // and the first handshake would panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("kaspr-operator: failed to install the TLS provider: another provider is installed");
        return ExitCode::FAILURE;
    }
    cli::main(std::env::args_os().collect()).await
}
