//! The contents of a bundle, as a registry sees them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use vouchsafe_trust::Sha256;

use super::oci::Descriptor;
use crate::registry::BlobSource;

/// One of the blobs that a bundle consists of.
#[derive(Clone, Debug)]
pub struct Blob {
    pub(super) descriptor: Descriptor,
    pub(super) source: Source,
}

impl Blob {
    /// Its media type, digest and size, as the OCI image manifest lists them.
    pub const fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Its contents from the first byte on. They were checked against the digest when the bundle
    /// was opened.
    pub fn reader(&self) -> BlobReader {
        BlobReader {
            source: self.source.clone(),
            at: 0,
            left: self.descriptor.size,
        }
    }
}

impl BlobSource for Blob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.reader()))
    }
}

/// Reads a blob. It is independent of the bundle, and stays readable when that is dropped.
#[derive(Debug)]
pub struct BlobReader {
    source: Source,
    at: u64,
    left: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let read = match &self.source {
            Source::Bytes(bytes) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get(at..).unwrap_or_default().read(buffer)?
            }
            Source::File(extent) => extent.file.read_at(buffer, extent.offset + self.at)?,
        };
        let step = u64::try_from(read).unwrap_or(u64::MAX);
        self.at += step;
        self.left -= step;
        Ok(read)
    }
}

/// Where contents are.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Bytes(Arc<[u8]>),
    File(Extent),
}

/// A part of a file that has no name, so that nobody else can change it.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Extent {
    /// All bytes, which the caller knows to be few enough.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        self.slice(0, self.size)
    }

    /// `size` bytes from `offset` on.
    pub(super) fn slice(&self, offset: u64, size: u64) -> io::Result<Vec<u8>> {
        let end = offset.checked_add(size).filter(|end| *end <= self.size);
        let len = end.and_then(|_| usize::try_from(size).ok());
        let mut bytes = vec![0; len.ok_or(io::ErrorKind::UnexpectedEof)?];
        self.file.read_exact_at(&mut bytes, self.offset + offset)?;
        Ok(bytes)
    }
}

/// The name of a blob in an OCI image layout.
pub(super) fn path_of(digest: &Sha256) -> String {
    format!("blobs/sha256/{digest}")
}
