//! Archives (POSIX.1-1988 ustar), as far as a bundle needs them: plain files and folders with short names.
//!
//! Whatever makes two readers of one archive see two contents (links, extended headers, long names, sparse
//! files) is refused rather than understood.

mod read;
mod write;

pub(super) use read::{Kind, TarReader};
pub(super) use write::{TarWriter, archive_size};

/// How many bytes fill the last block of contents of `size` bytes.
const fn padding(size: u64) -> u64 {
    size.wrapping_neg() % 512
}

const BLOCK: usize = 512;
/// Where the fields of a header begin and end.
mod field {
    use std::ops::Range;

    pub(super) const NAME: Range<usize> = 0..100;
    pub(super) const MODE: Range<usize> = 100..108;
    pub(super) const OWNER: Range<usize> = 108..116;
    pub(super) const GROUP: Range<usize> = 116..124;
    pub(super) const SIZE: Range<usize> = 124..136;
    pub(super) const TIME: Range<usize> = 136..148;
    pub(super) const CHECKSUM: Range<usize> = 148..156;
    pub(super) const KIND: usize = 156;
    pub(super) const MAGIC: Range<usize> = 257..265;
    pub(super) const PREFIX: Range<usize> = 345..500;
}

/// The sum of a header's bytes, its checksum read as spaces.
fn checksum(header: &[u8; BLOCK]) -> u64 {
    let bytes = header.iter().enumerate().map(|(at, byte)| {
        if field::CHECKSUM.contains(&at) {
            b' '
        } else {
            *byte
        }
    });
    bytes.map(u64::from).sum()
}
