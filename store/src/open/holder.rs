//! Who holds a store, for whoever is refused.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::LOCK;

/// Writes down in the lock file which process has the lock. Nothing depends on it, so a disk that is full does no harm.
pub(super) fn write(lock: &File) {
    let written = lock
        .set_len(0)
        .and_then(|()| lock.write_all_at(this_process().as_bytes(), 0));
    if let Err(error) = written {
        tracing::debug!(%error, "cannot write down who holds the store");
    }
}

/// What the process that holds the store in `dir` wrote down, if it did.
pub(super) fn read(dir: &Path) -> Option<String> {
    let text = fs::read(dir.join(LOCK)).ok()?;
    let text: String = String::from_utf8_lossy(&text)
        .chars()
        .filter(|it| !it.is_control())
        .take(MAX)
        .collect();
    Some(text).filter(|text| !text.is_empty())
}

/// The program and its command, and where it runs: in a cluster the host is called as the Pod.
fn this_process() -> String {
    let command = fs::read("/proc/self/cmdline").unwrap_or_default();
    let command = String::from_utf8_lossy(&command);
    let mut words = command.split('\0');
    let program = words.next().and_then(|path| path.rsplit('/').next());
    let program = program.unwrap_or("a program");
    let command = words.next().filter(|word| !word.starts_with('-'));
    let command = command.map(|word| format!(" {word}")).unwrap_or_default();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let id = std::process::id();
    format!(
        "`{}{}`, process {id} on {}",
        program.trim(),
        command.trim_end(),
        host.trim()
    )
}

/// The most characters that are believed of a lock file.
const MAX: usize = 200;
