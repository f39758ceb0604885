//! The files that a bundle is cut into.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::refuse;
use crate::Refusal;

/// The bytes of a bundle: of one file, or of the parts that one was cut into, in their order.
#[derive(Debug)]
pub(super) struct Parts {
    paths: Vec<PathBuf>,
    next: usize,
    current: Option<File>,
}

impl Parts {
    /// The files that `path` stands for: itself, or the parts whose first one, or whose common name, it is.
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        let paths = match (split_name(path), path.try_exists()?) {
            (Some((base, 1)), _) => series(&base)?,
            (Some((_, number)), true) => return Err(not_the_first(number)),
            (_, true) => vec![path.to_owned()],
            (_, false) => series(path)?,
        };
        for path in &paths {
            check_plain(path, &fs::metadata(path)?)?;
        }
        Ok(Self {
            paths,
            next: 0,
            current: None,
        })
    }

    /// Back to the first byte.
    pub(super) fn rewind(&mut self) {
        self.next = 0;
        self.current = None;
    }

    /// How many bytes there are.
    pub(super) fn size(&self) -> io::Result<u64> {
        let sizes = self.paths.iter().map(|path| Ok(fs::metadata(path)?.len()));
        sizes.sum()
    }

    /// Whether they are more than one.
    pub(super) const fn is_split(&self) -> bool {
        self.paths.len() > 1
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.current {
                let read = file.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            let Some(path) = self.paths.get(self.next) else {
                return Ok(0);
            };
            self.current = Some(open_plain(path)?);
            self.next += 1;
        }
    }
}

/// Opens a file that may have been replaced since it was looked at: by a pipe, for whose other end nobody must
/// wait.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let file = options.read(true).custom_flags(O_NONBLOCK).open(path)?;
    check_plain(path, &file.metadata()?)?;
    Ok(file)
}

fn check_plain(path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let reason = format!("`{}` is no plain file", path.display());
    Err(refuse(Refusal::NotABundle { reason }))
}

/// The name of a part, from 1.
pub(super) fn part(base: &Path, number: u32) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!("{INFIX}{number:03}"));
    name.into()
}

/// The numbers of the parts of `base` that are there.
pub(super) fn numbers(base: &Path) -> io::Result<Vec<u32>> {
    let folder = match base.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = PathBuf::from(entry?.file_name());
        if let Some((name, number)) = split_name(&name)
            && Some(name.as_os_str()) == base.file_name()
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// All parts of `base`; none may be missing, so far as one can see.
fn series(base: &Path) -> io::Result<Vec<PathBuf>> {
    let numbers = numbers(base)?;
    for (expected, number) in (1..).zip(&numbers) {
        if *number != expected {
            let what = format!("`{}`", part(base, expected).display());
            return Err(refuse(Refusal::Missing { what }));
        }
    }
    if numbers.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(numbers
        .into_iter()
        .map(|number| part(base, number))
        .collect())
}

/// What a part's name consists of.
fn split_name(path: &Path) -> Option<(PathBuf, u32)> {
    let (base, digits) = path.to_str()?.rsplit_once(INFIX)?;
    let is_number = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number)?;
    (!base.is_empty()).then(|| (base.into(), number))
}

fn not_the_first(number: u32) -> io::Error {
    let reason = format!("it is part {number} of a bundle; name the first one");
    refuse(Refusal::NotABundle { reason })
}

/// To open without waiting, as Linux has it on the machines that this runs on; it means nothing to plain files.
const O_NONBLOCK: i32 = 0o4000;
const INFIX: &str = ".part";
/// As many parts as three digits count.
pub(super) const MAX_PARTS: u32 = 999;
