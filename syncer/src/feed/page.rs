//! One page of a changefeed.

use serde::Deserialize;
use vouchsafe_store::Cursor;
use vouchsafe_trust::{Gun, Sha256};

use super::FeedError;

/// Consecutive records, oldest first.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    /// Whether there may be more records after these.
    pub(crate) is_full: bool,
}

/// A stored timestamp, or a deletion.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    /// The record as the server wrote it.
    pub(crate) cursor: Cursor,
    /// `None` for a name that is no GUN.
    pub(crate) gun: Option<Gun>,
    /// `None` for a deletion.
    pub(crate) timestamp: Option<Sha256>,
}

#[derive(Deserialize)]
struct RawPage {
    /// `null` where the memory back end has nothing.
    records: Option<Vec<RawRecord>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRecord {
    #[serde(rename = "ID")]
    id: String,
    created_at: String,
    #[serde(rename = "GUN")]
    gun: String,
    #[serde(rename = "SHA256")]
    sha256: String,
    category: String,
}

impl Page {
    /// Reads the answer to a request for `wanted` records.
    pub(crate) fn parse(body: &[u8], wanted: u32) -> Result<Self, FeedError> {
        let unreadable = |reason| FeedError::Unreadable { reason };
        let page: RawPage =
            serde_json::from_slice(body).map_err(|_error| unreadable("it has another form"))?;
        let records = page.records.unwrap_or_default();
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        if count > wanted {
            return Err(unreadable("it has more records than were asked for"));
        }
        let records = records
            .into_iter()
            .map(|record| {
                record
                    .read()
                    .ok_or_else(|| unreadable("a record is malformed"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            records,
            is_full: count == wanted,
        })
    }
}

impl RawRecord {
    fn read(self) -> Option<Record> {
        // The ID becomes part of a URL, and all of it is stored.
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let id_fits = (1..=64).contains(&self.id.len()) && self.id.bytes().all(is_id);
        let fits = id_fits
            && self.created_at.len() <= 64
            && self.sha256.len() <= 64
            && self.gun.len() <= MAX_NAME;
        let timestamp = match self.category.as_str() {
            "update" => Some(self.sha256.parse().ok()?),
            // The hash of a deletion is empty, or 64 blanks.
            "deletion" => None,
            _ => return None,
        };
        fits.then(|| Record {
            gun: self.gun.parse().ok(),
            timestamp,
            cursor: Cursor {
                id: self.id,
                created_at: self.created_at,
                sha256: self.sha256,
                gun: self.gun,
            },
        })
    }
}

/// Bytes of a name: 255 characters where the server has SQL.
const MAX_NAME: usize = 4 * 255;
