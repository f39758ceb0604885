//! The entries that a bundle may have: those of an OCI image layout.

use vouchsafe_trust::Sha256;

use crate::Refusal;

/// An entry of a bundle.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Entry {
    /// The folder itself.
    Here,
    /// `oci-layout`.
    Layout,
    /// `index.json`.
    Index,
    /// `blobs`.
    Blobs,
    /// `blobs/sha256`.
    Sha256,
    /// `blobs/sha256/…`.
    Blob(Sha256),
}

impl Entry {
    /// The entry called `name`, with or without `./` before it.
    pub(super) fn from_name(name: &[u8]) -> Result<Self, Refusal> {
        let entry = shown(name);
        if name.starts_with(b"/") || name.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return Err(Refusal::PathTraversal { entry });
        }
        let plain = name.strip_prefix(b"./").unwrap_or(name);
        Ok(match plain {
            b"" | b"." if !name.is_empty() => Self::Here,
            b"oci-layout" => Self::Layout,
            b"index.json" => Self::Index,
            b"blobs" => Self::Blobs,
            b"blobs/sha256" => Self::Sha256,
            _ => {
                let hex = plain.strip_prefix(b"blobs/sha256/");
                let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
                let digest = hex.and_then(|hex| hex.parse().ok());
                Self::Blob(digest.ok_or(Refusal::ForeignEntry { entry })?)
            }
        })
    }

    /// Whether it is a folder.
    pub(super) const fn is_folder(self) -> bool {
        matches!(self, Self::Here | Self::Blobs | Self::Sha256)
    }
}

/// A name from outside as it may stand in an error: its beginning, control characters escaped.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let text = text.chars().take(MAX_SHOWN);
    text.flat_map(char::escape_debug).collect()
}

const MAX_SHOWN: usize = 128;
