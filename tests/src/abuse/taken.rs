//! What a process has taken of the machine.

use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::harness::HarnessError;
use crate::harness::process::Process;

/// What a process takes, as the kernel counts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Taken {
    /// Bytes of memory that are resident.
    pub resident: u64,
    /// The most that ever were since the mark was reset.
    pub most: u64,
    /// Open files, sockets among them.
    pub files: usize,
    /// Threads.
    pub threads: u64,
}

impl Taken {
    /// What the process takes now.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if there is no such process.
    pub fn by(process: u32) -> Result<Self, HarnessError> {
        let path = PathBuf::from(format!("/proc/{process}/status"));
        let status = fs::read_to_string(&path).map_err(HarnessError::file(path))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let path = PathBuf::from(format!("/proc/{process}/fd"));
        let files = fs::read_dir(&path)
            .map_err(HarnessError::file(path))?
            .count();
        Ok(Self {
            resident: number("VmRSS:").unwrap_or_default() * 1024,
            most: number("VmHWM:").unwrap_or_default() * 1024,
            files,
            threads: number("Threads:").unwrap_or_default(),
        })
    }

    /// Waits for the process to end; tells how it ended, and the most memory that it had.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] if `patience` passes first.
    pub fn until_end(
        process: &mut Process,
        patience: Duration,
    ) -> Result<(ExitStatus, u64), HarnessError> {
        let started = Instant::now();
        let mut most = 0;
        loop {
            // Of a process that has ended there is nothing to read.
            most = Self::by(process.id()).map_or(most, |taken| taken.most.max(most));
            match process.wait_for_exit(LOOK) {
                Ok(status) => return Ok((status, most)),
                Err(error) if started.elapsed() > patience => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Resets the mark of the most memory to what the process has now.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if the kernel does not let it.
    pub fn reset(process: u32) -> Result<(), HarnessError> {
        let path = PathBuf::from(format!("/proc/{process}/clear_refs"));
        fs::write(&path, "5").map_err(HarnessError::file(path))
    }
}

/// How often to look.
const LOOK: Duration = Duration::from_millis(5);
