//! The changefeed, as the memory and SQL back ends answer it.

use serde_json::{Value, json};

use super::answer::Reply;
use crate::harness::http::Request;

/// A record of the changefeed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedRecord {
    /// Its ID, rising.
    pub id: i64,
    /// When the server wrote it (RFC 3339).
    pub created_at: String,
    /// The repository.
    pub gun: String,
    /// The version of the timestamp that was stored; 0 for a deletion.
    pub version: u64,
    /// The SHA-256 of that timestamp file; empty for a deletion.
    pub sha256: String,
}

impl FeedRecord {
    /// The record of a stored timestamp.
    pub fn update(id: i64, gun: &str, version: u64, sha256: &str) -> Self {
        let created_at = "2026-01-01T00:00:00.000001Z".to_owned();
        Self {
            id,
            created_at,
            gun: gun.to_owned(),
            version,
            sha256: sha256.to_owned(),
        }
    }

    /// The record of a deleted repository.
    pub fn deletion(id: i64, gun: &str) -> Self {
        Self::update(id, gun, 0, "")
    }

    fn to_json(&self) -> Value {
        let category = if self.version == 0 {
            "deletion"
        } else {
            "update"
        };
        json!({
            "ID": self.id.to_string(), "CreatedAt": self.created_at, "GUN": self.gun, "Version": self.version,
            "SHA256": self.sha256, "Category": category,
        })
    }
}

/// Answers `?records=N&change_id=ID`: N records after the ID, or before it for a negative N, always oldest first.
pub(super) fn page(records: &[FeedRecord], gun: Option<&str>, request: &Request) -> Reply {
    let parameter = |name| request.query(name).into_iter().next().unwrap_or_default();
    let Ok(count) = parameter("records").parse::<i32>() else {
        return Reply::error(400, "INVALID_PARAMETERS");
    };
    let cursor = parameter("change_id");
    let cursor = if cursor.is_empty() {
        Ok(0)
    } else {
        cursor.parse::<i64>()
    };
    let Ok(cursor) = cursor else {
        return Reply::error(400, "INVALID_PARAMETERS");
    };

    let limit = usize::try_from(if count == 0 {
        100
    } else {
        count.unsigned_abs()
    })
    .unwrap_or(usize::MAX);
    let asked = records
        .iter()
        .filter(|record| gun.is_none_or(|gun| record.gun == gun));
    // A negative cursor counts backwards from the newest record, whatever the sign of N.
    let page: Vec<Value> = if cursor < 0 || count < 0 {
        let before: Vec<_> = asked
            .filter(|record| cursor < 0 || record.id < cursor)
            .collect();
        let start = before.len().saturating_sub(limit);
        before
            .iter()
            .skip(start)
            .map(|record| record.to_json())
            .collect()
    } else {
        asked
            .filter(|record| record.id > cursor)
            .take(limit)
            .map(FeedRecord::to_json)
            .collect()
    };
    // An empty page of the memory back end.
    let listed = if page.is_empty() {
        Value::Null
    } else {
        json!(page)
    };
    Reply::json(&json!({"count": page.len(), "records": listed}))
}
