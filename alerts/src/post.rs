//! One attempt to hand an alert to its receiver.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use secrecy::ExposeSecret as _;
use vouchsafe_outbound::client_builder;
use vouchsafe_policy::Receiver;
use vouchsafe_policy::config::{Header, HeaderError, ReceiverUrl, Source, UrlError};

/// What a receiver made of an alert.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It has it.
    Taken,
    /// It will never take it.
    Refused {
        /// The status that says so.
        status: u16,
        /// Scheme and host that were asked.
        origin: String,
    },
}

/// An attempt that failed, and may not fail the next time.
///
/// Never carries more of a URL than scheme and host, and no header at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot set up TLS: {reason}")]
    Client { reason: String },
    #[error("{} cannot be read: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} holds no header in line {line}: {source}", path.display())]
    Header {
        path: PathBuf,
        line: usize,
        source: HeaderError,
    },
    #[error("{origin} cannot be asked: {reason}")]
    Request { origin: String, reason: String },
    #[error("{origin} answers with status {status}")]
    Status {
        origin: String,
        status: u16,
        retry_after: Option<Duration>,
    },
    #[error("{origin} does not answer within {after:?}")]
    Timeout { origin: String, after: Duration },
    #[error("the receiver's URL cannot be used: {0}")]
    Url(#[from] UrlError),
}

impl Failure {
    /// The pause that the receiver asks for.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Client { .. }
            | Self::File { .. }
            | Self::Header { .. }
            | Self::Request { .. }
            | Self::Timeout { .. }
            | Self::Url(_) => None,
        }
    }

    /// The status, if it may be about this alert and not about all of them: the receiver is there
    /// (502 to 504 say that it is not), and does not ask for patience.
    pub(crate) fn rejection(&self) -> Option<u16> {
        match *self {
            Self::Status {
                status,
                retry_after: None,
                ..
            } if matches!(status, 400..=501) && !LATER.contains(&status) => Some(status),
            Self::Client { .. }
            | Self::File { .. }
            | Self::Header { .. }
            | Self::Request { .. }
            | Self::Status { .. }
            | Self::Timeout { .. }
            | Self::Url(_) => None,
        }
    }
}

/// A client for one receiver.
pub(crate) fn client(answer: Duration) -> Result<Client, Failure> {
    client_builder(answer)
        // A redirect would take the alert, and its headers, to whom nobody named.
        .redirect(Policy::none())
        .timeout(answer)
        .build()
        .map_err(|error| Failure::Client {
            reason: innermost(&error),
        })
}

/// Posts `body` to `receiver`, whose URL and headers are read now if they are in files.
pub(crate) async fn post(
    client: &Client,
    receiver: &Receiver,
    body: Vec<u8>,
    after: Duration,
) -> Result<Answer, Failure> {
    let url = match &receiver.url {
        Source::File(path) => ReceiverUrl::new(read(path)?)?,
        Source::Inline(url) => url.clone(),
    };
    let headers = headers(receiver)?;
    let origin = url.origin().to_owned();
    let request = client.post(parse(&url)?).headers(headers).body(body);
    let response = request.send().await.map_err(|error| {
        let origin = origin.clone();
        if error.is_timeout() {
            Failure::Timeout { origin, after }
        } else {
            let reason = innermost(&error.without_url());
            Failure::Request { origin, reason }
        }
    })?;
    // The body says nothing that is needed, and may have no end.
    let status = response.status();
    if status.is_success() {
        return Ok(Answer::Taken);
    }
    if REFUSALS.contains(&status) {
        let status = status.as_u16();
        return Ok(Answer::Refused { status, origin });
    }
    Err(Failure::Status {
        origin,
        status: status.as_u16(),
        retry_after: retry_after(response.headers()),
    })
}

/// The URL as the client has it. Its own words of what is wrong could repeat some of it.
pub(crate) fn parse(url: &ReceiverUrl) -> Result<Url, UrlError> {
    Url::parse(url.expose()).map_err(|_error| UrlError::NoHost)
}

fn headers(receiver: &Receiver) -> Result<HeaderMap, Failure> {
    let mut lines = receiver.headers.clone();
    if let Some(path) = &receiver.headers_file {
        let text = read(path)?;
        let written = text.lines().enumerate();
        for (number, line) in written.filter(|(_, line)| !line.trim().is_empty()) {
            lines.push(Header::parse(line).map_err(|source| Failure::Header {
                path: path.clone(),
                line: number.saturating_add(1),
                source,
            })?);
        }
    }
    let mut headers = HeaderMap::new();
    for header in lines {
        let name = HeaderName::from_bytes(header.name().as_bytes());
        let value = HeaderValue::from_bytes(header.value().expose_secret().as_bytes());
        // Both were looked at when the line was read.
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    let json = HeaderValue::from_static("application/json");
    headers.entry(CONTENT_TYPE).or_insert(json);
    Ok(headers)
}

fn read(path: &Path) -> Result<String, Failure> {
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|source| Failure::File {
        path: path.to_path_buf(),
        source,
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// The words of what lies at the bottom; those above only repeat each other.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// By these a receiver says that the alert itself is at fault, and will be the next time, too.
const REFUSALS: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];
/// Request Timeout, Too Early, Too Many Requests: about the moment, whatever the alert.
const LATER: [u16; 3] = [408, 425, 429];
const MAX_FILE: u64 = 64 << 10;
