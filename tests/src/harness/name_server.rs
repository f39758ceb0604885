//! A real name server.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use super::process::Process;
use super::{HarnessError, TempDir};

/// Debian's `dnsmasq`, which knows what it is told and has nobody to ask.
#[derive(Debug)]
pub struct NameServer {
    _process: Process,
    _directory: TempDir,
}

impl NameServer {
    /// Starts it on port 53 of an address, as resolv.conf(5) knows no other: in a network namespace, best.
    ///
    /// Each record is an option of dnsmasq(8), such as `--host-record=notary.example.com,127.0.0.1`. Names of which
    /// it knows nothing it refuses to look up, unless `--local=/example.com/` makes it their authority.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] with its log if it does not listen within ten seconds.
    pub fn start(address: IpAddr, records: &[&str]) -> Result<Self, HarnessError> {
        let directory = TempDir::new("name-server")?;
        let mut command = Command::new("dnsmasq");
        command.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--user=root",
            "--pid-file=",
            "--log-facility=-",
            "--log-queries",
        ]);
        command
            .arg(format!("--listen-address={address}"))
            .args(records);
        let mut process = Process::start(&mut command, &directory.path().join("dnsmasq.log"))?;
        process.wait_until_listening(SocketAddr::new(address, 53))?;
        Ok(Self {
            _process: process,
            _directory: directory,
        })
    }
}
