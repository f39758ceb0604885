//! Names of bundles, and of those that bundles are for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a series of bundles, or of a site or cluster that bundles are for: 1 to 63 lower-case
/// letters, digits and hyphens, no hyphen first or last (a DNS label, RFC 1123), since file names and tags
/// are made of it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let is_label = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let fits = (1..=MAX_LEN).contains(&name.len())
            && name.bytes().all(is_label)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if fits {
            Ok(Self(name.into()))
        } else {
            Err(NameError)
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        name.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no [`Name`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a name of 1 to 63 lower-case letters, digits and inner hyphens")]
pub struct NameError;

const MAX_LEN: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for name in ["a", "site-7", "0", &"x".repeat(63)] {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        for name in ["", "-a", "a-", "A", "a.b", "a/b", "ä", &"x".repeat(64)] {
            assert_eq!(name.parse::<Name>(), Err(NameError), "{name:?}");
        }
    }
}
