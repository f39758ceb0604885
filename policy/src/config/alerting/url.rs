//! The URL of a receiver, which is a secret: with most services, whoever knows it can post.

use secrecy::{ExposeSecret as _, SecretString};

/// An `http` or `https` URL that names a host. Its `Debug` is redacted.
#[derive(Clone, Debug)]
pub struct ReceiverUrl {
    url: SecretString,
    origin: String,
}

impl ReceiverUrl {
    /// Takes `url`, without blanks around it.
    ///
    /// # Errors
    ///
    /// [`UrlError`], which never repeats any of it.
    pub fn new(url: impl Into<SecretString>) -> Result<Self, UrlError> {
        let url: SecretString = url.into();
        let text = url.expose_secret().trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some(_) | None => return Err(UrlError::Scheme),
        };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        // What stands before the host may be a password.
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        check_host(host)?;
        Ok(Self {
            origin: format!("{scheme}://{}", host.to_ascii_lowercase()),
            url: text.to_owned().into(),
        })
    }

    /// The URL itself, only ever to be sent.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// Scheme, host and port: all of the URL that may be shown.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl PartialEq for ReceiverUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for ReceiverUrl {}

/// Why a text is not the URL of a receiver. Never carries any part of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// A blank, a line break or a character beyond ASCII.
    #[error("the URL has a character that has to be percent-encoded")]
    Character,
    /// Nothing between the scheme and the path, or nothing that is a host.
    #[error("the URL names no host")]
    NoHost,
    /// No number from 0 to 65535 behind the host's colon.
    #[error("the URL's port is not a number")]
    Port,
    /// Neither `https://` nor `http://`.
    #[error("the URL does not begin with `https://` or `http://`")]
    Scheme,
}

fn check_host(host: &str) -> Result<(), UrlError> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(UrlError::NoHost)?,
        None => host.find(':').map_or((host, ""), |at| host.split_at(at)),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let is_host = if host.starts_with('[') {
        name.bytes().all(is_address)
    } else {
        name.bytes().all(is_name)
    };
    if name.is_empty() || !is_host {
        return Err(UrlError::NoHost);
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(number) if number.parse::<u16>().is_ok() => Ok(()),
        Some(_) | None => Err(UrlError::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origin_of_a_url_is_ever_shown() {
        for (url, origin) in [
            (
                "https://Hooks.example.com/services/T0/s3cret",
                "https://hooks.example.com",
            ),
            (
                "HTTP://user:s3cret@example.com:8080/?s3cret",
                "http://example.com:8080",
            ),
            (
                "https://[2001:db8::1]:8443/s3cret#s3cret",
                "https://[2001:db8::1]:8443",
            ),
            ("https://a@b@example.com?s3cret", "https://example.com"),
            (" https://example.com/s3cret\n", "https://example.com"),
        ] {
            let parsed = ReceiverUrl::new(url).unwrap();
            assert_eq!(parsed.origin(), origin);
            assert_eq!(parsed.expose(), url.trim());
            let shown = format!("{parsed:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_receiver_is_refused() {
        for (url, expected) in [
            ("", UrlError::Scheme),
            ("example.com/x", UrlError::Scheme),
            ("ftp://example.com", UrlError::Scheme),
            ("https://", UrlError::NoHost),
            ("https:///path", UrlError::NoHost),
            ("https://user@/path", UrlError::NoHost),
            ("https://exa$mple.com", UrlError::NoHost),
            ("https://[::1/x", UrlError::NoHost),
            ("https://[::1]x/", UrlError::Port),
            ("https://example.com:x/", UrlError::Port),
            ("https://example.com:99999", UrlError::Port),
            ("https://example.com/a b", UrlError::Character),
            ("https://example.com/a\nb", UrlError::Character),
            ("https://example.com/ä", UrlError::Character),
        ] {
            assert_eq!(ReceiverUrl::new(url), Err(expected), "{url:?}");
        }
    }
}
