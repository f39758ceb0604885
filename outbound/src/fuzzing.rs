//! What reads the answers of servers, for those who fuzz it and for nobody else.

use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use tokio::time::Instant;

/// The error code in the beginning of an error's body.
pub fn error_code(body: &[u8]) -> Option<String> {
    crate::body::error_code(body)
}

/// How many challenges a `WWW-Authenticate` header has; nothing where it is no header.
pub fn challenges(header: &[u8]) -> Option<usize> {
    let value = HeaderValue::from_bytes(header).ok()?;
    let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
    Some(crate::challenge::challenges(&headers).len())
}

/// Whether an answer of a token service has a token.
pub fn token(answer: &[u8]) -> bool {
    let scopes = vec!["repository:registry.example.com/app:pull".to_owned()];
    let mut tokens = crate::token::Tokens::default();
    tokens.insert(scopes, answer, Instant::now()).is_ok()
}
