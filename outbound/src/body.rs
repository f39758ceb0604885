//! Reading answers of unknown length from servers of unknown intent.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{LOCATION, RETRY_AFTER};
use tokio::time::{Instant, timeout_at};

use super::Cause;
use super::cause::{cut, innermost};

/// How fast an answer has to come.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// When the request was sent.
    pub started: Instant,
    /// The time that every answer has, however short.
    pub grace: Duration,
    /// Bytes a second on average, beyond the grace.
    pub least: u32,
    /// The time that no answer may exceed.
    pub total: Duration,
}

impl Speed {
    /// When the next piece must be there, after `received` bytes.
    fn deadline(self, received: u64) -> Instant {
        let earned = Duration::from_secs(received / u64::from(self.least.max(1)));
        self.started + self.grace.saturating_add(earned).min(self.total)
    }
}

/// Reads a body of at most `limit` bytes.
///
/// A stated length above the limit is refused before anything is read; otherwise the stream is
/// counted.
///
/// # Errors
///
/// [`Cause::TooSlow`], [`Cause::Interrupted`] or [`Cause::TooLarge`].
pub async fn read(response: &mut Response, limit: u64, speed: Speed) -> Result<Vec<u8>, Cause> {
    if let Some(length) = response.content_length().filter(|length| *length > limit) {
        return Err(Cause::TooLarge { length, limit });
    }
    let mut body = Vec::new();
    while let Some(piece) = next(response, length(&body), limit, speed).await? {
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The next piece of a body of which `received` bytes have come, and at most `limit` may; `None` at
/// its end.
///
/// # Errors
///
/// [`Cause::TooSlow`], [`Cause::Interrupted`] or [`Cause::TooLarge`].
pub async fn next(
    response: &mut Response,
    received: u64,
    limit: u64,
    speed: Speed,
) -> Result<Option<Bytes>, Cause> {
    let Ok(piece) = timeout_at(speed.deadline(received), response.chunk()).await else {
        let after = speed.started.elapsed();
        return Err(Cause::TooSlow { received, after });
    };
    let piece = piece.map_err(|error| {
        let reason = innermost(&error);
        Cause::Interrupted { received, reason }
    })?;
    let Some(piece) = piece else {
        return Ok(None);
    };
    let length = received.saturating_add(length(&piece));
    if length > limit {
        return Err(Cause::TooLarge { length, limit });
    }
    Ok(Some(piece))
}

/// What an answer says that is none of those wanted: its error code and its `Retry-After`, or where
/// it sends to.
pub async fn refusal(response: &mut Response, speed: Speed) -> Cause {
    let status = response.status().as_u16();
    let header = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    if let (300..=399, Some(location)) = (status, header(LOCATION)) {
        return Cause::Redirected {
            // A query may hold what gives access.
            location: cut(&without_login(
                location.split(['?', '#']).next().unwrap_or_default(),
            )),
        };
    }
    let retry_after = header(RETRY_AFTER)
        .and_then(|seconds| seconds.trim().parse().ok())
        .map(Duration::from_secs);
    Cause::Status {
        status,
        code: read_error_code(response, speed).await,
        retry_after,
    }
}

/// An address without the user and the password that it may have.
fn without_login(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("//") else {
        return address.to_owned();
    };
    let (host, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}//{host}{path}")
}

/// The server's error code, from the first KiB of an error's body; whatever is no error as Notary and
/// registries write one has none.
async fn read_error_code(response: &mut Response, speed: Speed) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < ERROR_BODY {
        let deadline = speed.deadline(length(&body));
        let Ok(Ok(Some(piece))) = timeout_at(deadline, response.chunk()).await else {
            break;
        };
        body.extend_from_slice(&piece);
    }
    body.truncate(ERROR_BODY);
    error_code(&body)
}

/// The value of the first `"code":"…"`. The body may be cut off, so it is not parsed as a whole.
pub(crate) fn error_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("\"errors\"")?;
    let (_, rest) = rest.split_once("\"code\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let (code, _) = rest.strip_prefix('"')?.split_once('"')?;
    let is_code = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    (!code.is_empty() && code.len() <= 64 && code.bytes().all(is_code)).then(|| code.to_owned())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// As much of an error's body as Notary's client looks at.
const ERROR_BODY: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notary_error_has_a_code() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (
                br#"{"errors":[{"code":"METADATA_NOT_FOUND","message":"x"}]}"#,
                Some("METADATA_NOT_FOUND"),
            ),
            (
                br#"{ "errors" : [ { "code" : "UNKNOWN" , "message": "cut o"#,
                Some("UNKNOWN"),
            ),
            (b"<html>404</html>", None),
            (br#"{"code":"METADATA_NOT_FOUND"}"#, None),
            (br#"{"errors":[{"code":"<script>"}]}"#, None),
            (b"", None),
        ];
        for (body, expected) in cases {
            assert_eq!(error_code(body).as_deref(), expected);
        }
    }

    #[test]
    fn an_address_is_shown_without_its_login() {
        let cases = [
            ("https://u:p@example.com/a@b", "https://example.com/a@b"),
            ("//u:p@example.com", "//example.com"),
            ("https://example.com/", "https://example.com/"),
            ("/a", "/a"),
            ("", ""),
        ];
        for (address, shown) in cases {
            assert_eq!(without_login(address), shown);
        }
    }

    #[test]
    fn every_byte_earns_time_up_to_the_total() {
        let started = Instant::now();
        let speed = Speed {
            started,
            grace: Duration::from_secs(10),
            least: 1000,
            total: Duration::from_mins(1),
        };
        assert_eq!(speed.deadline(0) - started, Duration::from_secs(10));
        assert_eq!(speed.deadline(5000) - started, Duration::from_secs(15));
        assert_eq!(speed.deadline(u64::MAX) - started, Duration::from_mins(1));
    }
}
