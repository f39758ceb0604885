//! A service that gives tokens for a server.

use reqwest::header::AUTHORIZATION;
use reqwest::{Client, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout};

use super::auth::{basic, unauthorized};
use super::client::Pace;
use super::credentials::Login;
use super::{Cause, body};

/// A token service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) realm: Url,
    pub(super) name: Option<String>,
    pub(super) http: Client,
}

impl Service {
    /// Asks for a token for `scopes`; returns the answer as it is.
    pub(super) async fn ask(
        &self,
        scopes: &[String],
        login: Option<&Login>,
        pace: Pace,
    ) -> Result<Vec<u8>, Cause> {
        let request = match login {
            Some(Login::IdentityToken(token)) => self.exchange(scopes, token),
            Some(password) => {
                let header = basic(password)?;
                self.get(scopes, login).header(AUTHORIZATION, header)
            }
            None => self.get(scopes, None),
        };
        let started = Instant::now();
        let after = pace.answer;
        let mut response = timeout(after, request.send())
            .await
            .map_err(|_elapsed| Cause::Timeout { after })?
            .map_err(|error| Cause::of_send(&error))?;
        let speed = pace.speed(started);
        match response.status().as_u16() {
            200 => body::read(&mut response, MAX_TOKEN, speed).await,
            401 if login.is_some() => Err(unauthorized("the configured credentials are refused")),
            401 => Err(unauthorized("it wants credentials; none are configured")),
            status => Err(Cause::Status {
                status,
                code: None,
                retry_after: None,
            }),
        }
    }

    /// Asks for a token with `Authorization`, or with nothing (Docker registry token protocol).
    fn get(&self, scopes: &[String], login: Option<&Login>) -> RequestBuilder {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(name) = &self.name {
                query.append_pair("service", name);
            }
            for scope in scopes {
                query.append_pair("scope", scope);
            }
            if let Some(Login::Password { username, .. }) = login {
                query.append_pair("account", username);
            }
        }
        self.http.get(url)
    }

    /// Asks for a token in exchange for an identity token (the same protocol's OAuth 2.0 form).
    fn exchange(&self, scopes: &[String], token: &SecretString) -> RequestBuilder {
        let scopes = scopes.join(" ");
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", "vouchsafe"),
            ("scope", &scopes),
            ("refresh_token", token.expose_secret()),
        ];
        if let Some(name) = &self.name {
            form.push(("service", name));
        }
        self.http.post(self.realm.clone()).form(&form)
    }
}

/// The most that is read of a token service's answer.
const MAX_TOKEN: u64 = 64 * 1024;
