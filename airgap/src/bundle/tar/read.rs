//! Reading archives that anyone may have made.

use std::io::{self, Read};
use std::ops::Range;

use super::super::entry::shown;
use super::super::error::{no_bundle, refuse};
use super::{BLOCK, checksum, field, padding};
use crate::Refusal;

/// The entries of an archive, one after the other.
#[derive(Debug)]
pub(in super::super) struct TarReader<R> {
    inner: R,
    padding: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Kind {
    File,
    Folder,
}

/// The header of an entry.
#[derive(Clone, Debug)]
pub(in super::super) struct Header {
    /// Its name as written, without a slash at its end if it is a folder.
    pub(in super::super) name: Vec<u8>,
    pub(in super::super) kind: Kind,
    pub(in super::super) size: u64,
}

impl<R: Read> TarReader<R> {
    pub(in super::super) const fn new(inner: R) -> Self {
        Self { inner, padding: 0 }
    }

    /// The next entry, if there is one. The contents of the one before must have been read.
    pub(in super::super) fn next_entry(&mut self) -> io::Result<Option<Header>> {
        let mut header = [0; BLOCK];
        let skipped = header.get_mut(..usize::try_from(self.padding).unwrap_or(0));
        self.inner.read_exact(skipped.unwrap_or_default())?;
        self.padding = 0;
        self.inner.read_exact(&mut header)?;
        if header == [0; BLOCK] {
            self.end()?;
            return Ok(None);
        }
        let header = parse(&header)?;
        self.padding = padding(header.size);
        Ok(Some(header))
    }

    /// The contents of the entry whose header was read last.
    pub(in super::super) fn contents(&mut self) -> &mut R {
        &mut self.inner
    }

    /// After the first empty block: another one, and nothing but zeros from there on, with which
    /// archives are filled up.
    fn end(&mut self) -> io::Result<()> {
        let mut buffer = [0; BLOCK];
        self.inner.read_exact(&mut buffer)?;
        loop {
            if buffer.iter().any(|byte| *byte != 0) {
                return Err(no_bundle("something follows the end of the archive"));
            }
            let read = self.inner.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            buffer.get_mut(read..).unwrap_or_default().fill(0);
        }
    }
}

fn parse(header: &[u8; BLOCK]) -> io::Result<Header> {
    let bytes = |range: Range<usize>| header.get(range).unwrap_or_default();
    let magic = bytes(field::MAGIC);
    if !magic.starts_with(b"ustar") || number(bytes(field::CHECKSUM)) != Some(checksum(header)) {
        return Err(no_bundle("its archive is damaged, or none"));
    }
    let mut name = text(bytes(field::NAME)).to_vec();
    // GNU tar has other things in the place of the prefix.
    let prefix = text(bytes(field::PREFIX));
    if magic.starts_with(b"ustar\0") && !prefix.is_empty() {
        name = [prefix, b"/", &name].concat();
    }
    let size = number(bytes(field::SIZE)).ok_or_else(|| no_bundle("its archive is damaged"))?;
    let kind = match header.get(field::KIND) {
        Some(b'0' | 0) => Kind::File,
        Some(b'5') if size == 0 => Kind::Folder,
        kind => {
            let (entry, kind) = (shown(&name), foreign(kind.copied()));
            return Err(refuse(Refusal::EntryKind { entry, kind }));
        }
    };
    if kind == Kind::Folder && name.ends_with(b"/") {
        name.pop();
    }
    Ok(Header { name, kind, size })
}

/// What an entry of a kind that a bundle does not have is.
const fn foreign(kind: Option<u8>) -> &'static str {
    match kind {
        Some(b'1') => "hard link",
        Some(b'2') => "symbolic link",
        Some(b'3') => "character device",
        Some(b'4') => "block device",
        Some(b'5') => "folder with contents",
        Some(b'6') => "named pipe",
        Some(b'x' | b'g' | b'X') => "extended header",
        Some(b'L' | b'K') => "long name",
        Some(b'S') => "sparse file",
        _ => "special file",
    }
}

/// A text field, up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal digits. One in GNU's binary form is beyond all limits.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        return Some(u64::MAX);
    }
    let digits = text(field).trim_ascii();
    let digit = |byte: &u8| matches!(byte, b'0'..=b'7').then(|| u64::from(byte - b'0'));
    digits.iter().try_fold(0_u64, |number, byte| {
        number.checked_mul(8)?.checked_add(digit(byte)?)
    })
}
