//! What is wrong with a configuration, and where.

use std::fmt;

use vouchsafe_trust::image::DigestError;
use vouchsafe_trust::key::KeyError;
use vouchsafe_trust::name::{HexError, RoleError, ServerError};

use super::alerting::{HeaderError, UrlError};
use super::duration::DurationError;
use crate::pattern::PatternError;

/// A configuration that cannot be used: the file, the place in it, and what is wrong there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}{place}: {problem}")]
pub struct ConfigError {
    /// The file's name, as it was given.
    pub file: String,
    /// The place in the file.
    pub place: Place,
    /// What is wrong there. Boxed, since it is the rare case and large.
    pub problem: Box<Problem>,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigErrors {
    /// What was found first.
    pub first: ConfigError,
    /// What else was found.
    pub others: Vec<ConfigError>,
}

impl fmt::Display for ConfigErrors {
    /// Writes a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, others } = self;
        write!(f, "{first}")?;
        others.iter().try_for_each(|other| write!(f, "\n{other}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// A place in a text, both from 1; 0 where it is unknown.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column in characters.
    pub column: u64,
}

impl fmt::Display for Place {
    /// Writes `:LINE:COLUMN`, and nothing for an unknown place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            Ok(())
        } else {
            write!(f, ":{}:{}", self.line, self.column)
        }
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// `auth` names no credentials, or half of them.
    #[error(
        "`auth` needs `username` and `password`, `usernameFile` and `passwordFile`, or \
         `dockerConfigFile`, and only one of these"
    )]
    Auth,
    /// The key of somebody who vouches for bundles cannot be used.
    #[error("the key `{name}` for bundles cannot be used: {source}")]
    BundleKey {
        /// Whose it is.
        name: String,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The key of somebody who vouches for bundles is of a kind that bundles are not signed with.
    #[error("the key `{name}` is {kind}; bundles are signed with ECDSA P-256 or Ed25519")]
    BundleKeyKind {
        /// Whose it is.
        name: String,
        /// What it is.
        kind: String,
    },
    /// Glass that is broken for no time, or too long.
    #[error("`until` has to be after `from`, and at most 30 days after it")]
    BreakGlassSpan,
    /// No PEM certificates where some belong.
    #[error("`cert` holds no usable PEM certificates: {source}")]
    Certificate {
        /// What is wrong with it.
        source: KeyError,
    },
    /// Not the name of a delegation.
    #[error(transparent)]
    Delegation(#[from] RoleError),
    /// An entry of the deny list that names nothing, or two things.
    #[error("an entry of `deny` needs a `digest`, a `gun` or a `key`, and only one of these")]
    Denied,
    /// A key ID that is none.
    #[error("`key` cannot be used: {0}")]
    KeyId(HexError),
    /// A setting without another that it goes by.
    #[error("`{key}` needs `{other}`")]
    Needs {
        /// The setting.
        key: &'static str,
        /// What it goes by.
        other: &'static str,
    },
    /// Glass that is broken without a word.
    #[error("`reason` has to say why the glass is broken")]
    NoReason,
    /// A key for bundles that is there already.
    #[error("`{name}` has the name or the key of `{other}`")]
    SameBundleKey {
        /// Whose it is.
        name: String,
        /// Whose is there already.
        other: String,
    },
    /// Not the digest of a manifest.
    #[error("`digest` cannot be used: {0}")]
    Digest(#[from] DigestError),
    /// A rule that names no validator or trust root, and none that it could mean.
    #[error("the rule has no `{key}`, and no {what} is named `default`")]
    NoDefault {
        /// The key.
        key: &'static str,
        /// What it would name.
        what: &'static str,
    },
    /// The same key twice in one mapping.
    #[error("the key `{key}` stands here twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// Two things of one name.
    #[error("another {what} is named `{name}` (line {line})")]
    DuplicateName {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
        /// Line of the other one.
        line: u64,
    },
    /// No duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A list without entries.
    #[error("`{key}` must have at least one entry")]
    Empty {
        /// The list's key.
        key: &'static str,
    },
    /// Two keys of which one only may stand.
    #[error("`{key}` and `{other}` cannot both stand here")]
    Exclusive {
        /// The key.
        key: &'static str,
        /// The other key.
        other: &'static str,
    },
    /// No header that can be added to a request.
    #[error("`customHeaders` cannot be used: {0}")]
    Header(#[source] HeaderError),
    /// A trust root that is no public key.
    #[error("the key of trust root `{name}` cannot be used: {source}")]
    Key {
        /// The trust root's name.
        name: String,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A key that has no place in a validator of this type.
    #[error("`{key}` has no meaning for a validator of type `{kind}`")]
    MisplacedKey {
        /// The key.
        key: &'static str,
        /// The validator's type.
        kind: &'static str,
    },
    /// A key that has to be there.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// No pattern.
    #[error("`{pattern}` is not a pattern: {source}")]
    Pattern {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// No URL that alerts can be posted to.
    #[error("`receiverUrl` cannot be used: {0}")]
    ReceiverUrl(#[source] UrlError),
    /// A pattern for repositories that goes on about tags.
    #[error("`{pattern}` must name repositories only, without a tag or digest")]
    RepositoryTag {
        /// The pattern.
        pattern: String,
    },
    /// Two receivers that nothing tells apart.
    #[error(
        "the receiver is the same as that of line {line}: same template, URL, headers and payload \
         fields"
    )]
    SameReceiver {
        /// Line of the other receiver.
        line: u64,
    },
    /// No cron expression.
    #[error(
        "`{schedule}` is not a cron expression of five fields (minute, hour, day of month, month, \
         day of week)"
    )]
    Schedule {
        /// The text.
        schedule: String,
    },
    /// No base URL.
    #[error("`host` cannot be used: {0}")]
    Server(#[from] ServerError),
    /// Two validators on one server with different access to it.
    #[error(
        "`{key}` differs from that of validator `{other}` (line {line}), which has the same `host`"
    )]
    ServerDiffers {
        /// What differs.
        key: &'static str,
        /// The other validator.
        other: String,
        /// Line of the other validator.
        line: u64,
    },
    /// Two rules that can match the same image, neither being more specific.
    #[error(
        "the pattern `{pattern}` can match the same images as `{other}` (line {line}) and is \
         exactly as specific: make one of them more specific"
    )]
    Tie {
        /// The pattern.
        pattern: String,
        /// The other pattern.
        other: String,
        /// Line of the other pattern.
        line: u64,
    },
    /// A value of another type than belongs there.
    #[error("expected {expected}")]
    Type {
        /// What belongs there.
        expected: String,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}`{}", suggestion_or(nearest.as_deref(), || among(known)))]
    UnknownKey {
        /// The key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// The keys that have a place there.
        known: Vec<String>,
    },
    /// A name that nothing has.
    #[error("no {what} is named `{name}`{}", suggestion(nearest.as_deref()))]
    UnknownName {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A validator of a type that does not exist here.
    #[error(
        "validator `{name}` is of type `{kind}`, which is not supported: only `notaryv1` and \
         `static` are"
    )]
    UnsupportedType {
        /// The validator's name.
        name: String,
        /// Its type.
        kind: String,
    },
    /// None of the values that belong there.
    #[error(
        "`{key}` cannot be `{value}`{}",
        suggestion_or(nearest.as_deref(), || format!("; write {expected}"))
    )]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The value that was probably meant.
        nearest: Option<String>,
        /// What belongs there.
        expected: &'static str,
    },
    /// Not readable as YAML, or not as this configuration.
    #[error("{message}")]
    Yaml {
        /// The YAML reader's words.
        message: String,
    },
}

/// The one of `known` that `written` probably was meant to be.
pub(super) fn nearest(
    written: &str,
    known: impl IntoIterator<Item = impl AsRef<str>>,
) -> Option<String> {
    let lower = written.to_lowercase();
    known
        .into_iter()
        .map(|known| {
            let known = known.as_ref();
            let distance = strsim::damerau_levenshtein(&lower, &known.to_lowercase());
            (distance, known.to_owned())
        })
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| known)
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default()
}

/// The suggestion, or else what `otherwise` says.
fn suggestion_or(nearest: Option<&str>, otherwise: impl FnOnce() -> String) -> String {
    if nearest.is_some() {
        suggestion(nearest)
    } else {
        otherwise()
    }
}

fn among(known: &[String]) -> String {
    let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    format!("; here belong {}", known.join(", "))
}
