//! What is exchanged with the API server of a cluster, beside answering it.
//!
//! Everything here goes on beside admission, never because of a request: what admission needs of the cluster is watched, and
//! local before a request arrives. Whatever an API server gives is from outside, as what a Notary server gives is.

pub mod certificate;
mod client;
mod failure;
pub mod feed;
pub mod intake;
pub mod lease;
pub mod probe;
pub mod publish;
pub mod reports;
pub mod status;
pub mod trust_repository;
pub mod wait;
pub mod webhooks;
pub mod workloads;

pub use client::{ConnectError, Connection};
pub use lease::Lease;
