//! Authentication: HTTP Basic, and the Docker registry token protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::answer::Reply;
use super::route::Asked;
use crate::harness::http::Request;
use crate::harness::token_issuer::{SERVICE, TokenIssuer};

/// What the server demands of a request.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Nothing.
    #[default]
    Open,
    /// A user and a password with every request.
    Basic(Login),
    /// A token from the server's own `/token`.
    Token(TokenService),
}

/// A user and a password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A token service and what it grants.
#[derive(Clone, Debug)]
pub struct TokenService {
    /// Who gets tokens; `None` gives them to anyone.
    pub login: Option<Login>,
    /// How long a token is good for, and the `expires_in` that says so; `None` says nothing and means sixty seconds.
    pub lifetime: Option<Duration>,
    /// Whether the global changefeed (`registry:catalog:*`) is granted; Harbor never did.
    pub grants_catalog: bool,
    /// Repositories that are refused although the login is good.
    pub refused: BTreeSet<String>,
    /// How many of the asked scopes one token carries at most.
    pub scopes_per_token: usize,
    /// Signs the tokens, for a real server to check; without it they are plain words that only
    /// this server knows.
    pub issuer: Option<Arc<TokenIssuer>>,
}

/// The tokens that a server has given out.
#[derive(Debug, Default)]
pub(super) struct IssuedTokens(BTreeMap<String, Token>);

#[derive(Debug)]
struct Token {
    scopes: BTreeSet<String>,
    expires: Instant,
}

impl Login {
    /// Makes one.
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    fn sent_with(&self, request: &Request) -> bool {
        let expected = STANDARD.encode(format!("{}:{}", self.user, self.password));
        request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Basic "))
            == Some(expected.as_str())
    }
}

impl Default for TokenService {
    /// Anyone gets a token for anything, for five minutes, with as many scopes as asked.
    fn default() -> Self {
        Self {
            login: None,
            lifetime: Some(Duration::from_mins(5)),
            grants_catalog: true,
            refused: BTreeSet::new(),
            scopes_per_token: usize::MAX,
            issuer: None,
        }
    }
}

impl Access {
    /// The answer to a request that is not let through; `None` lets it through.
    pub(super) fn refusal(
        &self,
        issued: &IssuedTokens,
        base: &str,
        asked: &Asked,
        request: &Request,
    ) -> Option<Reply> {
        match self {
            Self::Open => None,
            Self::Basic(login) => {
                (!login.sent_with(request)).then(|| unauthorized("Basic realm=\"notary\""))
            }
            Self::Token(_) => issued.refusal(base, asked, request),
        }
    }

    /// The answer of `/token`.
    pub(super) fn issue_token(&self, issued: &mut IssuedTokens, request: &Request) -> Reply {
        match self {
            Self::Token(service) => service.issue(issued, request),
            Self::Open | Self::Basic(_) => Reply::error(404, "METADATA_NOT_FOUND"),
        }
    }
}

impl IssuedTokens {
    fn refusal(&self, base: &str, asked: &Asked, request: &Request) -> Option<Reply> {
        let needed = scope_of(asked);
        let challenge = |error: &str| {
            unauthorized(&format!(
                "Bearer realm=\"{base}/token\",service=\"{SERVICE}\",scope=\"{needed}\"{error}"
            ))
        };
        let Some(token) = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
        else {
            return Some(challenge(""));
        };
        match self.0.get(token) {
            Some(token) if token.expires > Instant::now() && token.scopes.contains(&needed) => None,
            Some(token) if token.expires > Instant::now() => {
                Some(challenge(",error=\"insufficient_scope\""))
            }
            Some(_) | None => Some(challenge(",error=\"invalid_token\"")),
        }
    }
}

impl TokenService {
    fn issue(&self, issued: &mut IssuedTokens, request: &Request) -> Reply {
        if self
            .login
            .as_ref()
            .is_some_and(|login| !login.sent_with(request))
        {
            return unauthorized("Basic realm=\"token service\"");
        }
        let scopes: BTreeSet<String> = request
            .query("scope")
            .iter()
            .flat_map(|scopes| scopes.split(' '))
            .take(self.scopes_per_token)
            .flat_map(single_actions)
            .filter(|scope| self.grants(scope))
            .collect();
        let lifetime = self.lifetime.unwrap_or(UNSTATED_LIFETIME);
        let token = self.issuer.as_ref().map_or_else(
            || format!("token-{}", issued.0.len() + 1),
            |issuer| issuer.token(&scopes, lifetime),
        );
        let expires = Instant::now() + lifetime;
        issued.0.insert(token.clone(), Token { scopes, expires });
        let mut answer = json!({"token": token});
        if let (Some(lifetime), Some(answer)) = (self.lifetime, answer.as_object_mut()) {
            answer.insert("expires_in".to_owned(), lifetime.as_secs().into());
        }
        Reply::json(&answer)
    }

    fn grants(&self, scope: &str) -> bool {
        match scope
            .strip_prefix("repository:")
            .and_then(|rest| rest.rsplit_once(':'))
        {
            Some((gun, _)) => !self.refused.contains(gun),
            None => scope == CATALOG && self.grants_catalog,
        }
    }
}

/// `repository:app:push,pull` as one scope per action.
fn single_actions(scope: &str) -> Vec<String> {
    let Some((resource, actions)) = scope.rsplit_once(':') else {
        return Vec::new();
    };
    let scope_of = |action| format!("{resource}:{action}");
    actions.split(',').map(scope_of).collect()
}

/// The scope that Notary demands: the catalog for everything that is not of one repository, the ping included.
fn scope_of(asked: &Asked) -> String {
    match asked {
        Asked::File { gun, .. } | Asked::Feed(Some(gun)) => format!("repository:{gun}:pull"),
        Asked::Ping | Asked::Token | Asked::Feed(None) | Asked::Unknown => CATALOG.to_owned(),
    }
}

fn unauthorized(challenge: &str) -> Reply {
    Reply::error(401, "UNAUTHORIZED").with_header("Www-Authenticate", challenge)
}

const CATALOG: &str = "registry:catalog:*";
const UNSTATED_LIFETIME: Duration = Duration::from_mins(1);
