//! HTTP clients: which certificates they trust, how long they wait, where they let themselves be sent.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Certificate, Client, ClientBuilder};
use tokio::time::Instant;

use super::body::Speed;
use super::cause::innermost;
use super::names::SystemNames;

/// How long a server may take, and how slow it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// To connect, TLS included.
    pub connect: Duration,
    /// To begin an answer.
    pub answer: Duration,
    /// For a whole answer, however short, before its speed counts.
    pub grace: Duration,
    /// The least average speed, in bytes a second.
    pub least_speed: u32,
    /// For the longest answer.
    pub total: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            grace: Duration::from_secs(40),
            least_speed: 16 * 1024,
            total: Duration::from_mins(10),
        }
    }
}

impl Pace {
    /// The speed that an answer to a request has to keep that is sent at `started`.
    pub const fn speed(self, started: Instant) -> Speed {
        Speed {
            started,
            grace: self.grace,
            least: self.least_speed,
            total: self.total,
        }
    }
}

/// A client that cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot set up TLS: {reason}")]
pub struct SetupError {
    /// What is wrong, most likely with the configured certificates.
    pub reason: String,
}

/// An HTTP client that trusts `certificates` (PEM) and, unless `only` those, the system's roots.
///
/// It follows a few redirects on the same host. Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY` and
/// `NO_PROXY`.
///
/// # Errors
///
/// [`SetupError`] if the certificates cannot be read, or there are none at all.
pub fn http_client(
    certificates: Option<&str>,
    only: bool,
    pace: Pace,
) -> Result<Client, SetupError> {
    build(certificates, only, pace, Policy::custom(follow))
}

/// An HTTP client as [`http_client`], which follows no redirect.
///
/// # Errors
///
/// [`SetupError`] if the certificates cannot be read, or there are none at all.
pub fn http_client_that_stays(
    certificates: Option<&str>,
    only: bool,
    pace: Pace,
) -> Result<Client, SetupError> {
    build(certificates, only, pace, Policy::none())
}

/// What every HTTP client of this program begins with: the name by which it calls itself, TLS by `aws-lc-rs`, and
/// names that are resolved without the C library, so that a static binary can.
///
/// Connecting may take `connect`, and most of that may go into finding the address.
#[expect(
    clippy::disallowed_methods,
    reason = "this is what the others are sent to"
)]
pub fn client_builder(connect: Duration) -> ClientBuilder {
    // reqwest takes the process's provider; another one that is there already is as good.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    // Names give up a little earlier than the whole, so that the error is theirs.
    let names = SystemNames {
        patience: connect.saturating_sub(connect / 5),
    };
    Client::builder()
        .user_agent(concat!("vouchsafe/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .dns_resolver(Arc::new(names))
}

fn build(
    certificates: Option<&str>,
    only: bool,
    pace: Pace,
    redirects: Policy,
) -> Result<Client, SetupError> {
    let setup_error = |error: reqwest::Error| SetupError {
        reason: match std::error::Error::source(&error) {
            Some(_) => innermost(&error),
            None => error.to_string(),
        },
    };
    let builder = client_builder(pace.connect).redirect(redirects);
    let Some(pem) = certificates else {
        return builder.build().map_err(setup_error);
    };
    let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(setup_error)?;
    if certificates.is_empty() {
        let reason = "`cert` holds no PEM certificate".to_owned();
        return Err(SetupError { reason });
    }
    let builder = if only {
        builder.tls_certs_only(certificates)
    } else {
        builder.tls_certs_merge(certificates)
    };
    builder.build().map_err(setup_error)
}

/// Follows a few redirects on the same host, and none from TLS to plain text.
fn follow(attempt: Attempt<'_>) -> Action {
    let allowed = attempt.previous().last().is_some_and(|from| {
        let to = attempt.url();
        from.host() == to.host()
            && from.port_or_known_default() == to.port_or_known_default()
            && from.scheme() == to.scheme()
    });
    if allowed && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

const MAX_REDIRECTS: usize = 3;
