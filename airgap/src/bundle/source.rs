//! Where a bundle is read from: a file, compressed or not, its parts, or a folder.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::OpenBundleError;
use super::entry::shown;
use super::error::no_bundle;
use super::frame::{MAGIC, Unpacked};
use super::intake::{Intake, too_large};
use super::parts::{Parts, open_plain};
use super::seal::Seal;
use super::tar::{Kind, TarReader};
use crate::Refusal;

/// What a bundle was read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// One file, compressed.
    Compressed,
    /// A folder.
    Folder,
    /// One file, not compressed.
    Plain,
    /// Parts of a file.
    Split,
}

/// Takes in all entries of the bundle at `path`.
pub(super) fn take_all(
    path: &Path,
    limits: &super::Limits,
    intake: &mut Intake<'_>,
) -> Result<Form, OpenBundleError> {
    if path.is_dir() {
        take_folder(path, intake)?;
        return Ok(Form::Folder);
    }
    let reading = OpenBundleError::reading;
    let mut file = Parts::find(path).map_err(reading(path))?;
    let is_split = file.is_split();
    let size = file.size().map_err(reading(path))?;
    // A file may be said to be of any length, and takes that long to be read.
    let most = limits.unpacked.saturating_add(limits.unpacked / 64 + SLACK);
    if size > most {
        return Err(too_large("its file", most, "bytes").into());
    }
    let seal = Seal::check(&mut file, size).map_err(reading(path))?;
    let start = start(&mut file).map_err(reading(path))?;
    let form = if start.starts_with(&MAGIC) {
        let unpacked = Unpacked::new(file, seal, limits).map_err(reading(path))?;
        take_archive(path, TarReader::new(unpacked), intake)?;
        Form::Compressed
    } else {
        let file = io::BufReader::new(file.take(size));
        take_archive(path, TarReader::new(file), intake)?;
        Form::Plain
    };
    Ok(if is_split { Form::Split } else { form })
}

/// The first bytes, from which the form is told.
fn start(file: &mut Parts) -> io::Result<Vec<u8>> {
    file.rewind();
    let mut start = Vec::new();
    file.by_ref().take(SNIFFED).read_to_end(&mut start)?;
    file.rewind();
    let is_archive = start
        .get(MAGIC_AT..)
        .is_some_and(|at| at.starts_with(b"ustar"));
    if start.is_empty() || MAGIC.starts_with(&start) {
        Err(io::ErrorKind::UnexpectedEof.into())
    } else if start.starts_with(&MAGIC) || is_archive {
        Ok(start)
    } else {
        Err(no_bundle(
            "neither a zstd-compressed nor a plain tar archive",
        ))
    }
}

fn take_archive<R: io::Read>(
    path: &Path,
    mut archive: TarReader<R>,
    intake: &mut Intake<'_>,
) -> Result<(), OpenBundleError> {
    let reading = OpenBundleError::reading;
    while let Some(header) = archive.next_entry().map_err(reading(path))? {
        let entry = intake.entry(&header.name, header.kind == Kind::Folder)?;
        intake.take(entry, header.size, archive.contents())?;
    }
    Ok(())
}

/// Takes in a folder, each file once: its contents are copied and then checked.
fn take_folder(path: &Path, intake: &mut Intake<'_>) -> Result<(), OpenBundleError> {
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let full = path.join(&folder);
        let io = OpenBundleError::io;
        for found in fs::read_dir(&full).map_err(io(&full))? {
            let found = found.map_err(io(&full))?;
            let name = found.file_name();
            let name = name.to_str().ok_or_else(|| Refusal::ForeignEntry {
                entry: shown(name.as_encoded_bytes()),
            })?;
            let name = format!("{folder}{name}");
            let file = found.path();
            let metadata = fs::symlink_metadata(&file).map_err(io(&file))?;
            if metadata.is_dir() {
                intake.entry(name.as_bytes(), true)?;
                folders.push(format!("{name}/"));
            } else if metadata.is_file() {
                let entry = intake.entry(name.as_bytes(), false)?;
                let mut opened = open_plain(&file).map_err(OpenBundleError::reading(&file))?;
                let size =
                    same_file(&opened, &metadata).map_err(OpenBundleError::reading(&file))?;
                intake.take(entry, size, &mut opened)?;
            } else {
                let is_link = metadata.is_symlink();
                let kind = if is_link {
                    "symbolic link"
                } else {
                    "special file"
                };
                return Err(Refusal::EntryKind { entry: name, kind }.into());
            }
        }
    }
    Ok(())
}

/// The size of a file that must be the one that was looked at before, not what a link put in its
/// place leads to.
fn same_file(opened: &File, looked_at: &fs::Metadata) -> io::Result<u64> {
    let now = opened.metadata()?;
    if (now.dev(), now.ino()) == (looked_at.dev(), looked_at.ino()) {
        Ok(now.len())
    } else {
        Err(no_bundle("a file was replaced while it was read"))
    }
}

/// What an archive has besides its contents, and what compressing takes that cannot make them smaller.
const SLACK: u64 = 16 << 20;
const SNIFFED: u64 = 512;
/// Where the magic of an archive stands.
const MAGIC_AT: usize = 257;
