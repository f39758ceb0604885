//! Child processes.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::HarnessError;

/// A child process that writes to a log file and is killed when the value is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A signal that can be sent to a [`Process`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// Asks it to end.
    Term,
    /// Asks it to reload.
    Hup,
    /// Stops it where it stands; connections stay open and nothing answers.
    Stop,
    /// Lets it go on.
    Cont,
}

/// A finished command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finished {
    /// The exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Process {
    /// Starts a command with stdout and stderr appended to `log` and an empty stdin.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the program cannot be run, [`HarnessError::File`] if the log cannot be opened.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, HarnessError> {
        let name = program_name(command);
        let open = || {
            File::options()
                .create(true)
                .append(true)
                .open(log)
                .map_err(HarnessError::file(log))
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(open()?)
            .stderr(open()?)
            .spawn()
            .map_err(|source| HarnessError::Start {
                program: name.clone(),
                source,
            })?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
        })
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] if the process ends first or `deadline` passes.
    pub fn wait_until(
        &mut self,
        deadline: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), HarnessError> {
        let started = Instant::now();
        while !ready() {
            let ended = !matches!(self.child.try_wait(), Ok(None));
            if ended || started.elapsed() > deadline {
                return Err(self.not_ready(started.elapsed()));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits until something accepts connections at `address`.
    ///
    /// # Errors
    ///
    /// As [`Process::wait_until`], after ten seconds.
    pub fn wait_until_listening(&mut self, address: SocketAddr) -> Result<(), HarnessError> {
        self.wait_until(START_DEADLINE, || TcpStream::connect(address).is_ok())
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] if `deadline` passes first.
    pub fn wait_for_exit(&mut self, deadline: Duration) -> Result<ExitStatus, HarnessError> {
        let started = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if started.elapsed() <= deadline => thread::sleep(POLL),
                Ok(None) | Err(_) => return Err(self.not_ready(started.elapsed())),
            }
        }
    }

    /// Kills the process (`SIGKILL`) and waits for its end; does nothing if it has ended.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the system refuses the signal.
    pub fn kill(&mut self) -> Result<(), HarnessError> {
        let failed = |source| HarnessError::Start {
            program: format!("kill {}", self.name),
            source,
        };
        self.child.kill().map_err(failed)?;
        self.child.wait().map_err(failed)?;
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), HarnessError> {
        let name = match signal {
            Signal::Term => "-TERM",
            Signal::Hup => "-HUP",
            Signal::Stop => "-STOP",
            Signal::Cont => "-CONT",
        };
        run(Command::new("/bin/kill")
            .arg(name)
            .arg(self.child.id().to_string()))
        .map(drop)
    }

    /// The process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything the process wrote so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn not_ready(&self, waited: Duration) -> HarnessError {
        HarnessError::NotReady {
            name: self.name.clone(),
            waited,
            log: self.log(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

/// Runs a command to its end, whatever its exit status.
///
/// # Errors
///
/// [`HarnessError::Start`] if the program cannot be run.
pub fn finish(command: &mut Command) -> Result<Finished, HarnessError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| HarnessError::Start {
            program: program_name(command),
            source,
        })?;
    Ok(Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a command that has to succeed and returns its stdout.
///
/// # Errors
///
/// [`HarnessError::Start`] if the program cannot be run, [`HarnessError::Command`] if it fails.
pub fn run(command: &mut Command) -> Result<String, HarnessError> {
    let finished = finish(command)?;
    if finished.code == Some(0) {
        return Ok(finished.stdout);
    }
    let arguments: Vec<_> = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    Err(HarnessError::Command {
        command: format!("{} {}", program_name(command), arguments.join(" ")),
        status: finished.code.map_or_else(
            || "ended by a signal".to_owned(),
            |code| format!("exit status {code}"),
        ),
        output: finished.stdout + &finished.stderr,
    })
}

fn program_name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned()
}

const POLL: Duration = Duration::from_millis(5);
const START_DEADLINE: Duration = Duration::from_secs(10);
