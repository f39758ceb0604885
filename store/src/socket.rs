//! A store through a Unix socket: how the command line reads what `vouchsafe serve` holds.
//!
//! A message is a length (four bytes, big-endian) and that many bytes of JSON. Each request gets
//! one answer, in which long lists come in several messages. The socket's mode is 0600, and only
//! its owner and root are answered.

mod client;
mod message;
mod server;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub use client::{RemoteError, RemoteStore};
pub use message::ImportRequest;
pub use server::{Importer, Listener, SocketError, serve};

/// The name of the socket in a store's directory.
pub const SOCKET: &str = "vouchsafe.sock";

/// A path by which the system takes a socket: the given one or, if it is too long for
/// `sockaddr_un`, one through the descriptor of its directory.
#[derive(Debug)]
struct Address {
    path: PathBuf,
    _dir: Option<File>,
}

impl Address {
    fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= MAX_PATH {
            return Ok(Self {
                path: path.to_path_buf(),
                _dir: None,
            });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let dir = File::open(parent)?;
        let short = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string());
        Ok(Self {
            path: short.join(name),
            _dir: Some(dir),
        })
    }
}

/// `sun_path` has 108 bytes on Linux, the last of which is NUL (unix(7)).
const MAX_PATH: usize = 107;

#[cfg(test)]
mod tests;
