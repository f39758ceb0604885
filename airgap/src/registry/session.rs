//! Requests to one registry.

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout};
use vouchsafe_outbound::auth::{Authorizer, MAX_CHALLENGES};
use vouchsafe_outbound::body::{self, Speed};
use vouchsafe_outbound::{Backoff, Cause, cut};
use vouchsafe_trust::Server;

use super::artifact::{INDEX, MANIFEST};
use super::{RegistryClient, RegistryError, RegistryRef, RegistryTimeouts};

/// What is done in one repository, with the tokens for it.
#[derive(Debug)]
pub(super) struct Session<'client> {
    client: &'client RegistryClient,
    server: &'client Server,
    repository: &'client str,
    authorizer: Authorizer,
    scope: String,
}

/// What the account has to be allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    Pull,
    Push,
}

/// A request without a body, or with one that is in memory.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

/// An answer, and how fast its body has to come.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) speed: Speed,
}

/// How often something was tried.
#[derive(Debug)]
pub(super) struct Attempts {
    backoff: Backoff,
    made: u32,
}

impl Ask {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// Asks for manifests and indexes.
    pub(super) fn accepting_manifests(mut self) -> Self {
        for kind in [MANIFEST, INDEX] {
            self.headers.append(ACCEPT, HeaderValue::from_static(kind));
        }
        self
    }

    pub(super) fn with_body(mut self, kind: &'static str, body: Vec<u8>) -> Self {
        let kind = HeaderValue::from_static(kind);
        self.headers.insert(reqwest::header::CONTENT_TYPE, kind);
        self.body = Some(body);
        self
    }

    /// Whether it may be sent elsewhere: what only reads may.
    fn may_move(&self) -> bool {
        [Method::GET, Method::HEAD].contains(&self.method)
    }
}

impl<'client> Session<'client> {
    pub(super) fn new(
        client: &'client RegistryClient,
        target: &'client RegistryRef,
        access: Access,
    ) -> Self {
        let options = client.options();
        let actions = match access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let authorizer = Authorizer::new(
            target.server().clone(),
            options.certificates.clone(),
            options.credentials.clone(),
            options.timeouts.pace(),
        );
        Self {
            client,
            server: target.server(),
            repository: target.repository(),
            authorizer,
            scope: format!("repository:{}:{actions}", target.repository()),
        }
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts {
            backoff: self.client.options().backoff,
            made: 0,
        }
    }

    pub(super) const fn timeouts(&self) -> RegistryTimeouts {
        self.client.options().timeouts
    }

    /// The address of something in the repository.
    pub(super) fn url(&self, rest: &str) -> Result<Url, RegistryError> {
        let url = format!("{}/v2/{}/{rest}", self.server, self.repository);
        // A reference has only characters that a URL may have.
        url.parse().map_err(|_error| {
            let location = cut(&url);
            RegistryError::of(rest, Cause::Redirected { location })
        })
    }

    /// Sends a request, with what the registry asks for to let it pass, to where it sends it.
    ///
    /// Credentials go to the registry's own address only: not to the store behind it, which gets an
    /// address that is good for this request alone.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer, Cause> {
        match self.send_on(ask).await {
            Err(cause) => Err(self.authorizer.conceal(cause).await),
            answer => answer,
        }
    }

    async fn send_on(&self, ask: &Ask) -> Result<Answer, Cause> {
        let mut url = ask.url.clone();
        let (mut challenged, mut moved) = (0, 0);
        loop {
            let (http, authorization) = self.way_to(&url).await?;
            let mut request = http.request(ask.method.clone(), url.clone());
            request = request.headers(ask.headers.clone());
            if let Some(body) = &ask.body {
                request = request.body(body.clone());
            }
            let answer = self.answered(request, authorization.as_ref()).await?;
            let status = answer.response.status();
            if status == StatusCode::UNAUTHORIZED && self.is_own(&url) {
                challenged += 1;
                let sent = authorization.as_ref();
                self.challenged(&answer, sent, challenged).await?;
            } else if let Some(next) = location(&answer.response).filter(|_| ask.may_move()) {
                moved += 1;
                if moved > MAX_REDIRECTS {
                    let location = "one place after the other".to_owned();
                    return Err(Cause::Redirected { location });
                }
                url = self.destination(&url, next)?;
            } else {
                return Ok(answer);
            }
        }
    }

    /// The client and the `Authorization` header for an address.
    pub(super) async fn way_to(&self, url: &Url) -> Result<(&Client, Option<HeaderValue>), Cause> {
        if !self.is_own(url) {
            return Ok((self.client.elsewhere(), None));
        }
        let authorization = self.authorizer.header(&self.scope).await?;
        Ok((self.client.registry(), authorization))
    }

    /// Sends a request as it is and waits for its answer to begin.
    async fn answered(
        &self,
        mut request: RequestBuilder,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Cause> {
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let timeouts = self.timeouts();
        let (started, after) = (Instant::now(), timeouts.answer);
        let response = timeout(after, request.send())
            .await
            .map_err(|_elapsed| Cause::Timeout { after })?
            .map_err(|error| Cause::of_send(&error))?;
        let speed = timeouts.pace().speed(started);
        Ok(Answer { response, speed })
    }

    /// Learns from a 401, the `count`th to a request; fine if it should be tried again.
    pub(super) async fn challenged(
        &self,
        answer: &Answer,
        sent: Option<&HeaderValue>,
        count: u32,
    ) -> Result<(), Cause> {
        if count > MAX_CHALLENGES {
            let reason = "the registry refuses every token";
            return Err(Cause::Unauthorized { reason });
        }
        let headers = answer.response.headers();
        self.authorizer.challenged(headers, &self.scope, sent).await
    }

    /// Where `location` leads from `url`, unless that is from TLS to plain text.
    pub(super) fn destination(&self, url: &Url, location: &str) -> Result<Url, Cause> {
        let next = url.join(location).ok().filter(|next| match next.scheme() {
            "https" => true,
            "http" => url.scheme() == "http" && self.server.is_plain(),
            _ => false,
        });
        // A query may hold what gives access.
        let shown = location.split(['?', '#']).next().unwrap_or_default();
        next.ok_or_else(|| Cause::Redirected {
            location: cut(shown),
        })
    }

    /// Whether an address is the registry's own, which alone is given credentials.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        self.server.as_str().parse::<Url>().is_ok_and(|own| {
            own.scheme() == url.scheme()
                && own.host() == url.host()
                && own.port_or_known_default() == url.port_or_known_default()
        })
    }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The text of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The whole body, of at most `limit` bytes.
    pub(super) async fn body(mut self, limit: u64) -> Result<Vec<u8>, Cause> {
        body::read(&mut self.response, limit, self.speed).await
    }

    /// Why it is not what was wanted.
    pub(super) async fn refusal(mut self) -> Cause {
        body::refusal(&mut self.response, self.speed).await
    }
}

impl Attempts {
    /// Waits before the next one; the error itself, if there should be none.
    pub(super) async fn after(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        self.made += 1;
        let transient = error.transient();
        let Some(pause) = transient.and_then(|cause| self.backoff.pause(self.made, cause)) else {
            return Err(error);
        };
        tracing::debug!(%error, ?pause, "will try again");
        sleep(pause).await;
        Ok(())
    }
}

/// Where a redirect leads.
fn location(response: &Response) -> Option<&str> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    location.to_str().ok()
}

const MAX_REDIRECTS: u32 = 4;
