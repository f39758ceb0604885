//! Ports on loopback.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use super::HarnessError;

/// A TCP port that no other test uses as long as the value lives, whether something listens on it or not.
///
/// A server can so be stopped and started again on its port. Port 0 would not do: the kernel may hand the number to
/// the next connection as soon as the server is down. The lease is a lock on a file, which the kernel releases even for a
/// killed process.
#[derive(Debug)]
pub struct PortLease {
    port: u16,
    _lock: File,
}

impl PortLease {
    /// Leases a free port.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoPort`] if every port is taken, [`HarnessError::File`] if the lock files cannot be written.
    pub fn new() -> Result<Self, HarnessError> {
        let directory = std::env::temp_dir().join("vouchsafe-port-leases");
        fs::create_dir_all(&directory).map_err(HarnessError::file(&directory))?;
        let count = LAST - FIRST + 1;
        let start = u16::try_from(RandomState::new().build_hasher().finish() % u64::from(count))
            .unwrap_or_default();
        for offset in 0..count {
            let port = FIRST + (start + offset) % count;
            let path = directory.join(port.to_string());
            let lock = File::create(&path).map_err(HarnessError::file(&path))?;
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(Self { port, _lock: lock });
            }
        }
        Err(HarnessError::NoPort)
    }

    /// Listens on the port.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Socket`] if it stays taken.
    pub fn listen(&self) -> Result<TcpListener, HarnessError> {
        let started = Instant::now();
        loop {
            match TcpListener::bind(self.address()) {
                // A child that another thread is starting holds every socket of this process until it runs its program,
                // the one among them with which the port was tried.
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && started.elapsed() < PATIENCE =>
                {
                    thread::sleep(PAUSE);
                }
                listening => return listening.map_err(HarnessError::socket("listen")),
            }
        }
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.port
    }

    /// The port on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }
}

// Below Linux' default range for outgoing connections, which starts at 32768.
const FIRST: u16 = 10_000;
const LAST: u16 = 30_000;
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
