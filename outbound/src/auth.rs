//! Authentication with one server: none, Basic, or Bearer tokens.

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use vouchsafe_trust::Server;

use super::cause::cut;
use super::challenge::{Challenge, challenges};
use super::client::{Pace, SetupError, http_client};
use super::credentials::Login;
use super::secrets::Secrets;
use super::service::Service;
use super::token::Tokens;
use super::{Cause, Credentials};

/// Knows how to authenticate with one server, as far as the server has said so.
#[derive(Debug)]
pub struct Authorizer {
    server: Server,
    certificates: Option<String>,
    credentials: Option<Credentials>,
    pace: Pace,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    scheme: Scheme,
    tokens: Tokens,
}

#[derive(Debug)]
enum Scheme {
    Basic(HeaderValue),
    Bearer(Service),
    /// Nothing is asked for.
    Open,
    /// The server has not been asked yet, though there are credentials for it.
    Unknown,
}

impl Authorizer {
    /// Knows nothing yet. `certificates` (PEM) replace the system's roots for the server's host.
    pub fn new(
        server: Server,
        certificates: Option<String>,
        credentials: Option<Credentials>,
        pace: Pace,
    ) -> Self {
        let scheme = match credentials {
            Some(_) => Scheme::Unknown,
            None => Scheme::Open,
        };
        let state = State {
            scheme,
            tokens: Tokens::default(),
        };
        Self {
            server,
            certificates,
            credentials,
            pace,
            state: Mutex::new(state),
        }
    }

    /// Announces the scopes that will be needed, in their order.
    pub async fn plan(&self, scopes: Vec<String>) {
        self.state.lock().await.tokens.plan(scopes);
    }

    /// Whether the server should be pinged first, to learn how it authenticates.
    pub async fn wants_ping(&self) -> bool {
        matches!(self.state.lock().await.scheme, Scheme::Unknown)
    }

    /// Learns that the server answers without credentials. It may still ask for some later.
    pub async fn open(&self) {
        let mut state = self.state.lock().await;
        if matches!(state.scheme, Scheme::Unknown) {
            state.scheme = Scheme::Open;
        }
    }

    /// The `Authorization` header for a request that needs `scope`.
    ///
    /// # Errors
    ///
    /// [`Cause`] if no token is to be had.
    pub async fn header(&self, scope: &str) -> Result<Option<HeaderValue>, Cause> {
        let state = self.state.lock().await;
        match &state.scheme {
            Scheme::Open | Scheme::Unknown => Ok(None),
            Scheme::Basic(header) => Ok(Some(header.clone())),
            Scheme::Bearer(service) => {
                if let Some(token) = state.tokens.usable(scope, Instant::now()) {
                    return Ok(Some(token.header.clone()));
                }
                let service = service.clone();
                // The lock is held meanwhile: others that wait will most likely be served by the
                // same token.
                self.fetch_token(state, &service, scope).await.map(Some)
            }
        }
    }

    /// Learns from the headers of a 401 to a request with the `Authorization` header `sent`; fine if
    /// it should be tried again.
    ///
    /// # Errors
    ///
    /// [`Cause::Unauthorized`] if that would help nothing, [`Cause::Realm`] if the server names a token
    /// service that must not be asked, [`Cause::Credentials`].
    pub async fn challenged(
        &self,
        answer: &HeaderMap,
        scope: &str,
        sent: Option<&HeaderValue>,
    ) -> Result<(), Cause> {
        let challenges = challenges(answer);
        let find = |scheme| challenges.iter().find(|c| c.scheme == scheme);
        if let Some(bearer) = find("bearer") {
            self.challenged_bearer(bearer, scope, sent).await
        } else if find("basic").is_some() {
            self.challenged_basic(sent).await
        } else {
            Err(unauthorized(
                "the server names no way to authenticate that is supported (Basic, Bearer)",
            ))
        }
    }

    /// The same cause, without what the server was shown and sends back.
    pub async fn conceal(&self, cause: Cause) -> Cause {
        let mut secrets = Secrets::default();
        if let Ok(Some(login)) = self.login() {
            secrets.add_login(&login);
        }
        self.state.lock().await.tokens.add_to(&mut secrets);
        secrets.hidden(cause)
    }

    async fn challenged_basic(&self, sent: Option<&HeaderValue>) -> Result<(), Cause> {
        let Some(login) = self.login()? else {
            return Err(unauthorized(
                "the server wants credentials; none are configured",
            ));
        };
        let header = basic(&login)?;
        if sent == Some(&header) {
            return Err(unauthorized(
                "the server refuses the configured credentials",
            ));
        }
        self.state.lock().await.scheme = Scheme::Basic(header);
        Ok(())
    }

    async fn challenged_bearer(
        &self,
        challenge: &Challenge,
        scope: &str,
        sent: Option<&HeaderValue>,
    ) -> Result<(), Cause> {
        let realm = self.realm(challenge.parameter("realm").unwrap_or_default())?;
        let name = challenge.parameter("service").map(str::to_owned);
        let mut state = self.state.lock().await;
        match (&state.scheme, sent) {
            (Scheme::Bearer(known), Some(sent)) if known.realm == realm && known.name == name => {
                let lacks_scope = challenge.parameter("error") != Some("invalid_token");
                if state.tokens.refuse(scope, sent, lacks_scope) {
                    Ok(())
                } else {
                    Err(unauthorized("the token service does not grant access"))
                }
            }
            (Scheme::Bearer(known), None) if known.realm == realm && known.name == name => Ok(()),
            _ => {
                let http = self.realm_client(&realm)?;
                state.tokens.clear();
                state.scheme = Scheme::Bearer(Service { realm, name, http });
                Ok(())
            }
        }
    }

    /// Reads the realm, and refuses one to which the credentials must not be sent.
    fn realm(&self, realm: &str) -> Result<Url, Cause> {
        let refused = |reason| Cause::Realm {
            // A query may hold what gives access.
            realm: cut(realm.split(['?', '#']).next().unwrap_or_default()),
            reason,
        };
        let url: Url = realm.parse().map_err(|_error| refused("it is not a URL"))?;
        match url.scheme() {
            "http" if !self.server.is_plain() => Err(refused("it has no TLS, and the server has")),
            "http" if self.credentials.is_some() && !self.is_same_host(&url) => Err(refused(
                "credentials are not sent to another host without TLS",
            )),
            "https" | "http" => Ok(url),
            _ => Err(refused("it is neither https nor http")),
        }
    }

    fn is_same_host(&self, url: &Url) -> bool {
        self.server
            .as_str()
            .parse::<Url>()
            .is_ok_and(|server| server.host() == url.host())
    }

    fn realm_client(&self, realm: &Url) -> Result<Client, Cause> {
        // The server's own certificates replace the system's roots for its host only.
        let certificates = self.certificates.as_deref();
        http_client(certificates, self.is_same_host(realm), self.pace).map_err(
            |SetupError { reason }| Cause::TokenService {
                realm: without_query(realm),
                cause: Box::new(Cause::Connect { reason }),
            },
        )
    }

    async fn fetch_token(
        &self,
        mut state: MutexGuard<'_, State>,
        service: &Service,
        scope: &str,
    ) -> Result<HeaderValue, Cause> {
        let login = self.login()?;
        let failed = |cause| Cause::TokenService {
            realm: without_query(&service.realm),
            cause: Box::new(cause),
        };
        let mut scopes = state.tokens.batch(scope);
        let mut answer = service.ask(&scopes, login.as_ref(), self.pace).await;
        let refused = |cause: &Cause| {
            matches!(
                cause,
                Cause::Status {
                    status: 400..=499,
                    ..
                }
            )
        };
        if scopes.len() > 1 && answer.as_ref().is_err_and(refused) {
            state.tokens.no_batches();
            scopes.truncate(1);
            answer = service.ask(&scopes, login.as_ref(), self.pace).await;
        }
        let token = state
            .tokens
            .insert(scopes, &answer.map_err(failed)?, Instant::now())
            .map_err(failed)?;
        Ok(token.header.clone())
    }

    fn login(&self) -> Result<Option<Login>, Cause> {
        let Some(credentials) = &self.credentials else {
            return Ok(None);
        };
        Ok(credentials.login(&self.server)?)
    }
}

/// The value of an `Authorization` header.
pub(super) fn basic(login: &Login) -> Result<HeaderValue, Cause> {
    let Some(value) = login.basic() else {
        return Err(unauthorized(
            "the server wants a user name and a password; an identity token is configured",
        ));
    };
    let mut header = HeaderValue::from_str(&format!("Basic {value}"))
        .map_err(|_error| unauthorized("the credentials do not fit into a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

pub(super) const fn unauthorized(reason: &'static str) -> Cause {
    Cause::Unauthorized { reason }
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // A URL that cannot have a user has none.
    match url.set_username("").and_then(|()| url.set_password(None)) {
        Ok(()) => cut(url.as_str()),
        Err(()) => cut(url.host_str().unwrap_or_default()),
    }
}

/// How often one request is answered with a challenge before it counts as refused: to learn the
/// scheme, to replace a token for several scopes or a revoked one, and one to spare.
pub const MAX_CHALLENGES: u32 = 3;
