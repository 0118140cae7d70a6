//! Measures the cost of the operator for numbers of apps, compared with a baseline in the same run. Nothing is
//! asserted: measurements vary between machines.
//!
//! `APPS` lists the numbers of apps; `OPERATOR` selects another binary than the one built here.

mod audit;
mod baseline;
mod change;
mod children;
#[path = "../admission/cpu.rs"]
mod cpu;
mod figures;
mod meter;
#[path = "../support/process.rs"]
mod process;
mod quiet;
mod site;
mod table;
#[path = "../support/times.rs"]
mod times;
mod unit;

use std::{env, io};

/// Default numbers of apps.
const APPS: &str = "100 1000";

#[tokio::main]
async fn main() -> io::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| io::Error::other("a TLS provider"))?;
    let sizes = env::var("APPS").ok().filter(|sizes| !sizes.trim().is_empty());
    let mut fewer = None;
    for size in sizes.as_deref().unwrap_or(APPS).split_whitespace() {
        let apps = size.parse().ok().filter(|apps| *apps > 0);
        let apps = apps.ok_or_else(|| io::Error::other(format!("not a number of apps: {size}")))?;
        let figures = figures::measure(apps).await?;
        table::print(&figures);
        if let Some(fewer) = &fewer {
            table::growth(fewer, &figures);
        }
        fewer = Some(figures);
    }
    Ok(())
}
