//! Writing archives: the same contents always become the same bytes.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::{BLOCK, checksum, field, padding};

/// Writes plain files into an archive.
#[derive(Debug)]
pub(in super::super) struct TarWriter<W> {
    inner: W,
    /// The modification time of all entries, in seconds.
    time: u64,
}

impl<W: Write> TarWriter<W> {
    pub(in super::super) const fn new(inner: W, time: u64) -> Self {
        Self { inner, time }
    }

    /// Adds a file. `contents` must have `size` bytes.
    pub(in super::super) fn file(
        &mut self,
        name: &str,
        size: u64,
        contents: &mut impl Read,
    ) -> io::Result<()> {
        self.inner.write_all(&self.header(name, size)?)?;
        let copied = io::copy(&mut contents.take(size), &mut self.inner)?;
        if copied != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        io::copy(&mut io::repeat(0).take(padding(size)), &mut self.inner)?;
        Ok(())
    }

    /// Ends the archive.
    pub(in super::super) fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&[0; 2 * BLOCK])?;
        Ok(self.inner)
    }

    fn header(&self, name: &str, size: u64) -> io::Result<[u8; BLOCK]> {
        let mut header = [0; BLOCK];
        let mut put = |range: Range<usize>, bytes: &[u8]| {
            let place = header
                .get_mut(range)
                .and_then(|it| it.get_mut(..bytes.len()));
            place.map(|place| place.copy_from_slice(bytes))
        };
        let size = format!("{size:011o}");
        let time = format!("{:011o}", self.time);
        let all = [
            (field::NAME, name),
            (field::MODE, "0000644"),
            (field::OWNER, "0000000"),
            (field::GROUP, "0000000"),
            (field::SIZE, &size),
            (field::TIME, &time),
            (field::KIND..field::KIND + 1, "0"),
            (field::MAGIC, "ustar\x0000"),
        ];
        for (range, text) in all {
            if put(range, text.as_bytes()).is_none() || size.len() > 11 {
                let message = "too large for an archive: 8 GiB";
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
            }
        }
        let sum = format!("{:06o}\0 ", checksum(&header));
        if let Some(place) = header.get_mut(field::CHECKSUM) {
            place.copy_from_slice(sum.as_bytes());
        }
        Ok(header)
    }
}

/// The size of an archive whose files have `sizes`.
pub(in super::super) fn archive_size(sizes: impl Iterator<Item = u64>) -> u64 {
    let block = u64::try_from(BLOCK).unwrap_or(0);
    sizes.map(|size| block + size + padding(size)).sum::<u64>() + 2 * block
}
