//! Writing bundles: the same contents always become the same bytes, and a file is there whole or not at all.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vouchsafe_trust::Sha256;
use zstd::stream::write::Encoder;

use super::blob::path_of;
use super::contents::Contents;
use super::cutter::Cutter;
use super::oci::LAYOUT;
use super::seal::{Hashing, seal};
use super::tar::{TarWriter, archive_size};

/// Writes a bundle to `to`, or to `to` with `.part001` and so on after its name if `split` says after
/// how many bytes to cut. Gives back the files. What was there under these names is replaced.
///
/// # Errors
///
/// [`WriteBundleError`]. A file is there whole or not at all; where a crash leaves parts of two bundles
/// under one name, their seal refuses them.
pub fn write(
    to: &Path,
    contents: &Contents,
    split: Option<u64>,
) -> Result<Vec<PathBuf>, WriteBundleError> {
    write_as(to, contents, Packing::Zstd, split)
}

/// Whether an archive is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Packing {
    None,
    Zstd,
}

pub(super) fn write_as(
    to: &Path,
    contents: &Contents,
    packing: Packing,
    split: Option<u64>,
) -> Result<Vec<PathBuf>, WriteBundleError> {
    let written = || {
        let archive = Archive::new(contents)?;
        let mut cutter = Cutter::new(to, split)?;
        match packing {
            Packing::None => archive.write(&mut cutter)?,
            Packing::Zstd => {
                let mut file = Hashing::new(&mut cutter);
                archive.compress(&mut file)?;
                let digest = file.digest();
                cutter.write_all(&seal(digest))?;
            }
        }
        cutter.finish()
    };
    written().map_err(|source| WriteBundleError {
        path: to.to_owned(),
        source,
    })
}

/// The files of an archive in their order.
struct Archive {
    texts: Vec<(String, Vec<u8>)>,
    blobs: Vec<super::Blob>,
    time: u64,
}

impl Archive {
    fn new(contents: &Contents) -> serde_json::Result<Self> {
        let (artifact, mut blobs) = contents.blobs()?;
        // Each digest is one file, however many layers have it.
        let mut seen = BTreeSet::new();
        blobs.retain(|blob| seen.insert(blob.descriptor.digest));
        let texts = vec![
            ("oci-layout".to_owned(), LAYOUT.to_vec()),
            ("index.json".to_owned(), contents.index(&artifact)?),
            (path_of(&Sha256::of(&artifact)), artifact),
        ];
        let time = contents.time;
        Ok(Self { texts, blobs, time })
    }

    fn compress(&self, to: &mut impl Write) -> io::Result<()> {
        let mut encoder = Encoder::new(to, LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.set_pledged_src_size(Some(self.size()))?;
        self.write(&mut encoder)?;
        encoder.finish()?;
        Ok(())
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut tar = TarWriter::new(to, self.time);
        for (name, bytes) in &self.texts {
            tar.file(name, len(bytes), &mut bytes.as_slice())?;
        }
        for blob in &self.blobs {
            let descriptor = &blob.descriptor;
            let name = path_of(&descriptor.digest);
            tar.file(&name, descriptor.size, &mut blob.reader())?;
        }
        tar.finish()?;
        Ok(())
    }

    fn size(&self) -> u64 {
        let texts = self.texts.iter().map(|(_, bytes)| len(bytes));
        let blobs = self.blobs.iter().map(|blob| blob.descriptor.size);
        archive_size(texts.chain(blobs))
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Why a bundle could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct WriteBundleError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Of what zstd offers, the last level that keeps pace with a disk.
const LEVEL: i32 = 10;
