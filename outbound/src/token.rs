//! Bearer tokens (Docker registry token protocol) and the scopes they were asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::time::Instant;

use super::Cause;
use super::secrets::Secrets;

/// A token, as a header value.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    scopes: BTreeSet<String>,
    expires: Instant,
}

/// The tokens of one server by scope, and the scopes that will be needed soon.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_scope: BTreeMap<String, Arc<Token>>,
    planned: Vec<String>,
    position: BTreeMap<String, usize>,
    /// Scopes that a token for several did not carry.
    alone: BTreeSet<String>,
    refused_batches: u32,
    /// The last tokens that there were, whether they are still good or not.
    shown: VecDeque<HeaderValue>,
}

impl Tokens {
    /// Announces the scopes that will be needed, in their order: they are asked for together.
    pub(super) fn plan(&mut self, scopes: Vec<String>) {
        self.position = scopes
            .iter()
            .enumerate()
            .map(|(at, scope)| (scope.clone(), at))
            .collect();
        self.planned = scopes;
        self.alone.clear();
    }

    /// A token that was asked for with `scope` and lasts a while.
    pub(super) fn usable(&self, scope: &str, now: Instant) -> Option<Arc<Token>> {
        self.by_scope
            .get(scope)
            .filter(|token| token.expires > now)
            .map(Arc::clone)
    }

    /// The scopes to ask for when `scope` is needed: those that are planned next go with it, as
    /// far as the token will fit into a header.
    pub(super) fn batch(&self, scope: &str) -> Vec<String> {
        let mut batch = vec![scope.to_owned()];
        let next = self.position.get(scope).map(|at| at + 1);
        let (Some(next), true) = (next, self.may_batch(scope)) else {
            return batch;
        };
        let mut size = claim_size(scope);
        for planned in self.planned.iter().skip(next) {
            size += claim_size(planned);
            if size > MAX_CLAIMS {
                break;
            }
            if !self.alone.contains(planned) {
                batch.push(planned.clone());
            }
        }
        batch
    }

    /// Takes in an answer of the token service to a request for `scopes`.
    pub(super) fn insert(
        &mut self,
        scopes: Vec<String>,
        answer: &[u8],
        now: Instant,
    ) -> Result<Arc<Token>, Cause> {
        let unreadable = |reason| Cause::TokenUnreadable { reason };
        let answer: Answer =
            serde_json::from_slice(answer).map_err(|_error| unreadable("it is not JSON"))?;
        let token = answer.token.or(answer.access_token);
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or_else(|| unreadable("it has neither `token` nor `access_token`"))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_error| unreadable("it does not fit into a header"))?;
        header.set_sensitive(true);
        let lifetime = answer.expires_in.unwrap_or(0).clamp(60, 24 * 60 * 60);
        let token = Arc::new(Token {
            header,
            scopes: scopes.iter().cloned().collect(),
            expires: now + Duration::from_secs(lifetime) - MARGIN,
        });
        self.shown.push_back(token.header.clone());
        if self.shown.len() > MAX_SHOWN {
            self.shown.pop_front();
        }
        self.by_scope.retain(|_, token| token.expires > now);
        for scope in scopes {
            self.by_scope.insert(scope, Arc::clone(&token));
        }
        Ok(token)
    }

    /// Learns that the server did not let `scope` pass with the token `header`. Whether another
    /// token may: not if it was made for this scope alone and only lacks that.
    pub(super) fn refuse(&mut self, scope: &str, header: &HeaderValue, lacks_scope: bool) -> bool {
        let Some(token) = self
            .by_scope
            .get(scope)
            .filter(|token| token.header == *header)
            .map(Arc::clone)
        else {
            // Somebody else has learnt it already and got another one.
            return true;
        };
        if lacks_scope {
            self.by_scope.remove(scope);
            if token.scopes.len() == 1 {
                // It was not for want of a token of its own.
                self.refused_batches = self.refused_batches.saturating_sub(1);
                return false;
            }
            self.alone.insert(scope.to_owned());
            self.refused_batches += 1;
            if self.refused_batches >= MAX_REFUSED {
                self.by_scope.retain(|_, token| token.scopes.len() == 1);
            }
        } else {
            self.by_scope.retain(|_, other| !Arc::ptr_eq(other, &token));
        }
        true
    }

    /// Learns that the token service does not answer requests for several scopes.
    pub(super) fn no_batches(&mut self) {
        self.refused_batches = MAX_REFUSED;
    }

    /// Forgets all tokens, since they are of another service.
    pub(super) fn clear(&mut self) {
        self.by_scope.clear();
    }

    /// Adds the tokens to what must stay secret.
    pub(super) fn add_to(&self, secrets: &mut Secrets) {
        for token in &self.shown {
            if let Some(token) = token.to_str().ok().and_then(|h| h.strip_prefix("Bearer ")) {
                secrets.add(token);
            }
        }
    }

    fn may_batch(&self, scope: &str) -> bool {
        self.refused_batches < MAX_REFUSED && !self.alone.contains(scope)
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// What a scope adds to a token: about 55 bytes of JSON besides the name, in base64.
const fn claim_size(scope: &str) -> usize {
    (scope.len() + 55) * 4 / 3
}

/// Space for claims in a header of about 4 KiB, besides signature and certificates: front proxies
/// take 8 KiB for all headers.
const MAX_CLAIMS: usize = 3 * 1024;
/// A token is renewed this long before it expires, so that it lasts as long as a request.
const MARGIN: Duration = Duration::from_secs(10);
/// Tokens that a server may still quote.
const MAX_SHOWN: usize = 16;
/// After so many scopes that a token for several lacked, the server is taken to grant one only.
const MAX_REFUSED: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = br#"{"token": "t1"}"#;

    fn scopes(count: usize) -> Vec<String> {
        (0..count)
            .map(|n| format!("repository:example.com/team/app{n:04}:pull"))
            .collect()
    }

    #[test]
    fn one_token_serves_the_scopes_that_come_next() {
        let mut tokens = Tokens::default();
        let planned = scopes(100);
        tokens.plan(planned.clone());
        let batch = tokens.batch(&planned[10]);
        assert!(batch.len() > 10 && batch.len() < 50, "{}", batch.len());
        assert_eq!(batch, planned[10..10 + batch.len()]);

        let now = Instant::now();
        tokens.insert(batch.clone(), ANSWER, now).unwrap();
        assert!(batch.iter().all(|s| tokens.usable(s, now).is_some()));
        assert!(tokens.usable(&planned[9], now).is_none());
        assert_eq!(
            tokens.batch("registry:catalog:*"),
            ["registry:catalog:*"],
            "what is not planned is asked for alone"
        );
    }

    #[test]
    fn a_token_is_renewed_before_it_expires() {
        let cases = [
            (r#"{"token":"t"}"#, 50),
            (r#"{"access_token":"t","expires_in":5}"#, 50),
            (r#"{"token":"t","expires_in":300}"#, 290),
        ];
        for (answer, usable) in cases {
            let mut tokens = Tokens::default();
            let now = Instant::now();
            tokens
                .insert(vec!["s".to_owned()], answer.as_bytes(), now)
                .unwrap();
            let at = |seconds| tokens.usable("s", now + Duration::from_secs(seconds));
            assert!(at(usable - 1).is_some(), "{answer}");
            assert!(at(usable).is_none(), "{answer}");
        }
    }

    #[test]
    fn what_is_no_token_is_said() {
        for answer in [
            "",
            "{}",
            r#"{"token":""}"#,
            r#"{"token":"a\nb"}"#,
            r#"{"token":1}"#,
        ] {
            let mut tokens = Tokens::default();
            let refused = tokens.insert(vec!["s".to_owned()], answer.as_bytes(), Instant::now());
            assert!(
                matches!(refused, Err(Cause::TokenUnreadable { .. })),
                "{answer}"
            );
        }
    }

    #[test]
    fn a_scope_that_a_batch_lacked_is_asked_for_once_more_alone() {
        let mut tokens = Tokens::default();
        let planned = scopes(3);
        tokens.plan(planned.clone());
        let now = Instant::now();
        let batch = tokens.batch(&planned[0]);
        assert_eq!(batch.len(), 3);
        let token = tokens.insert(batch, ANSWER, now).unwrap();
        assert!(tokens.refuse(&planned[1], &token.header, true));
        assert_eq!(tokens.batch(&planned[1]), [planned[1].clone()]);
        let alone = tokens
            .insert(vec![planned[1].clone()], br#"{"token":"t2"}"#, now)
            .unwrap();
        assert!(!tokens.refuse(&planned[1], &alone.header, true));
        assert!(tokens.usable(&planned[0], now).is_some());
    }

    #[test]
    fn a_revoked_token_is_gone_for_all_its_scopes() {
        let mut tokens = Tokens::default();
        let planned = scopes(3);
        tokens.plan(planned.clone());
        let now = Instant::now();
        let batch = tokens.batch(&planned[0]);
        let token = tokens.insert(batch, ANSWER, now).unwrap();
        assert!(tokens.refuse(&planned[0], &token.header, false));
        assert!(planned.iter().all(|s| tokens.usable(s, now).is_none()));
    }
}
