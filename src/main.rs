//! Arguments and wiring, nothing else.

use std::process::ExitCode;

use kaspr_operator::cli;

#[tokio::main]
async fn main() -> ExitCode {
    // Every TLS connection of the process uses the same provider; a second one would make the
    // choice ambiguous and the first handshake panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("kaspr-operator: another TLS provider is installed");
        return ExitCode::FAILURE;
    }
    cli::main(std::env::args_os().collect()).await
}
