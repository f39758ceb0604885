//! A client of one Notary server.
//!
//! Reads only, over HTTP/1.1: the server has neither conditional requests nor compression. Every
//! answer has a size limit, a deadline and a least speed.

mod client;
mod error;
mod resource;

pub use client::NotaryClient;
pub use error::RequestError;
pub use resource::{Resource, RoleFile};
pub use vouchsafe_outbound::{Backoff, Cause, Credentials, CredentialsError, Pace, SetupError};
