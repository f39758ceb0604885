//! Why a server did not give what was asked of it.

use std::error::Error as _;
use std::time::Duration;

use super::CredentialsError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// There was no connection, or no TLS.
    #[error("cannot connect: {reason}")]
    Connect {
        /// What the network said.
        reason: String,
    },
    /// The configured credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The connection broke in the middle of an answer.
    #[error("the answer broke off after {received} bytes: {reason}")]
    Interrupted {
        /// Bytes of the body until then.
        received: u64,
        /// What the network said.
        reason: String,
    },
    /// The server names a token service to which credentials must not go.
    #[error("the token service {realm} is not asked: {reason}")]
    Realm {
        /// The token service's address as the server stated it, cut at 200 characters.
        realm: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server sends elsewhere.
    #[error("redirected to {location}, which is not followed")]
    Redirected {
        /// Where to, cut at 200 characters.
        location: String,
    },
    /// An answer with an error status.
    #[error("status {status}{}", with_code(.code.as_deref()))]
    Status {
        /// The HTTP status.
        status: u16,
        /// The server's error code (`METADATA_NOT_FOUND`), if the answer has one.
        code: Option<String>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("no answer within {} s", .after.as_secs())]
    Timeout {
        /// The time waited.
        after: Duration,
    },
    /// The token service failed.
    #[error("token service {realm}: {cause}")]
    TokenService {
        /// Its address, without the query.
        realm: String,
        /// Why it failed.
        cause: Box<Self>,
    },
    /// The token service answered something that is no token.
    #[error("the answer is not a token: {reason}")]
    TokenUnreadable {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The answer is larger than allowed.
    #[error("at least {length} bytes long; at most {limit} are taken")]
    TooLarge {
        /// The stated length, or what came until the limit.
        length: u64,
        /// The limit.
        limit: u64,
    },
    /// The answer trickles.
    #[error("too slow: {received} bytes in {} s", .after.as_secs())]
    TooSlow {
        /// Bytes of the body until then.
        received: u64,
        /// The time taken.
        after: Duration,
    },
    /// The server wants credentials, or others than the configured ones.
    #[error("not authorised: {reason}")]
    Unauthorized {
        /// What was tried.
        reason: &'static str,
    },
}

impl Cause {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Credentials(_) => "credentials",
            Self::Interrupted { .. } => "interrupted",
            Self::Realm { .. } => "token_realm",
            Self::Redirected { .. } => "redirected",
            Self::Status { status: 404, .. } => "not_found",
            Self::Status { .. } => "status",
            Self::Timeout { .. } => "timeout",
            Self::TokenService { .. } | Self::TokenUnreadable { .. } => "token_service",
            Self::TooLarge { .. } => "too_large",
            Self::TooSlow { .. } => "too_slow",
            Self::Unauthorized { .. } => "unauthorized",
        }
    }

    /// Whether the server's certificate is by an authority that nobody said to trust.
    pub fn is_unknown_authority(&self) -> bool {
        // As rustls says it: the latter where a trusted authority has the same name and another key.
        let words = ["UnknownIssuer", "BadSignature"];
        matches!(self.innermost(), Self::Connect { reason } if words.iter().any(|word| reason.contains(word)))
    }

    /// Whether the same request may well succeed in a moment.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.innermost(),
            Self::Connect { .. }
                | Self::Interrupted { .. }
                | Self::Timeout { .. }
                | Self::Status {
                    status: 408 | 429 | 500..=599,
                    ..
                }
        )
    }

    /// Whether it says that the server as a whole cannot be reached, and nothing of the resource.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self.innermost(),
            Self::Connect { .. }
                | Self::Timeout { .. }
                | Self::Status {
                    status: 429 | 502..=504,
                    ..
                }
        )
    }

    /// The cause itself, in the server or its token service.
    pub fn innermost(&self) -> &Self {
        if let Self::TokenService { cause, .. } = self {
            cause.innermost()
        } else {
            self
        }
    }

    /// What the network layer said about a request that got no answer.
    pub fn of_send(error: &reqwest::Error) -> Self {
        Self::Connect {
            reason: innermost(error),
        }
    }
}

/// The innermost cause of a network error; the outer ones only say "error sending request", and
/// may carry an address with a query. It may quote what the server sent.
pub fn innermost(error: &reqwest::Error) -> String {
    let mut reason = error.source();
    while let Some(inner) = reason.and_then(std::error::Error::source) {
        reason = Some(inner);
    }
    reason.map_or_else(
        || "the connection was closed".to_owned(),
        |reason| cut(&reason.to_string()),
    )
}

/// What a server wrote, fit for a terminal and a log: short, on one line, and without characters
/// that do something else than be seen.
pub fn cut(text: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for character in text.chars() {
        let escaped = match character {
            ' '..='~' => character.to_string(),
            _ => character.escape_debug().to_string(),
        };
        length += escaped.chars().count();
        if length > MAX_QUOTED {
            shown.push('…');
            break;
        }
        shown.push_str(&escaped);
    }
    shown
}

fn with_code(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

/// The most characters that are shown of what a server wrote.
const MAX_QUOTED: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_wrote_is_shown_short_and_harmless() {
        let cases = [
            (
                "https://auth.example/token?a=\"b\"\\",
                "https://auth.example/token?a=\"b\"\\",
            ),
            ("für", "für"),
            ("a\r\nb\tc", r"a\r\nb\tc"),
            ("\u{1b}[2Jgone\0", r"\u{1b}[2Jgone\0"),
            ("\u{202e}txt.exe\u{85}", r"\u{202e}txt.exe\u{85}"),
        ];
        for (text, shown) in cases {
            assert_eq!(cut(text), shown);
        }
        for long in ["x", "ü", "\n", "\u{1b}"] {
            let shown = cut(&long.repeat(1000));
            assert!(shown.chars().count() <= MAX_QUOTED + 1, "{long:?}");
            assert!(shown.ends_with('…') && shown.chars().count() > 190);
        }
    }
}
