//! Setting aside what cannot be used.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::write_whole;
use crate::durable::forget_mark;

/// Contents of a store that could not be used, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SetAside {
    /// Where they are now.
    pub path: PathBuf,
    /// What is wrong with them.
    pub reason: String,
}

/// Makes sure that what lies in `dir` is in our format and was not found damaged before; what is
/// not, is set aside.
pub(super) fn prepare(dir: &Path, now: Timestamp) -> io::Result<Option<SetAside>> {
    let format = read_if_there(&dir.join(FORMAT))?;
    let foreign = format.as_deref() != Some(STAMP);
    let reason = if foreign {
        let found = format.as_deref().map(str::trim_end);
        let found: String = found.unwrap_or("no format").chars().take(64).collect();
        Some(format!(
            "it is stamped `{found}`, not `{}`",
            STAMP.trim_end()
        ))
    } else {
        read_if_there(&dir.join(DAMAGED))?
            .map(|what| format!("it was found damaged: {}", what.trim_end()))
    };
    let aside = match reason {
        Some(reason) if dir.join("db").try_exists()? => Some(set_aside(dir, now, reason)?),
        _ => None,
    };
    if foreign {
        write_whole(dir, FORMAT, STAMP)?;
    }
    Ok(aside)
}

/// Renames the database out of the way.
pub(super) fn set_aside(dir: &Path, now: Timestamp, reason: String) -> io::Result<SetAside> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut path = dir.join(format!("db.set-aside-{stamp}"));
    for number in 2.. {
        if !path.try_exists()? {
            break;
        }
        path = dir.join(format!("db.set-aside-{stamp}-{number}"));
    }
    fs::rename(dir.join("db"), &path)?;
    // Only now: were there a crash in between, a new database would be without its promise, and
    // be set aside, too. The other way round, damage could pass.
    forget_mark(dir)?;
    match fs::remove_file(dir.join(DAMAGED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::open(dir)?.sync_all()?;
    tracing::error!(path = %path.display(), reason, "set the store aside; it starts empty");
    Ok(SetAside { path, reason })
}

/// Leaves a note for the next opening that the contents are damaged.
pub(crate) fn note_damage(dir: &Path, what: &str) {
    if dir.join(DAMAGED).exists() {
        return;
    }
    tracing::error!(
        what,
        "the store is damaged; it is set aside at the next start"
    );
    if let Err(error) = write_whole(dir, DAMAGED, &format!("{what}\n")) {
        tracing::error!(%error, "cannot leave a note of the damage");
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

const FORMAT: &str = "FORMAT";
const STAMP: &str = "vouchsafe-store 4\n";
const DAMAGED: &str = "DAMAGED";
