//! Taking in the entries of a bundle, in whatever order they come.
//!
//! Blobs go into one file without a name: memory stays small whatever the bundle claims, and what
//! was checked cannot be changed afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::Arc;

use sha2::Digest as _;
use vouchsafe_trust::Sha256;

use super::blob::{Extent, path_of};
use super::entry::{Entry, shown};
use super::oci::check_layout;
use super::{Limits, OpenBundleError};
use crate::Refusal;

/// The entries that were taken in up to now.
#[derive(Debug)]
pub(super) struct Intake<'a> {
    limits: &'a Limits,
    /// The bundle, for errors.
    path: &'a Path,
    folder: &'a Path,
    spool: File,
    end: u64,
    /// How long a blob may be, and all of them together, to be kept; beyond that they are only looked at.
    kept: (u64, u64),
    entries: u64,
    unpacked: u64,
    seen: BTreeSet<Entry>,
    index: Option<Vec<u8>>,
    blobs: BTreeMap<Sha256, (u64, u64)>,
}

/// An OCI image layout whose blobs are what their names say.
#[derive(Debug)]
pub(super) struct Spooled {
    pub(super) index: Vec<u8>,
    pub(super) blobs: BTreeMap<Sha256, Extent>,
}

impl<'a> Intake<'a> {
    /// Prepares to take in the bundle at `path`; blobs go into a file in `folder`.
    pub(super) fn new(
        path: &'a Path,
        folder: &'a Path,
        limits: &'a Limits,
    ) -> Result<Self, OpenBundleError> {
        Ok(Self {
            limits,
            path,
            folder,
            spool: tempfile::tempfile_in(folder).map_err(OpenBundleError::io(folder))?,
            end: 0,
            kept: (u64::MAX, u64::MAX),
            entries: 0,
            unpacked: 0,
            seen: BTreeSet::new(),
            index: None,
            blobs: BTreeMap::new(),
        })
    }

    /// Keeps only blobs of at most `each` bytes, and no more than `all` of them.
    pub(super) fn keeping(self, each: u64, all: u64) -> Self {
        let kept = (each, all);
        Self { kept, ..self }
    }

    /// The entry that `name` is, if it may be there.
    pub(super) fn entry(&mut self, name: &[u8], is_folder: bool) -> Result<Entry, Refusal> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(too_large("its archive", self.limits.entries, "entries"));
        }
        let entry = Entry::from_name(name)?;
        if entry.is_folder() != is_folder {
            return Err(Refusal::ForeignEntry { entry: shown(name) });
        }
        if !self.seen.insert(entry) {
            return Err(Refusal::DuplicateEntry { entry: shown(name) });
        }
        Ok(entry)
    }

    /// Takes in the contents of a file.
    pub(super) fn take(
        &mut self,
        entry: Entry,
        size: u64,
        contents: &mut impl Read,
    ) -> Result<(), OpenBundleError> {
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.unpacked {
            let limit = self.limits.unpacked;
            return Err(too_large("its contents", limit, "bytes").into());
        }
        match entry {
            Entry::Blob(digest) => self.spool(digest, size, contents),
            Entry::Index => {
                self.index = Some(self.small("`index.json`", size, contents)?);
                Ok(())
            }
            Entry::Layout => {
                let layout = self.small("`oci-layout`", size, contents)?;
                Ok(check_layout(&layout)?)
            }
            Entry::Here | Entry::Blobs | Entry::Sha256 => Ok(()),
        }
    }

    /// What there is, if it is an OCI image layout.
    pub(super) fn finish(self) -> Result<Spooled, Refusal> {
        let missing = |what: &str| Refusal::Missing {
            what: what.to_owned(),
        };
        if !self.seen.contains(&Entry::Layout) {
            return Err(missing("`oci-layout`"));
        }
        let index = self.index.ok_or_else(|| missing("`index.json`"))?;
        let file = Arc::new(self.spool);
        let extent = |(digest, (offset, size))| {
            let file = Arc::clone(&file);
            (digest, Extent { file, offset, size })
        };
        let blobs = self.blobs.into_iter().map(extent).collect();
        Ok(Spooled { index, blobs })
    }

    fn small(
        &self,
        what: &str,
        size: u64,
        contents: &mut impl Read,
    ) -> Result<Vec<u8>, OpenBundleError> {
        if size > self.limits.index {
            return Err(too_large(what, self.limits.index, "bytes").into());
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let read = contents.read_exact(&mut bytes);
        read.map_err(OpenBundleError::reading(self.path))?;
        Ok(bytes)
    }

    fn spool(
        &mut self,
        digest: Sha256,
        size: u64,
        contents: &mut impl Read,
    ) -> Result<(), OpenBundleError> {
        let (each, all) = self.kept;
        let keeps = size <= each && self.end.saturating_add(size) <= all;
        let mut hash = sha2::Sha256::new();
        let mut buffer = vec![0; CHUNK];
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = buffer.get_mut(..most).unwrap_or_default();
            let read = contents.read_exact(chunk);
            read.map_err(OpenBundleError::reading(self.path))?;
            hash.update(&chunk);
            if keeps {
                let written = self.spool.write_all(chunk);
                written.map_err(OpenBundleError::io(self.folder))?;
            }
            left -= u64::try_from(most).unwrap_or(left);
        }
        if Sha256::from_bytes(hash.finalize().into()) != digest {
            let what = format!("`{}`", path_of(&digest));
            return Err(Refusal::DigestMismatch { what }.into());
        }
        if keeps {
            self.blobs.insert(digest, (self.end, size));
            self.end += size;
        }
        Ok(())
    }
}

pub(super) fn too_large(what: &str, limit: u64, unit: &'static str) -> Refusal {
    let what = what.to_owned();
    Refusal::TooLarge { what, limit, unit }
}

const CHUNK: usize = 64 << 10;
