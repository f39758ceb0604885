//! The base URL of a Notary server.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::serde_as_str;

/// A Notary server's base URL, for example `https://notary.example.com:4443/notary`.
///
/// One spelling for one server: lower-case scheme and host, no default port, no trailing slash.
/// What is stored is known by this and the GUN.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Server(Box<str>);

serde_as_str!(Server);

impl Server {
    /// The URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the server is reached without TLS, because `http://` was written.
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }

    /// Host and port, as in a URL's authority.
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or(&*self.0, |(_, rest)| rest);
        rest.split_once('/')
            .map_or(rest, |(authority, _)| authority)
    }
}

impl FromStr for Server {
    type Err = ServerError;

    /// Reads a URL; `https://` is implied where no scheme is written.
    fn from_str(url: &str) -> Result<Self, ServerError> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some((scheme, _)) => {
                return Err(ServerError::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
            None => ("https", url),
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        if authority.contains('@') {
            return Err(ServerError::Credentials);
        }
        let default_port = if scheme == "https" { 443 } else { 80 };
        let authority = spelled(authority, default_port)?;
        let is_path = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~')
        };
        if !path.bytes().all(is_path) {
            return Err(ServerError::NotAUrl);
        }
        Ok(Self(format!("{scheme}://{authority}{path}").into()))
    }
}

/// Host and port in the one way in which they are spelled here.
fn spelled(authority: &str, default_port: u16) -> Result<String, ServerError> {
    // The colons of an IPv6 address are within brackets (RFC 3986, 3.2.2).
    let bracketed = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (bracketed, rest) = authority.split_at(bracketed);
    let (rest, port) = match rest.split_once(':') {
        Some((rest, port)) => (rest, Some(port)),
        None => (rest, None),
    };
    let name = format!("{bracketed}{rest}").to_ascii_lowercase();
    if name.is_empty() {
        return Err(ServerError::NoHost);
    }
    let is_digits = |port: &&str| port.bytes().all(|byte| byte.is_ascii_digit());
    let port: Option<u16> = match port {
        Some(port) => Some(port).filter(is_digits).and_then(|it| it.parse().ok()),
        None => Some(default_port),
    };
    let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    let inner = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host = match inner.map(str::parse::<Ipv6Addr>) {
        Some(Ok(address)) => format!("[{address}]"),
        None if name.bytes().all(is_name) => name,
        Some(Err(_)) | None => return Err(ServerError::NotAUrl),
    };
    match port.ok_or(ServerError::NotAUrl)? {
        port if port == default_port => Ok(host),
        port => Ok(format!("{host}:{port}")),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a string is not the URL of a Notary server.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// `user:password@` before the host; credentials go under `auth`.
    #[error("the URL carries credentials; put them under `auth`")]
    Credentials,
    /// Nothing between the scheme and the path.
    #[error("the URL names no host")]
    NoHost,
    /// A character that has no place in a base URL: a query, a fragment, a blank, a bad port.
    #[error("not a base URL such as `https://notary.example.com`")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("`{scheme}` is not `https` or `http`")]
    Scheme {
        /// The scheme that was written.
        scheme: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_one_spelling() {
        let cases = [
            ("notary.example.com", "https://notary.example.com"),
            (
                "HTTPS://Notary.Example.com:443/",
                "https://notary.example.com",
            ),
            ("http://127.0.0.1:80/notary/", "http://127.0.0.1/notary"),
            ("localhost:4443", "https://localhost:4443"),
            ("https://[::1]:4443", "https://[::1]:4443"),
            ("https://[0:0::00FA]:443", "https://[::fa]"),
            ("localhost:04443", "https://localhost:4443"),
            ("localhost:00443", "https://localhost"),
        ];
        for (written, spelled) in cases {
            assert_eq!(
                written.parse::<Server>().unwrap().as_str(),
                spelled,
                "{written}"
            );
        }
        assert_eq!("h:1/x".parse::<Server>().unwrap().authority(), "h:1");
    }

    #[test]
    fn refuses_what_is_no_base_url() {
        for bad in [
            "",
            "https://",
            "ftp://x",
            "https://u:p@x",
            "x?y",
            "x y",
            "x:99999",
            "x:",
            "x:+1",
            "x:443:443",
            "x:443:80",
            "x:y:443",
            "::1",
            "[::1",
            "[::1]x:1",
            "[x]",
            "x[::1]",
            "http://:80",
        ] {
            assert!(bad.parse::<Server>().is_err(), "{bad:?}");
        }
    }
}
