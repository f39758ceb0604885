//! Why a bundle is refused as a whole.

use jiff::Timestamp;
use vouchsafe_trust::Sha256;

/// Why a bundle is refused as a whole. Nothing of it was taken in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An incremental bundle whose base was not taken in here.
    #[error("it only adds to bundle {base}, and {} was taken in here", last.map_or_else(|| "none".to_owned(), |last| format!("bundle {last}")))]
    BaseMissing {
        /// The sequence number that it adds to.
        base: u64,
        /// The latest one that was taken in.
        last: Option<u64>,
    },
    /// It was made later than it is here.
    #[error(
        "it was made at {created_at:.0}, and the clock here says {now:.0}: set the clock right"
    )]
    ClockBehind {
        /// When it says that it was made.
        created_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// Contents that are not what their digest says.
    #[error("{what} is not what its digest says")]
    DigestMismatch {
        /// Which contents.
        what: String,
    },
    /// The same entry twice.
    #[error("the entry `{entry}` is there twice")]
    DuplicateEntry {
        /// The entry.
        entry: String,
    },
    /// An entry that is no plain file.
    #[error("the entry `{entry}` is a {kind}; a bundle has plain files only")]
    EntryKind {
        /// The entry.
        entry: String,
        /// What it is: `link`, `device`, …
        kind: &'static str,
    },
    /// An entry that a bundle does not have.
    #[error("the entry `{entry}` does not belong into a bundle")]
    ForeignEntry {
        /// The entry.
        entry: String,
    },
    /// Something that is named and not there.
    #[error("{what} is missing")]
    Missing {
        /// What is.
        what: String,
    },
    /// A bundle with news that only a signature vouches for, where none is required.
    #[error(
        "it lists what is to be denied, which only counts from a signed bundle: pin its keys under `bundles.keys`"
    )]
    NotVouchedFor,
    /// Neither an archive nor what can be read as one.
    #[error("it is no bundle: {reason}")]
    NotABundle {
        /// What is wrong.
        reason: String,
    },
    /// An older bundle than one that was taken in.
    #[error("its sequence number {offered} is behind {last}, which was taken in before")]
    OldSequence {
        /// Its own.
        offered: u64,
        /// The latest that was taken in.
        last: u64,
    },
    /// An entry that would lie outside.
    #[error("the entry `{entry}` would lie outside of the bundle")]
    PathTraversal {
        /// The entry.
        entry: String,
    },
    /// The sequence number of another bundle that was taken in.
    #[error("bundle {sequence} was taken in before with other contents (sha256:{before})")]
    SequenceReused {
        /// The number.
        sequence: u64,
        /// The digest of the other one's manifest.
        before: Sha256,
    },
    /// The seal at its end says that the file was changed.
    #[error("the file was changed on its way: its seal does not fit")]
    SealBroken,
    /// Sizes that do not add up.
    #[error("{what}: {reason}")]
    SizeLie {
        /// Which contents.
        what: String,
        /// How they differ.
        reason: String,
    },
    /// More than is allowed.
    #[error("{what}: more than {limit} {unit} are not read")]
    TooLarge {
        /// What is too large.
        what: String,
        /// How much is allowed.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// It ends too early.
    #[error("it ends too early: a part is missing")]
    Truncated,
    /// Nobody signed it, and somebody has to.
    #[error("it has no signature, and {needed} of the pinned keys have to sign")]
    Unsigned {
        /// How many.
        needed: usize,
    },
    /// Its signatures are by others than the pinned keys.
    #[error("{valid} of the pinned keys signed it; {needed} have to")]
    WrongSigner {
        /// How many did.
        valid: usize,
        /// How many have to.
        needed: usize,
    },
    /// It is meant for others.
    #[error("it is for {}, and this is {}", list(audience), here.as_deref().unwrap_or("a site without a name (`bundles.audience`)"))]
    WrongAudience {
        /// Whom it is for.
        audience: Vec<String>,
        /// Who this is.
        here: Option<String>,
    },
    /// Made by a later version.
    #[error(
        "its format is `{found}`, and this version reads `{}`",
        crate::manifest::SCHEMA
    )]
    UnknownFormat {
        /// What it says.
        found: String,
    },
}

impl Refusal {
    /// A stable, short name of the cause, for JSON, logs and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::BaseMissing { .. } => "base_missing",
            Self::ClockBehind { .. } => "clock_behind",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::DuplicateEntry { .. } => "duplicate_entry",
            Self::EntryKind { .. } => "entry_kind",
            Self::ForeignEntry { .. } => "foreign_entry",
            Self::Missing { .. } => "missing",
            Self::NotABundle { .. } => "not_a_bundle",
            Self::NotVouchedFor => "not_vouched_for",
            Self::OldSequence { .. } => "old_sequence",
            Self::PathTraversal { .. } => "path_traversal",
            Self::SealBroken => "seal_broken",
            Self::SequenceReused { .. } => "sequence_reused",
            Self::SizeLie { .. } => "size_lie",
            Self::TooLarge { .. } => "too_large",
            Self::Truncated => "truncated",
            Self::UnknownFormat { .. } => "unknown_format",
            Self::Unsigned { .. } => "unsigned",
            Self::WrongAudience { .. } => "wrong_audience",
            Self::WrongSigner { .. } => "wrong_signer",
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nobody in particular".to_owned()
    } else {
        names.join(", ")
    }
}
