//! Who vouches for what a bundle brought.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::key::Fingerprint;
use crate::time::Timestamp;

/// What a bundle says of a repository that it brought, and who signed that.
///
/// The TUF signatures of a repository say who signed its images. This says who vouches that it was
/// complete and current when the bundle was made, and how long that may be relied on; it never makes
/// an image signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vouch {
    /// The series of the bundle.
    pub bundle: String,
    /// Its number in the series.
    pub sequence: u64,
    /// When its contents were complete and current.
    #[serde(with = "crate::time::compact")]
    pub created_at: Timestamp,
    /// Until when that may be relied on, if it says so.
    pub refresh_by: Option<Timestamp>,
    /// The pinned keys whose signatures of the bundle were good when it was taken in. Whether these are
    /// pinned now, and enough, is the decision's business.
    pub signers: BTreeSet<Fingerprint>,
}
