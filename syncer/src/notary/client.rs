//! Requests to one server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use vouchsafe_trust::{Gun, Server};

use super::auth::Authorizer;
use super::body::{self, Speed};
use super::challenge::challenges;
use super::error::cut;
use super::resource::repository_scope;
use super::{Backoff, Cause, Credentials, RequestError, Resource, RoleFile};

/// A client of one Notary server, for one pass or many.
///
/// Keeps connections and tokens. Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
#[derive(Debug)]
pub struct NotaryClient {
    server: Server,
    http: Client,
    authorizer: Authorizer,
    pinged: Mutex<bool>,
    pace: Pace,
    backoff: Backoff,
    requests: AtomicU64,
}

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
    pub(super) const fn speed(self, started: Instant) -> Speed {
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

impl NotaryClient {
    /// A client of `server`, which no request is made for.
    ///
    /// `certificates` (PEM) replace the system's roots for the server's host.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the certificates cannot be read, or there are none at all.
    pub fn new(
        server: Server,
        certificates: Option<String>,
        credentials: Option<Credentials>,
        pace: Pace,
        backoff: Backoff,
    ) -> Result<Self, SetupError> {
        let http = http_client(certificates.as_deref(), true, pace)?;
        Ok(Self {
            authorizer: Authorizer::new(server.clone(), certificates, credentials, pace),
            server,
            http,
            pinged: Mutex::new(false),
            pace,
            backoff,
            requests: AtomicU64::new(0),
        })
    }

    /// The server.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// How many requests were made so far, pings and retries included, requests for tokens not.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Announces the repositories that will be asked for, in their order, so that one token can be
    /// had for several.
    pub async fn plan(&self, guns: &[Gun]) {
        let scopes = guns.iter().map(repository_scope).collect();
        self.authorizer.plan(scopes).await;
    }

    /// Fetches a role's file of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`RequestError`] after what may pass was tried again.
    pub async fn role(
        &self,
        gun: &Gun,
        file: RoleFile,
        limit: u64,
    ) -> Result<Vec<u8>, RequestError> {
        let gun = gun.clone();
        self.get(Resource::Role { gun, file }, limit).await
    }

    /// Fetches anything of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`RequestError`] after what may pass was tried again.
    pub async fn get(&self, resource: Resource, limit: u64) -> Result<Vec<u8>, RequestError> {
        let mut attempt = 1;
        let cause = loop {
            let cause = match self.get_once(&resource, limit).await {
                Ok(body) => return Ok(body),
                Err(cause) => cause,
            };
            let Some(pause) = self.backoff.pause(attempt, &cause) else {
                break cause;
            };
            tracing::debug!(server = %self.server, %resource, %cause, ?pause, "will try again");
            sleep(pause).await;
            attempt += 1;
        };
        Err(RequestError {
            server: self.server.clone(),
            resource,
            cause: Box::new(cause),
        })
    }

    async fn get_once(&self, resource: &Resource, limit: u64) -> Result<Vec<u8>, Cause> {
        self.ping_first().await?;
        let scope = resource.scope();
        let mut challenged = 0;
        loop {
            let authorization = self.authorizer.header(&scope).await?;
            let mut headers = HeaderMap::new();
            if let Some(value) = authorization.clone() {
                headers.insert(AUTHORIZATION, value);
            }
            let (mut response, started) = self.send(resource, headers).await?;
            let speed = self.pace.speed(started);
            match response.status().as_u16() {
                200 => return body::read(&mut response, limit, speed).await,
                401 if challenged < MAX_CHALLENGES => {
                    challenged += 1;
                    let asked = challenges(response.headers());
                    let sent = authorization.as_ref();
                    self.authorizer.challenged(&asked, &scope, sent).await?;
                }
                401 => {
                    let reason = "the server refuses every token";
                    return Err(Cause::Unauthorized { reason });
                }
                status => return Err(failure(&mut response, status, speed).await),
            }
        }
    }

    /// Pings the server once, if there are credentials: its challenge says what to do with them,
    /// and spares the first requests a refusal each.
    async fn ping_first(&self) -> Result<(), Cause> {
        let mut pinged = self.pinged.lock().await;
        if *pinged || !self.authorizer.wants_ping().await {
            return Ok(());
        }
        let (response, _) = self.send(&Resource::Ping, HeaderMap::new()).await?;
        // Notary demands a scope for the ping that a token for repositories lacks: 401 is as good
        // as 200.
        if response.status().as_u16() == 401 {
            let asked = challenges(response.headers());
            let scope = Resource::Ping.scope();
            self.authorizer.challenged(&asked, &scope, None).await?;
        } else {
            self.authorizer.open().await;
        }
        *pinged = true;
        Ok(())
    }

    async fn send(
        &self,
        resource: &Resource,
        headers: HeaderMap,
    ) -> Result<(Response, Instant), Cause> {
        let url = format!("{}{}", self.server, resource.path());
        let started = Instant::now();
        self.requests.fetch_add(1, Ordering::Relaxed);
        let after = self.pace.answer;
        let response = timeout(after, self.http.get(url).headers(headers).send())
            .await
            .map_err(|_elapsed| Cause::Timeout { after })?
            .map_err(|error| Cause::of_send(&error))?;
        Ok((response, started))
    }
}

/// An HTTP client that trusts `certificates` and, unless `only` those, the system's roots.
pub(super) fn http_client(
    certificates: Option<&str>,
    only: bool,
    pace: Pace,
) -> Result<Client, SetupError> {
    let setup_error = |error: reqwest::Error| SetupError {
        reason: match std::error::Error::source(&error) {
            Some(_) => super::error::innermost(&error),
            None => error.to_string(),
        },
    };
    // reqwest takes the process's provider; another one that is there already is as good.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let builder = Client::builder()
        .user_agent(concat!("vouchsafe/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(pace.connect)
        .redirect(Policy::custom(follow));
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
fn follow(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
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

async fn failure(response: &mut Response, status: u16, speed: Speed) -> Cause {
    let header = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    if let (300..=399, Some(location)) = (status, header(LOCATION)) {
        return Cause::Redirected {
            location: cut(&location),
        };
    }
    let retry_after = header(RETRY_AFTER)
        .and_then(|seconds| seconds.trim().parse().ok())
        .map(Duration::from_secs);
    Cause::Status {
        status,
        code: body::read_error_code(response, speed).await,
        retry_after,
    }
}

/// How often one request is answered with a challenge before it counts as refused: to learn the
/// scheme, to replace a token for several scopes or a revoked one, and one to spare.
const MAX_CHALLENGES: u32 = 3;
const MAX_REDIRECTS: usize = 3;
