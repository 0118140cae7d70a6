//! Arguments and wiring, nothing else.

use std::process::ExitCode;

use clap::Parser;
use kaspr_operator::{cli::Cli, reconcile::describe};

#[tokio::main]
async fn main() -> ExitCode {
    // Every TLS connection of the process uses the same provider; a second one would make the
    // choice ambiguous and the first handshake panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("kaspr-operator: another TLS provider is installed");
        return ExitCode::FAILURE;
    }
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kaspr-operator: {}", describe(&error));
            ExitCode::FAILURE
        }
    }
}
