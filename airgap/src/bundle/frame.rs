//! Decompression of what anyone may have made.

use std::fmt;
use std::io::{self, BufReader, Chain, Cursor, Read};

use zstd::stream::read::Decoder;

use super::Limits;
use super::error::{no_bundle, refuse};
use super::parts::Parts;
use super::seal::{SEAL_LEN, Seal, is_cut_seal};
use crate::Refusal;

/// The decompressed bytes of a file that is one zstd frame, and its seal if there is one.
///
/// It ends where the frame does, after a look at what follows there.
pub(super) struct Unpacked {
    decoder: Decoder<'static, BufReader<File>>,
    seal: Seal,
    ratio: u64,
    count: u64,
    most: u64,
}

/// The file, after its beginning, which was looked at before.
type File = Chain<Cursor<Vec<u8>>, Counted>;

impl Unpacked {
    pub(super) fn new(mut file: Parts, seal: Seal, limits: &Limits) -> io::Result<Self> {
        let mut start = Vec::new();
        file.by_ref().take(MAX_HEADER).read_to_end(&mut start)?;
        check_header(&start, limits)?;
        let file = Cursor::new(start).chain(Counted { file, count: 0 });
        let file = BufReader::with_capacity(BUFFER, file);
        let mut decoder = Decoder::with_buffer(file)?.single_frame();
        decoder.window_log_max(limits.window_log)?;
        Ok(Self {
            decoder,
            seal,
            ratio: limits.ratio,
            count: 0,
            most: limits.unpacked,
        })
    }

    /// After the frame: the seal that was checked before, or nothing.
    fn end(&mut self) -> io::Result<()> {
        let mut rest = Vec::new();
        let limit = u64::try_from(SEAL_LEN).unwrap_or(0) + 1;
        let file = self.decoder.get_mut();
        file.by_ref().take(limit).read_to_end(&mut rest)?;
        match (self.seal, rest.len()) {
            (Seal::Intact, SEAL_LEN) | (Seal::None, 0) => Ok(()),
            (Seal::None, _) if is_cut_seal(&rest) => Err(refuse(Refusal::Truncated)),
            _ => Err(no_bundle("something follows its end")),
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer).map_err(undecodable)?;
        self.count += u64::try_from(read).unwrap_or(u64::MAX);
        let (_, file) = self.decoder.get_ref().get_ref().get_ref();
        let packed = file.count.max(MAX_HEADER);
        let too_large = |what: &str, limit, unit| {
            let what = what.to_owned();
            Err(refuse(Refusal::TooLarge { what, limit, unit }))
        };
        if self.count > FREE && self.count / packed > self.ratio {
            return too_large(
                "its decompression",
                self.ratio,
                "bytes per byte of the file",
            );
        }
        if self.count > self.most {
            return too_large("its contents", self.most, "bytes");
        }
        if read == 0 && !buffer.is_empty() {
            self.end()?;
        }
        Ok(read)
    }
}

impl fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacked")
            .field("seal", &self.seal)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// Counts what was read of the file.
#[derive(Debug)]
struct Counted {
    file: Parts,
    count: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.count += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

/// Looks at what a frame's header demands (RFC 8878 §3.1.1.1) before any memory is given to it.
fn check_header(start: &[u8], limits: &Limits) -> io::Result<()> {
    let [_, _, _, _, descriptor, rest @ ..] = start else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let is_single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x03 != 0 {
        return Err(no_bundle("it is compressed with a dictionary"));
    }
    let window = if is_single_segment {
        let len = match descriptor >> 6 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let mut size = [0; 8];
        let field = rest.get(..len).ok_or(io::ErrorKind::UnexpectedEof)?;
        for (to, from) in size.iter_mut().zip(field) {
            *to = *from;
        }
        u64::from_le_bytes(size)
    } else {
        let window = rest.first().ok_or(io::ErrorKind::UnexpectedEof)?;
        let base = 1_u64 << (10 + (window >> 3));
        base + base / 8 * u64::from(window & 0x07)
    };
    let limit = 1 << limits.window_log;
    if window > limit {
        return Err(refuse(Refusal::TooLarge {
            what: "the memory that its decompression needs".to_owned(),
            limit,
            unit: "bytes",
        }));
    }
    Ok(())
}

/// zstd's own errors are about the contents; those of the file have the system's number.
fn undecodable(error: io::Error) -> io::Error {
    let is_ours = matches!(error.get_ref(), Some(inner) if inner.is::<Refusal>());
    if error.raw_os_error().is_some() || is_ours || error.kind() == io::ErrorKind::UnexpectedEof {
        error
    } else {
        no_bundle("its compression is damaged")
    }
}

/// The magic number of a zstd frame.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// So much may come of however little: short archives of zeros are no attack.
const FREE: u64 = 16 << 20;
/// The longest header of a frame.
const MAX_HEADER: u64 = 18;
const BUFFER: usize = 128 << 10;
