//! The seal at the end of a bundle file: a checksum that a flipped bit anywhere breaks.
//!
//! It is a zstd skippable frame, which every zstd tool passes over. It protects from accidents
//! alone: whoever can change a file can seal it anew. What a bundle says is vouched for by signatures.

use std::io::{self, Read, Write};

use sha2::Digest as _;

use super::error::refuse;
use crate::Refusal;

/// What the end of a bundle file says about all before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Seal {
    /// There is a seal, and it fits.
    Intact,
    /// There is none: another tool compressed it.
    None,
}

impl Seal {
    /// Reads a file of `size` bytes to its end. A seal that does not fit is refused.
    pub(super) fn check(file: &mut impl Read, size: u64) -> io::Result<Self> {
        let Some(covered) = size.checked_sub(u64_len(SEAL_LEN)) else {
            return Ok(Self::None);
        };
        let mut hash = Hashing::new(io::sink());
        let copied = io::copy(&mut file.take(covered), &mut hash)?;
        let mut seal = [0; SEAL_LEN];
        file.read_exact(&mut seal)?;
        if copied != covered {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match seal.strip_prefix(&HEAD) {
            None => Ok(Self::None),
            Some(digest) if digest == hash.digest() => Ok(Self::Intact),
            Some(_) => Err(refuse(Refusal::SealBroken)),
        }
    }
}

/// A seal over all bytes whose digest is `digest`.
pub(super) fn seal(digest: [u8; 32]) -> [u8; SEAL_LEN] {
    let mut seal = [0; SEAL_LEN];
    for (to, from) in seal.iter_mut().zip(HEAD.into_iter().chain(digest)) {
        *to = from;
    }
    seal
}

/// Whether `end` is the beginning of a seal.
pub(super) fn is_cut_seal(end: &[u8]) -> bool {
    end.len() < SEAL_LEN && end.iter().zip(HEAD).all(|(found, head)| *found == head)
}

/// Hashes what is written through it.
#[derive(Debug)]
pub(super) struct Hashing<W> {
    inner: W,
    hash: sha2::Sha256,
}

impl<W> Hashing<W> {
    pub(super) fn new(inner: W) -> Self {
        let hash = sha2::Sha256::new();
        Self { inner, hash }
    }

    /// The digest of what was written up to now.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn u64_len(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// A skippable frame (RFC 8878 §3.1.2) of 32 bytes.
const HEAD: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
/// Bytes of a seal.
pub(super) const SEAL_LEN: usize = 40;
