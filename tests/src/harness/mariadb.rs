//! A real database.

use std::process::Command;

use rustix::process::geteuid;

use super::port::PortLease;
use super::process::{Process, run};
use super::{HarnessError, TempDir};

/// Debian's `mariadbd` on loopback with the tables of a Notary server and nothing in them.
///
/// Its settings are the defaults: every commit is on the disk before it is answered. `tests/scripts/install.sh` brings it
/// only where it is told to (`make database`).
#[derive(Debug)]
pub struct MariaDb {
    // The process is dropped before the directory it writes to.
    process: Process,
    port: PortLease,
    _directory: TempDir,
}

impl MariaDb {
    /// Makes the database and starts its server.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if it is not installed, [`HarnessError::Command`] if it cannot make the database,
    /// [`HarnessError::NotReady`] if it does not come up.
    pub fn start() -> Result<Self, HarnessError> {
        let directory = TempDir::new("mariadb")?;
        let schema = directory.write("schema.sql", SCHEMA)?;
        let data = option("--datadir", directory.path().join("data").display());
        let mut command = Command::new("mariadb-install-db");
        command
            .args(["--no-defaults", &data, "--skip-test-db"])
            .arg("--auth-root-authentication-method=normal")
            .arg(option("--extra-file", schema.display()));
        run(as_whoever_runs(&mut command))?;

        let port = PortLease::new()?;
        let mut command = Command::new("mariadbd");
        command
            .args(["--no-defaults", &data, "--bind-address=127.0.0.1"])
            .arg(option("--port", port.number()))
            .arg(option(
                "--socket",
                directory.path().join("socket").display(),
            ))
            .arg(option("--pid-file", directory.path().join("pid").display()));
        let log = directory.path().join("mariadbd.log");
        let mut process = Process::start(as_whoever_runs(&mut command), &log)?;
        process.wait_until_listening(port.address())?;
        Ok(Self {
            process,
            port,
            _directory: directory,
        })
    }

    /// Where a Notary server finds it, as its `db_url` says it.
    pub fn dsn(&self) -> String {
        format!(
            "server@tcp({})/notaryserver?parseTime=True",
            self.port.address()
        )
    }

    /// The process ID of its server.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn option(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}={value}")
}

/// Its programs refuse to run as root where nobody says that they shall.
fn as_whoever_runs(command: &mut Command) -> &mut Command {
    if geteuid().is_root() {
        command.arg("--user=root");
    }
    command
}

const SCHEMA: &str = include_str!("mariadb/schema.sql");
