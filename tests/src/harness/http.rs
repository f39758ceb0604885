//! Just enough HTTP/1 for the harness itself: to push an image, and to serve and forward Notary requests with every byte under control.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::HarnessError;

/// A request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// A `PUT` with a body.
    pub fn put(target: &str, content_type: &str, body: Vec<u8>) -> Self {
        Self::with_body("PUT", target, content_type, body)
    }

    /// A `POST` with a body.
    pub fn post(target: &str, content_type: &str, body: Vec<u8>) -> Self {
        Self::with_body("POST", target, content_type, body)
    }

    /// Method and target.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The values of a query parameter, decoded.
    pub fn query(&self, name: &str) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_values(query, name)
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    fn with_body(method: &str, target: &str, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
        }
    }
}

impl Response {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// Sends one request over a new connection and reads the whole answer.
///
/// It speaks HTTP/1.0, so that the server closes the connection instead of sending chunks.
///
/// # Errors
///
/// [`HarnessError::Socket`] if the server cannot be reached or breaks off, [`HarnessError::Answer`] if it does not speak HTTP.
pub fn exchange(
    address: SocketAddr,
    host: &str,
    request: &Request,
) -> Result<Response, HarnessError> {
    let failed = || HarnessError::socket(format!("{} at {address}", request.line()));
    let mut stream = TcpStream::connect(address).map_err(failed())?;
    stream
        .set_read_timeout(Some(ANSWER_DEADLINE))
        .map_err(failed())?;
    stream
        .write_all(&to_bytes(host, request))
        .map_err(failed())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed())?;
    parse_response(&answer).ok_or_else(|| HarnessError::Answer {
        request: request.line(),
        answer: format!("not HTTP: {:?}", String::from_utf8_lossy(&answer)),
    })
}

fn to_bytes(host: &str, request: &Request) -> Vec<u8> {
    let line = format!("{} HTTP/1.0\r\n", request.line());
    let mut bytes = format!(
        "{line}host: {host}\r\ncontent-length: {}\r\n",
        request.body.len()
    )
    .into_bytes();
    for (name, value) in &request.headers {
        if !["host", "content-length", "connection", "accept-encoding"].contains(&name.as_str()) {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
    }
    bytes.extend(b"\r\n");
    bytes.extend(&request.body);
    bytes
}

/// Reads the next request of a connection; `None` at its end.
///
/// # Errors
///
/// The connection's error, or `InvalidData` for what is no request with a known length.
pub fn read_request(stream: &mut impl Read) -> io::Result<Option<Request>> {
    let Some(head) = read_head(stream)? else {
        return Ok(None);
    };
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP/1 request");
    let head = String::from_utf8(head)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let (line, headers) = parse_head(&head);
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(_)) = (words.next(), words.next(), words.next()) else {
        return Err(invalid());
    };
    if find(&headers, "transfer-encoding").is_some() {
        return Err(invalid());
    }
    let length = find(&headers, "content-length")
        .map_or(Ok(0), str::parse)
        .map_err(io::Error::other)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body,
    }))
}

/// The values of a name in `name=value&…` text, decoded.
pub fn form_values(text: &str, name: &str) -> Vec<String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| percent_decoded(value))
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap_or(b'%')
            }
            _ => byte,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn read_head(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.extend(byte);
        if head.len() > HEAD_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "request head too large",
            ));
        }
    }
    Ok(Some(head))
}

fn parse_head(head: &str) -> (String, Vec<(String, String)>) {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    (first, headers)
}

fn parse_response(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (line, headers) = parse_head(str::from_utf8(answer.get(..end)?).ok()?);
    let status = line.split(' ').nth(1)?.parse().ok()?;
    Some(Response {
        status,
        headers,
        body: answer.get(end + 4..)?.to_vec(),
    })
}

fn find<'headers>(headers: &'headers [(String, String)], name: &str) -> Option<&'headers str> {
    headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
const HEAD_LIMIT: usize = 256 << 10;
