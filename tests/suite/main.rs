//! What a user sees, on a real API server and through the real binary.

mod harness;
mod recorded;
