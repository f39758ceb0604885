//! The name of a trust collection.

use std::fmt;
use std::str::FromStr;

use super::serde_as_str;

/// A globally unique name: the registry host and repository path whose trust data Notary keeps as
/// one collection, for example `docker.io/library/nginx`.
///
/// A `Gun` never carries a tag or digest, never has an implied host, is spelled with a lower-case
/// host, and is short enough to be a store key.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Gun(Box<str>);

serde_as_str!(Gun);

impl Gun {
    /// The name as Notary spells it in URLs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Gun {
    type Err = GunError;

    fn from_str(name: &str) -> Result<Self, GunError> {
        if name.len() > MAX_LEN {
            return Err(GunError::TooLong { len: name.len() });
        }
        let (host, path) = name.split_once('/').ok_or(GunError::MissingHost)?;
        if host.is_empty() || path.is_empty() {
            return Err(GunError::MissingHost);
        }
        let in_host = host.bytes().position(|byte| !is_host_byte(byte));
        let in_path = path.bytes().position(|byte| !is_path_byte(byte));
        if let Some(at) = in_host.or_else(|| in_path.map(|at| host.len() + 1 + at)) {
            return Err(GunError::BadByte { at });
        }
        // Notary's router cleans paths, and so does who writes URLs: such a name would ask for something else.
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(GunError::UncleanPath);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a string is not a [`Gun`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GunError {
    /// A byte that no registry accepts in a repository name.
    #[error("byte {at} is not allowed in a repository name")]
    BadByte {
        /// Offset from the start of the string.
        at: usize,
    },
    /// The string has no `HOST/` before the repository path.
    #[error("no registry host before the first `/`")]
    MissingHost,
    /// Longer than any registry accepts.
    #[error("{len} bytes long; at most {MAX_LEN} are allowed")]
    TooLong {
        /// Length of the rejected string.
        len: usize,
    },
    /// An empty, `.` or `..` part.
    #[error("the name has an empty, `.` or `..` part")]
    UncleanPath,
}

const fn is_host_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

const fn is_path_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'/')
}

const MAX_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_is_not_a_gun() {
        let cases = [
            ("app", GunError::MissingHost),
            ("/app", GunError::MissingHost),
            ("host/", GunError::MissingHost),
            ("host/App", GunError::BadByte { at: 5 }),
            ("Host/app", GunError::BadByte { at: 0 }),
            ("host/app:1.4", GunError::BadByte { at: 8 }),
            ("host/app@sha256", GunError::BadByte { at: 8 }),
            ("host/a//b", GunError::UncleanPath),
            ("host/../b", GunError::UncleanPath),
            ("./a", GunError::UncleanPath),
            ("../a/b", GunError::UncleanPath),
        ];
        for (name, expected) in cases {
            assert_eq!(name.parse::<Gun>(), Err(expected), "{name:?}");
        }
    }

    #[test]
    fn keeps_a_port_and_an_address() {
        for name in [
            "example.com:5000/team/odd_name",
            "[::1]:5000/a",
            "docker.io/library/nginx",
        ] {
            assert_eq!(name.parse::<Gun>().unwrap().as_str(), name);
        }
    }
}
