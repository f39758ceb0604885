//! A small disk that can be filled, and made read-only.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::HarnessError;
use super::process::run;

/// A file system of its own in memory, over a directory, in a mount namespace of its own: it is there for the programs that
/// [`Disk::wrapper`] runs, and gone with the value or the process that made it.
#[derive(Debug)]
pub struct Disk {
    /// What keeps it: a process that ends as soon as nobody holds the other end of its standard input.
    keeper: Child,
    place: PathBuf,
}

impl Disk {
    /// Puts one of that many MiB in the place of the directory `place`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it may not be made here, which takes root (`CAP_SYS_ADMIN`).
    pub fn new(place: &Path, mebibytes: u32) -> Result<Self, HarnessError> {
        fs::create_dir_all(place).map_err(HarnessError::file(place))?;
        let script =
            r#"mount -t tmpfs -o size="$1"m,mode=700 tmpfs "$2" && echo mounted && exec cat"#;
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            "sh",
        ]);
        let keeper = command
            .arg(mebibytes.to_string())
            .arg(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| HarnessError::Start {
                program: "unshare".to_owned(),
                source,
            })?;
        let mut disk = Self {
            keeper,
            place: place.to_path_buf(),
        };
        disk.wait_until_mounted()?;
        Ok(disk)
    }

    /// The program, and its arguments, that runs a command where the disk is.
    pub fn wrapper(&self) -> Vec<String> {
        let target = self.keeper.id().to_string();
        ["nsenter", "--mount", "--target", &target, "--"]
            .map(str::to_owned)
            .into()
    }

    /// The root of the disk, for this process.
    pub fn root(&self) -> PathBuf {
        let relative = self.place.strip_prefix("/").unwrap_or(&self.place);
        Path::new("/proc")
            .join(self.keeper.id().to_string())
            .join("root")
            .join(relative)
    }

    /// Fills the disk but for that many KiB, with a file that [`Disk::make_room`] removes.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if that fails for another reason than that it is full.
    pub fn fill(&self, left: u64) -> Result<(), HarnessError> {
        let path = self.root().join(BALLAST);
        let failed = || HarnessError::file(path.clone());
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed())?;
        while file.write_all(&[1; 4096]).is_ok() {}
        let length = file.metadata().map_err(failed())?.len();
        file.set_len(length.saturating_sub(left << 10))
            .map_err(failed())
    }

    /// Undoes [`Disk::fill`].
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if it was not filled.
    pub fn make_room(&self) -> Result<(), HarnessError> {
        let path = self.root().join(BALLAST);
        fs::remove_file(&path).map_err(HarnessError::file(path))
    }

    /// Lets nobody write any more, or again. Nobody may have a file open to write it.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if somebody has.
    pub fn set_read_only(&self, read_only: bool) -> Result<(), HarnessError> {
        let wrapper = self.wrapper();
        let mut command = Command::new("nsenter");
        command.args(wrapper.iter().skip(1));
        let option = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        run(command.args(["mount", "-o", option]).arg(&self.place)).map(drop)
    }

    fn wait_until_mounted(&mut self) -> Result<(), HarnessError> {
        let started = Instant::now();
        let mut said = [0; 8];
        let mut stdout = self.keeper.stdout.take();
        let is_mounted = stdout
            .as_mut()
            .is_some_and(|stdout| stdout.read_exact(&mut said).is_ok());
        if is_mounted {
            return Ok(());
        }
        while matches!(self.keeper.try_wait(), Ok(None)) && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(2));
        }
        let mut output = String::new();
        if let Some(stderr) = &mut self.keeper.stderr {
            drop(stderr.read_to_string(&mut output));
        }
        Err(HarnessError::Command {
            command: "unshare --mount".to_owned(),
            status: "a disk cannot be made here, and this test proves nothing without one: run it as root, in a \
                     container with CAP_SYS_ADMIN"
                .to_owned(),
            output,
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}

const BALLAST: &str = "ballast";
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::super::TempDir;
    use super::*;

    #[test]
    fn a_disk_is_as_small_as_it_was_asked_for_and_only_there_for_its_own() {
        let dir = TempDir::new("disk").unwrap();
        let place = dir.path().join("disk");
        let disk = Disk::new(&place, 2).unwrap();
        disk.fill(64).unwrap();
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
        let file = disk.root().join("file");
        assert!(fs::write(&file, vec![0; 128 << 10]).is_err());
        fs::write(&file, vec![0; 32 << 10]).unwrap();
        disk.make_room().unwrap();
        fs::write(&file, vec![0; 1 << 20]).unwrap();
        disk.set_read_only(true).unwrap();
        assert!(fs::write(&file, [0; 1]).is_err());
        disk.set_read_only(false).unwrap();
        fs::write(&file, [0; 1]).unwrap();
    }
}
