//! Why the surroundings of a test could not be set up.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A failure of the test surroundings or of a program that they run.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A file or directory operation failed.
    #[error("{}: {source}", path.display())]
    File {
        /// What was touched.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program could not be started; the install script may not have run.
    #[error("cannot run {program} (is tests/scripts/install.sh done?): {source}")]
    Start {
        /// The program's name.
        program: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("{command}: {status}\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote to stdout and stderr.
        output: String,
    },
    /// A started process ended, or did not do what was waited for in time.
    #[error("{name} was not ready after {waited:?}; its log:\n{log}")]
    NotReady {
        /// The process.
        name: String,
        /// How long it was waited for.
        waited: Duration,
        /// What it wrote.
        log: String,
    },
    /// No port could be leased.
    #[error("no free port on 127.0.0.1")]
    NoPort,
    /// A socket operation failed.
    #[error("{what}: {source}")]
    Socket {
        /// What was attempted.
        what: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A server answered something else than was asked of it.
    #[error("{request}: {answer}")]
    Answer {
        /// The request.
        request: String,
        /// Status and body, or what was wrong with them.
        answer: String,
    },
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A TLS configuration was refused.
    #[error("tls: {0}")]
    Tls(#[from] rustls::Error),
    /// Metadata or output did not have the expected form.
    #[error("{what}: {detail}")]
    Unexpected {
        /// What was read.
        what: String,
        /// What was wrong with it.
        detail: String,
    },
}

impl HarnessError {
    /// Names the file of an I/O failure; for `map_err`.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// Names the attempt behind a socket failure; for `map_err`.
    pub fn socket(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Socket { what, source }
    }

    /// Says what was read and why it could not be used; for `map_err`.
    pub fn unexpected<E: std::fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |error| Self::Unexpected {
            what,
            detail: error.to_string(),
        }
    }
}
