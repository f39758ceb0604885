//! What a script makes of a request.

use std::time::Duration;

/// An instruction for the requests of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// This instead of what would be served.
    Reply(Reply),
    /// What would be served, after a while.
    Delayed(Duration),
    /// What would be served, in pieces of `size` bytes with a pause after each.
    Trickled {
        /// Bytes per piece.
        size: usize,
        /// The time between pieces.
        pause: Duration,
    },
    /// The head and this many bytes of what would be served; then the connection closes.
    Truncated(usize),
    /// A `200` whose body repeats this piece for ever, with a pause after each.
    Endless {
        /// What is repeated.
        piece: Vec<u8>,
        /// The time between pieces.
        pause: Duration,
    },
    /// A `200` that announces a `Content-Length` and sends these bytes, whatever their number.
    Announced {
        /// The announced length.
        length: u64,
        /// What is sent before the connection closes.
        bytes: Vec<u8>,
    },
    /// These bytes instead of an HTTP response.
    Raw(Vec<u8>),
    /// These bytes instead of an HTTP response, and then others for ever, with a pause after each time.
    Forever {
        /// What is written first.
        first: Vec<u8>,
        /// What is written again and again.
        again: Vec<u8>,
        /// The time between.
        pause: Duration,
    },
    /// The connection closes without an answer.
    Closed,
    /// The connection stays open without an answer.
    Silent,
}

/// A complete response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers besides the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A `200` with role-file bytes, typed as Notary types them.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![(
            "Content-Type".to_owned(),
            "text/plain; charset=utf-8".to_owned(),
        )];
        Self {
            status: 200,
            headers,
            body: body.into(),
        }
    }

    /// A `200` with JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        let headers = vec![(
            "Content-Type".to_owned(),
            "application/json; charset=utf-8".to_owned(),
        )];
        Self {
            status: 200,
            headers,
            body: value.to_string().into_bytes(),
        }
    }

    /// An error in Notary's form.
    pub fn error(status: u16, code: &str) -> Self {
        let errors = serde_json::json!({"errors": [{"code": code, "message": code.to_lowercase().replace('_', " "), "detail": {}}]});
        Self {
            status,
            ..Self::json(&errors)
        }
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self {
            status,
            headers: vec![("Location".to_owned(), location.to_owned())],
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}
