//! A client of one Notary server.
//!
//! Reads only, over HTTP/1.1: the server has neither conditional requests nor compression. Every
//! answer has a size limit, a deadline and a least speed.

mod auth;
mod body;
mod challenge;
mod client;
mod credentials;
mod error;
mod resource;
mod retry;
mod token;

pub use client::{NotaryClient, Pace, SetupError};
pub use credentials::{Credentials, CredentialsError};
pub use error::{Cause, RequestError};
pub use resource::{Resource, RoleFile};
pub use retry::Backoff;
