//! A clock that jumps.

use std::fs;
use std::path::PathBuf;

use super::{HarnessError, TempDir};

/// The clock of the programs that [`FakeClock::wrapper`] runs: that of the machine, and as much later or earlier as it was
/// [set](FakeClock::set), also while they run. Debian's `libfaketime`, which a program has to be linked dynamically for. What
/// programs measure time with is left alone.
#[derive(Debug)]
pub struct FakeClock {
    directory: TempDir,
    library: PathBuf,
}

impl FakeClock {
    /// A clock that is right.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if the library is not installed.
    pub fn new() -> Result<Self, HarnessError> {
        let folders = fs::read_dir("/usr/lib").map_err(HarnessError::file("/usr/lib"))?;
        let mut libraries = folders
            .flatten()
            .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let library = libraries.find(|library| library.exists());
        let library = library.ok_or_else(|| {
            HarnessError::unexpected("libfaketime")(
                "not installed (is tests/scripts/install.sh done?)",
            )
        })?;
        let clock = Self {
            directory: TempDir::new("clock")?,
            library,
        };
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets the clock that many seconds before or after the machine's.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if that cannot be written down.
    pub fn set(&self, seconds: i64) -> Result<(), HarnessError> {
        // At once, since programs may be looking.
        let new = self
            .directory
            .write("offset.new", format!("{seconds:+}\n"))?;
        fs::rename(&new, self.file()).map_err(HarnessError::file(new))
    }

    /// The program, and its arguments, that runs a command by this clock.
    pub fn wrapper(&self) -> Vec<String> {
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", self.library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file().display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            "DONT_FAKE_MONOTONIC=1".to_owned(),
        ]
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, SystemTime};

    use super::super::process::run;
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the machine that tests"
    )]
    fn programs_go_by_the_clock_that_was_set() {
        let clock = FakeClock::new().unwrap();
        let day = 86_400;
        for seconds in [0, day, -day, 36_525 * day] {
            clock.set(seconds).unwrap();
            let wrapper = clock.wrapper();
            let mut date = Command::new(&wrapper[0]);
            let date = run(date.args(&wrapper[1..]).args(["date", "+%s"])).unwrap();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let now = i64::try_from(now.unwrap().as_secs()).unwrap();
            let off = date.trim().parse::<i64>().unwrap() - now - seconds;
            assert!(
                off.unsigned_abs() < Duration::from_mins(1).as_secs(),
                "{seconds} {off}"
            );
        }
    }
}
