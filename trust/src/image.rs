//! Image references: what a kubelet would pull.
//!
//! A reference that is read differently here than by the container runtime would be checked under
//! one name and pulled under another. So this follows the grammar of `distribution/reference`
//! as containerd's CRI plugin applies it (`ParseDockerRef`), and refuses the few names that
//! cannot be a GUN as well.

mod digest;
mod grammar;

use std::fmt;
use std::str::FromStr;

pub use digest::{Algorithm, Digest, DigestError};

use crate::name::{Gun, GunError, Sha256};

/// An image reference, as a container runtime reads it.
///
/// Keeps the text as it was written beside what it means. The registry host is compared in lower
/// case, as DNS does: otherwise `Quay.IO/x` would slip past a rule about `quay.io/*`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    written: Box<str>,
    gun: Gun,
    tag: Option<Box<str>>,
    digest: Option<Digest>,
}

impl Reference {
    /// The repository with its registry: `docker.io/library/nginx` for `nginx`. It is the one that is
    /// pulled, unless this is the image of [another](Self::signed_as).
    pub const fn gun(&self) -> &Gun {
        &self.gun
    }

    /// The tag; `latest` where neither tag nor digest are written. A runtime ignores a tag beside
    /// a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The reference with everything spelled out: `docker.io/library/nginx:1.27@sha256:…`.
    pub fn canonical(&self) -> String {
        let mut canonical = self.gun.as_str().to_owned();
        if let Some(tag) = self.tag() {
            canonical.push(':');
            canonical.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            canonical.push('@');
            canonical.push_str(&digest.to_string());
        }
        canonical
    }

    /// The reference as it was written.
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// The same image by the name under which `gun` is signed: tag, digest and what was written stay
    /// as they are.
    #[must_use]
    pub fn signed_as(&self, gun: Gun) -> Self {
        Self {
            gun,
            ..self.clone()
        }
    }

    /// The name and tag as they were written, with `digest` instead of the one that may be
    /// written.
    pub fn pinned(&self, digest: &Sha256) -> String {
        let name = self.written.split('@').next().unwrap_or_default();
        format!("{name}@sha256:{digest}")
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(written: &str) -> Result<Self, ReferenceError> {
        if written.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if written.len() > MAX_LEN {
            return Err(ReferenceError::TooLong { len: written.len() });
        }
        if let Some(at) = written.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(ReferenceError::BadCharacter { at });
        }
        if grammar::is_identifier(written) || grammar::is_local_id(written) {
            return Err(ReferenceError::Identifier);
        }
        let (host, rest) = grammar::split_host(written);
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>()?)),
            None => (rest, None),
        };
        let (path, tag) = match name.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (name, None),
        };
        check_host(host)?;
        if !grammar::is_path(path) {
            let path = path.to_owned();
            return Err(if grammar::is_path(&path.to_ascii_lowercase()) {
                ReferenceError::UpperCase { path }
            } else {
                ReferenceError::Path { path }
            });
        }
        if let Some(tag) = tag.filter(|tag| !grammar::is_tag(tag)) {
            let tag = tag.to_owned();
            return Err(ReferenceError::Tag { tag });
        }
        let tag = match (tag, &digest) {
            (None, None) => Some(DEFAULT_TAG),
            (tag, _) => tag,
        };
        Ok(Self {
            written: written.into(),
            gun: gun(host, path)?,
            tag: tag.map(Into::into),
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Why a string is not a [`Reference`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// A blank, a control character, or something outside ASCII.
    #[error("byte {at} is not a printable ASCII character")]
    BadCharacter {
        /// Offset from the start of the string.
        at: usize,
    },
    /// The digest is none that a runtime accepts.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// A runtime would accept the name, but no Notary server can keep it.
    #[error("the name cannot be that of a signed repository: {0}")]
    Gun(#[from] GunError),
    /// What stands before the first `/` is no host.
    #[error("`{host}` is not a registry host")]
    Host {
        /// The rejected part.
        host: String,
    },
    /// Docker Hub in other letters than `docker.io`, which a runtime takes for another registry.
    #[error("`{host}` must be written in lower case: a runtime takes it for another registry")]
    HubCase {
        /// The host as written.
        host: String,
    },
    /// 64 hexadecimal digits, which runtimes keep for image IDs.
    #[error("64 hexadecimal digits are an image ID, not a name")]
    Identifier,
    /// The repository's path is none.
    #[error("`{path}` is not a repository path")]
    Path {
        /// The rejected part.
        path: String,
    },
    /// The tag is none.
    #[error("`{tag}` is not a tag")]
    Tag {
        /// The rejected part.
        tag: String,
    },
    /// Longer than any reference that a registry accepts.
    #[error("{len} bytes long; at most {MAX_LEN} are allowed")]
    TooLong {
        /// Length of the rejected string.
        len: usize,
    },
    /// The repository's path has upper-case letters.
    #[error("the repository path `{path}` must be in lower case")]
    UpperCase {
        /// The rejected part.
        path: String,
    },
}

fn check_host(host: &str) -> Result<(), ReferenceError> {
    // Docker Hub is an alias that runtimes compare byte by byte; any other spelling of it would be
    // pulled from a server of that name instead.
    let is_hub = |name: &str| name == grammar::HUB || name == grammar::LEGACY_HUB;
    if !is_hub(host) && is_hub(&host.to_ascii_lowercase()) {
        return Err(ReferenceError::HubCase {
            host: host.to_owned(),
        });
    }
    if grammar::is_host(host) {
        Ok(())
    } else {
        Err(ReferenceError::Host {
            host: host.to_owned(),
        })
    }
}

fn gun(host: &str, path: &str) -> Result<Gun, GunError> {
    let library = if host == grammar::HUB && !path.contains('/') {
        grammar::LIBRARY
    } else {
        ""
    };
    format!("{}/{library}{path}", host.to_ascii_lowercase()).parse()
}

const DEFAULT_TAG: &str = "latest";
/// A GUN (255), a tag (128), a digest (135) and what separates them fit with room to spare.
const MAX_LEN: usize = 1024;

#[cfg(test)]
mod tests;
