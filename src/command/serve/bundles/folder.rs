//! A folder in which bundles appear.
//!
//! It is looked at now and then, which notices whatever way they come: copied, moved, or by a link that
//! points elsewhere of a sudden, as Kubernetes swaps mounts. A bundle is taken in when it has not changed
//! between two looks. A copy that is interrupted for longer ends too early, and is looked at again when it
//! changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vouchsafe_airgap::import::ImportAnswer;

/// What is known of the bundles in a folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    known: BTreeMap<PathBuf, Known>,
    /// Why the folder could not be read the last time.
    failure: Option<String>,
}

/// A bundle, and what it was like when it was last looked at.
#[derive(Debug)]
struct Known {
    print: Print,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It may still be written.
    Settling,
    /// It adds to a bundle that was not taken in yet.
    WantsBase,
    /// It could not be looked at.
    Failed(Instant),
    /// It was looked at.
    Tried,
}

/// What tells a file that changed: of each of its parts device, inode, length and time of change.
type Print = Vec<(u64, u64, u64, i64, i64)>;

impl Folder {
    /// Looks at `directory`, and has `take_in` look at each bundle that is new and whole.
    pub(super) fn look(
        &mut self,
        directory: &Path,
        take_in: impl Fn(&Path) -> Result<ImportAnswer, String>,
    ) {
        let found = match bundles(directory) {
            Ok(found) => found,
            Err(error) => return self.fail(directory, &error),
        };
        if self.failure.take().is_some() {
            tracing::info!(directory = %directory.display(), "the folder of bundles can be read again");
        }
        self.known.retain(|path, _| found.contains_key(path));
        let ready: BTreeSet<PathBuf> = found
            .into_iter()
            .filter_map(|(path, print)| self.is_ready(&path, print).then_some(path))
            .collect();
        let mut progress = self.try_all(&ready, &take_in);
        // What one brings, another may add to.
        while progress {
            let waiting = self.known.iter();
            let waiting: BTreeSet<PathBuf> = waiting
                .filter(|(_, known)| known.stage == Stage::WantsBase)
                .map(|(path, _)| path.clone())
                .collect();
            progress = self.try_all(&waiting, &take_in);
        }
    }

    fn fail(&mut self, directory: &Path, error: &io::Error) {
        let text = error.to_string();
        if self.failure.as_ref() != Some(&text) {
            tracing::error!(directory = %directory.display(), %error, "the folder of bundles cannot be read");
            self.failure = Some(text);
        }
    }

    /// Whether the bundle is to be looked at now.
    fn is_ready(&mut self, path: &Path, print: Print) -> bool {
        match self.known.get(path) {
            Some(known) if known.print == print => match known.stage {
                Stage::Settling => true,
                Stage::Failed(at) => at.elapsed() >= PAUSE,
                Stage::Tried | Stage::WantsBase => false,
            },
            _ => {
                let stage = Stage::Settling;
                self.known
                    .insert(path.to_path_buf(), Known { print, stage });
                false
            }
        }
    }

    /// Whether any of them was taken in.
    fn try_all(
        &mut self,
        paths: &BTreeSet<PathBuf>,
        take_in: impl Fn(&Path) -> Result<ImportAnswer, String>,
    ) -> bool {
        let mut any = false;
        for path in paths {
            let stage = match take_in(path) {
                Ok(ImportAnswer::Done(_)) => {
                    any = true;
                    Stage::Tried
                }
                Ok(ImportAnswer::Refused { label, .. }) if label == "base_missing" => {
                    Stage::WantsBase
                }
                // That the clock is set right changes no file.
                Ok(ImportAnswer::Refused { label, .. }) if label == "clock_behind" => {
                    Stage::Failed(Instant::now())
                }
                Ok(ImportAnswer::Refused { .. } | ImportAnswer::Strict(_)) => Stage::Tried,
                Err(_) => Stage::Failed(Instant::now()),
            };
            if let Some(known) = self.known.get_mut(path) {
                known.stage = stage;
            }
        }
        any
    }
}

/// The bundles in a folder, by the path to open them by.
fn bundles(directory: &Path) -> io::Result<BTreeMap<PathBuf, Print>> {
    let mut found: BTreeMap<PathBuf, Print> = BTreeMap::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What is being written, or how a mount keeps its versions.
        if name.starts_with('.') {
            continue;
        }
        // Links are followed: a swapped one is a changed file. One that leads nowhere may do so later.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            if let Ok(index) = fs::metadata(path.join("index.json")) {
                let mut prints = vec![print(&metadata), print(&index)];
                prints.extend(blobs(&path.join("blobs/sha256")));
                found.insert(path, prints);
            }
            continue;
        }
        let Some(whole) = whole(&name) else {
            continue;
        };
        // The parts of a split bundle are one.
        found
            .entry(path.with_file_name(whole))
            .or_default()
            .push(print(&metadata));
    }
    Ok(found)
}

/// What the blobs of an OCI image layout are like, which may come after its index.
fn blobs(folder: &Path) -> Print {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = entries.take(MAX_BLOBS).filter_map(|it| it.metadata().ok());
    let mut blobs: Print = entries.map(|metadata| print(&metadata)).collect();
    blobs.sort_unstable();
    blobs
}

/// The name of the bundle that a file is, or is a part of.
fn whole(name: &str) -> Option<&str> {
    let is_part = |rest: &str| rest.len() == 3 && rest.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match name.rsplit_once(".part") {
        Some((whole, number)) if is_part(number) => whole,
        _ => name,
    };
    let is_bundle = [".tar.zst", ".tar"].iter().any(|end| whole.ends_with(end));
    is_bundle.then_some(whole)
}

fn print(metadata: &Metadata) -> (u64, u64, u64, i64, i64) {
    (
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

/// More than a bundle has.
const MAX_BLOBS: usize = 256;
/// How long a bundle that could not be looked at is left alone.
const PAUSE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
