//! Requests to one server.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Response};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use vouchsafe_outbound::auth::{Authorizer, MAX_CHALLENGES};
use vouchsafe_outbound::{Backoff, Cause, Credentials, Pace, SetupError, body, http_client};
use vouchsafe_trust::{Gun, Server};

use super::resource::repository_scope;
use super::{RequestError, Resource, RoleFile};

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
    /// Taken for each request, until its answer is read.
    turns: Semaphore,
    requests: AtomicU64,
}

impl NotaryClient {
    /// A client of `server`, which no request is made for. It makes one request at a time.
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
            turns: Semaphore::new(1),
            requests: AtomicU64::new(0),
        })
    }

    /// The client that makes up to so many requests at once; at least one.
    #[must_use]
    pub fn at_once(self, requests: usize) -> Self {
        Self {
            turns: Semaphore::new(requests.clamp(1, Semaphore::MAX_PERMITS)),
            ..self
        }
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
        match self.ask(resource, limit).await {
            Err(cause) => Err(self.authorizer.conceal(cause).await),
            answer => answer,
        }
    }

    async fn ask(&self, resource: &Resource, limit: u64) -> Result<Vec<u8>, Cause> {
        // Never closed, so there always is a turn.
        let _turn = self.turns.acquire().await.ok();
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
                    let (asked, sent) = (response.headers(), authorization.as_ref());
                    self.authorizer.challenged(asked, &scope, sent).await?;
                }
                401 => {
                    let reason = "the server refuses every token";
                    return Err(Cause::Unauthorized { reason });
                }
                _ => return Err(body::refusal(&mut response, speed).await),
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
            let (asked, scope) = (response.headers(), Resource::Ping.scope());
            self.authorizer.challenged(asked, &scope, None).await?;
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
