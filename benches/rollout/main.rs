//! Measures how long it takes until all members of an app work again after a change that crashes, next to the time that
//! a changed member is observed. Nothing is asserted: measurements vary between machines.
//!
//! Pods start at once on the control plane of the benchmark, so the time is that of the operator and of Kubernetes.

mod app;
#[path = "../support/plane.rs"]
mod plane;
#[path = "../support/times.rs"]
mod times;

use std::io;

use app::App;
use control_plane::ControlPlane;
use times::Times;

/// Numbers of members.
const MEMBERS: [usize; 2] = [1, 5];

/// Number of sequential changes for each number of members.
const CHANGES: usize = 5;

/// How long a changed member is observed.
const OBSERVE_SECONDS: i32 = 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| io::Error::other("a TLS provider"))?;
    let plane = ControlPlane::start().map_err(io::Error::other)?;
    let _operator = plane::start(&plane)?;
    let client = plane::client(&plane).await?;
    println!(
        "\nfrom the crash of a changed member until all members work again, with observeSeconds: {OBSERVE_SECONDS}"
    );
    for members in MEMBERS {
        let app = App::create(&plane, &client, members, OBSERVE_SECONDS).await?;
        let mut times = Vec::new();
        for change in 0..CHANGES {
            times.push(app.crash(change).await?);
        }
        println!("members: {members}: {}", Times::new(times));
    }
    println!();
    Ok(())
}
