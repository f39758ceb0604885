//! The messages.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::{Gun, Query, Server};

/// What is asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Request {
    Bundles,
    Evidence(Query),
    Forget {
        server: Option<Server>,
        gun: Gun,
    },
    ForgetBundle {
        name: String,
    },
    History {
        server: Server,
        gun: Gun,
        tag: String,
    },
    Import(ImportRequest),
    LatestTime,
    RefusedConfig,
    ResetLatestTime {
        now: Timestamp,
    },
    Servers,
    Status {
        server: Option<Server>,
        gun: Option<Gun>,
    },
    Tags {
        server: Server,
        gun: Gun,
    },
}

/// A bundle that the process which holds the store is asked to take in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportRequest {
    /// Where it lies, as that process sees it.
    pub path: PathBuf,
    /// Whether one bad repository refuses all of it.
    pub strict: bool,
    /// Whether to say only what would come of it.
    pub dry_run: bool,
}

/// One message of an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reply<T> {
    /// Nothing more follows.
    End,
    /// The question could not be answered.
    Error(String),
    /// The answer, or a part of it.
    Part(T),
}

/// Puts a message into bytes, length first; `None` if it is too long to be sent.
pub(super) fn encode<T: Serialize>(message: &T, limit: u32) -> serde_json::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; PREFIX];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len().saturating_sub(PREFIX)).unwrap_or(u32::MAX);
    if length > limit {
        return Ok(None);
    }
    for (place, byte) in bytes.iter_mut().zip(length.to_be_bytes()) {
        *place = byte;
    }
    Ok(Some(bytes))
}

/// The length that a message's prefix announces; `None` if it is over `limit`.
pub(super) fn length(prefix: [u8; PREFIX], limit: u32) -> Option<usize> {
    let length = u32::from_be_bytes(prefix);
    (length <= limit)
        .then(|| usize::try_from(length).ok())
        .flatten()
}

pub(super) const PREFIX: usize = 4;
/// The longest request.
pub(super) const MAX_REQUEST: u32 = 1 << 20;
/// The longest message of an answer.
pub(super) const MAX_REPLY: u32 = 64 << 20;
/// How many repositories or targets go into one message.
pub(super) const BATCH: usize = 128;
