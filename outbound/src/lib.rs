//! How Vouchsafe speaks to servers that may want a password or a token: Notary servers and registries.
//!
//! Where a host name leads, which certificates count, who may be sent credentials, how long an answer
//! may take and how large it may be, what is tried again, and the words for what went wrong. What is
//! asked of a server is up to those who ask. The clients of alerts begin here, too.

pub mod auth;
pub mod body;
mod cause;
mod challenge;
mod client;
mod credentials;
#[doc(hidden)]
pub mod fuzzing;
mod names;
mod retry;
mod secrets;
mod service;
mod token;

pub use cause::{Cause, cut, innermost};
pub use client::{Pace, SetupError, client_builder, http_client, http_client_that_stays};
pub use credentials::{Credentials, CredentialsError};
pub use retry::Backoff;
