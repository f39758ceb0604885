//! Role files: what they say once their signatures are known to be good.

mod envelope;
mod file;
mod root;
mod snapshot;
mod targets;
mod timestamp;

pub use envelope::{Envelope, RoleKeys, Signatures};
pub use file::{FileMeta, Mismatch};
pub use root::Root;
pub use snapshot::Snapshot;
pub use targets::{Delegation, Target, Targets};
pub use timestamp::SnapshotMeta;

use crate::json::{Fields, Json, JsonError, shown};
use crate::name::Version;
use crate::time::{Timestamp, parse_rfc3339};

/// What every role file states besides its own subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Common {
    /// The file's version.
    pub version: Version,
    /// The moment after which it no longer counts.
    pub expires: Timestamp,
}

/// Why a role file whose signatures are good still cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A delegation that Notary would not accept; it fails the file that makes it.
    #[error("the delegation to `{name}` is invalid: {reason}")]
    InvalidDelegation {
        /// The delegated role's name as written, its beginning.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// Not of the form that the role has.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A key under an ID that is not its own.
    #[error(transparent)]
    Keys(crate::key::ListError),
    /// A file is stated without the SHA-256 by which it is fetched and checked.
    #[error("no SHA-256 is stated for {file}")]
    NoHash {
        /// The role whose file it is.
        file: String,
    },
    /// The file is of another role.
    #[error("its `_type` is `{found}`, not `{expected}`")]
    WrongType {
        /// The type that the role has.
        expected: &'static str,
        /// The type that is written, its beginning.
        found: String,
    },
}

impl From<crate::key::ListError> for MetadataError {
    fn from(error: crate::key::ListError) -> Self {
        match error {
            crate::key::ListError::Json(error) => Self::Json(error),
            mismatch @ crate::key::ListError::KeyIdMismatch { .. } => Self::Keys(mismatch),
        }
    }
}

impl MetadataError {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::InvalidDelegation { .. } => "invalid_delegation",
            Self::Json(error) => error.label(),
            Self::Keys(_) => "key_id_mismatch",
            Self::NoHash { .. } => "no_hash",
            Self::WrongType { .. } => "wrong_type",
        }
    }
}

/// Opens `signed` as a file of the type `expected`, which has the members `own` besides the
/// common ones.
fn open<'a>(
    signed: &'a Json,
    expected: &'static str,
    own: &[&'static str],
) -> Result<(Fields<'a>, Common), MetadataError> {
    let known = [&["_type", "version", "expires"], own].concat();
    let fields = Fields::new("signed", signed, &known)?;
    let found = fields.string("_type")?;
    if found != expected {
        let found = shown(found);
        return Err(MetadataError::WrongType { expected, found });
    }
    let expires = parse_rfc3339(fields.string("expires")?)
        .map_err(|_error| fields.invalid("expires", "an RFC 3339 time"))?;
    Ok((
        fields,
        Common {
            version: fields.version("version")?,
            expires,
        },
    ))
}
