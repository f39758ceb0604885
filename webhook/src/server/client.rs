//! One connection, as its requests see it: who is at the other end, and what it has done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;

use super::State;
use super::budget::Budget;

/// The other end of a connection.
#[derive(Debug)]
pub(super) struct Client {
    /// What all handlers share.
    pub(super) state: Arc<State>,
    /// Bytes of bodies that its address may still send.
    pub(super) bodies: Arc<Budget>,
    /// What the connection was used for.
    pub(super) activity: Arc<Activity>,
    /// What it speaks.
    pub(super) version: Version,
}

/// The versions of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Client {
    /// Has the client go elsewhere with its next request, where the server is about to stop. HTTP/2
    /// has GOAWAY for that; on a connection of HTTP/1.1 that is closed while it is idle, a request
    /// may be on its way.
    pub(super) fn bid_farewell(&self, answer: &mut Response) {
        if self.version == Version::Http1 && self.state.stopping.load(Ordering::Relaxed) {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
    }
}

/// When a connection was last of use. Requests note it without a lock.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    asked: AtomicBool,
    /// When the last whole request had arrived, in milliseconds after `opened`; zero for never.
    last: AtomicU64,
}

impl Activity {
    /// The activity of a connection that is being opened.
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            asked: AtomicBool::new(false),
            last: AtomicU64::new(0),
        }
    }

    /// Notes the headers of a request.
    pub(super) fn note_headers(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Notes that a request has arrived as a whole. Headers alone keep no connection alive: it
    /// costs nothing to send them.
    pub(super) fn note_request(&self) {
        let passed = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed.max(1), Ordering::Relaxed);
    }

    /// Whether there was a request yet.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// When the connection was opened.
    pub(super) const fn opened(&self) -> Instant {
        self.opened
    }

    /// When the last whole request had arrived; before the first one, when it was opened.
    pub(super) fn last(&self) -> Instant {
        self.opened + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Whether a whole request has arrived within this time.
    pub(super) fn is_recent(&self, time: Duration) -> bool {
        self.last.load(Ordering::Relaxed) > 0 && self.last().elapsed() < time
    }
}
