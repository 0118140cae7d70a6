//! The package installer as a pod runs it: the real binary, real Python, pip and uv, and an index and
//! stores that the tests start.

mod archives;
mod azure;
mod credentials;
mod errors;
mod gateway;
mod identity;
mod image;
mod index;
mod installer;
mod killed;
mod leaks;
mod listening;
mod musl;
mod proxy;
mod repository;
mod server;
mod sets;
mod shims;
mod sigv4;
mod stores;
mod tls;
mod tools;
mod wheels;
