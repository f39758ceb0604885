//! The real `notary-server`.

use std::process::Command;

use serde_json::{Value, json};

use super::port::PortLease;
use super::process::{Process, Signal};
use super::token_issuer::{ISSUER, SERVICE, TokenIssuer};
use super::{Certificates, HarnessError, MariaDb, TempDir};

/// Debian's `notary-server` on loopback, with the memory back end unless it says otherwise.
///
/// What it stores and the keys it holds are lost when it stops, as with the real thing in this set-up; a database and a
/// signer keep theirs.
#[derive(Debug)]
pub struct NotaryServer {
    directory: TempDir,
    port: PortLease,
    transport: Transport,
    // The server is dropped before the signer and the database it talks to.
    server: Option<Process>,
    _signer: Option<Signer>,
    database: Option<MariaDb>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Transport {
    Plain,
    Tls,
}

/// Keys in a `notary-signer` process (ECDSA) instead of in the server (Ed25519).
#[derive(Debug)]
struct Signer {
    _process: Process,
    port: PortLease,
    _directory: TempDir,
}

impl NotaryServer {
    /// Starts a server behind TLS that signs with keys of its own.
    ///
    /// # Errors
    ///
    /// As [`NotaryServer::restart`].
    pub fn tls(certificates: &Certificates) -> Result<Self, HarnessError> {
        Self::start(Transport::Tls, &with_tls(certificates), None)
    }

    /// Starts a server without TLS.
    ///
    /// # Errors
    ///
    /// As [`NotaryServer::restart`].
    pub fn plain() -> Result<Self, HarnessError> {
        Self::start(
            Transport::Plain,
            &json!({"trust_service": {"type": "local"}}),
            None,
        )
    }

    /// Starts a server without TLS that demands tokens from `realm`, signed by this issuer.
    ///
    /// # Errors
    ///
    /// As [`NotaryServer::restart`].
    pub fn with_tokens(realm: &str, issuer: &TokenIssuer) -> Result<Self, HarnessError> {
        let directory = TempDir::new("token-roots")?;
        let roots = directory.write("roots.pem", issuer.certificate_pem())?;
        let options =
            json!({"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": roots});
        let settings = json!({
            "trust_service": {"type": "local"},
            "auth": {"type": "token", "options": options},
        });
        Self::start(Transport::Plain, &settings, None)
    }

    /// Starts a server behind TLS whose keys live in a `notary-signer` process; they are ECDSA keys.
    ///
    /// # Errors
    ///
    /// As [`NotaryServer::restart`].
    pub fn with_signer(certificates: &Certificates) -> Result<Self, HarnessError> {
        let signer = Signer::start(certificates)?;
        let mut settings = with_tls(certificates);
        merge(
            &mut settings,
            &json!({"trust_service": {
                "type": "remote", "hostname": "localhost", "port": signer.port.number().to_string(), "key_algorithm": "ecdsa",
                "tls_ca_file": certificates.authority_file(),
                "tls_client_cert": certificates.leaf_file(), "tls_client_key": certificates.leaf_key_file(),
            }}),
        );
        Self::start(Transport::Tls, &settings, Some(signer))
    }

    /// Starts a server behind TLS that signs with keys of its own and keeps what it is given in a [`MariaDb`], as servers in
    /// production do.
    ///
    /// It keeps two idle connections to the database at most, Go's default, which no setting of it changes: what more are
    /// needed at once are opened and closed again for each query.
    ///
    /// # Errors
    ///
    /// As [`MariaDb::start`] and [`NotaryServer::restart`].
    pub fn with_mariadb(certificates: &Certificates) -> Result<Self, HarnessError> {
        let database = MariaDb::start()?;
        let mut settings = with_tls(certificates);
        merge(
            &mut settings,
            &json!({"storage": {"backend": "mysql", "db_url": database.dsn()}}),
        );
        let mut server = Self::start(Transport::Tls, &settings, None)?;
        server.database = Some(database);
        Ok(server)
    }

    /// Stops the server; its port stays reserved and refuses connections.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if it cannot be killed.
    pub fn stop(&mut self) -> Result<(), HarnessError> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.kill())
    }

    /// Starts the server again on its port, after stopping it where needed. Its memory is empty then, so
    /// a database without a signer has repositories for which the server has no key.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the program is missing, [`HarnessError::NotReady`] if it does not come up.
    pub fn restart(&mut self) -> Result<(), HarnessError> {
        self.stop()?;
        let mut command = Command::new("notary-server");
        command
            .arg("-config")
            .arg(self.directory.path().join("server.json"));
        let mut server = Process::start(&mut command, &self.directory.path().join("server.log"))?;
        server.wait_until_listening(self.port.address())?;
        self.server = Some(server);
        Ok(())
    }

    /// Makes the server hang: connections open, requests are never answered.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it does not run.
    pub fn freeze(&self) -> Result<(), HarnessError> {
        self.server
            .as_ref()
            .map_or(Ok(()), |server| server.signal(Signal::Stop))
    }

    /// Ends [`NotaryServer::freeze`].
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it does not run.
    pub fn thaw(&self) -> Result<(), HarnessError> {
        self.server
            .as_ref()
            .map_or(Ok(()), |server| server.signal(Signal::Cont))
    }

    /// The base address, `https://localhost:PORT` or `http://localhost:PORT`.
    pub fn url(&self) -> String {
        match self.transport {
            Transport::Plain => format!("http://{}", self.host()),
            Transport::Tls => format!("https://{}", self.host()),
        }
    }

    /// `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port.number())
    }

    /// The socket address, for a [`ScriptedServer`](super::ScriptedServer) that stands in front of it.
    pub fn address(&self) -> std::net::SocketAddr {
        self.port.address()
    }

    /// The server's process ID, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Process::id)
    }

    /// The database behind the server, if it has one.
    pub fn database(&self) -> Option<&MariaDb> {
        self.database.as_ref()
    }

    /// What the server logged: one JSON line per request.
    pub fn log(&self) -> String {
        self.server.as_ref().map(Process::log).unwrap_or_default()
    }

    fn start(
        transport: Transport,
        settings: &Value,
        signer: Option<Signer>,
    ) -> Result<Self, HarnessError> {
        let directory = TempDir::new("notary-server")?;
        let port = PortLease::new()?;
        let mut config = json!({
            "server": {"http_addr": port.address().to_string()},
            "storage": {"backend": "memory"},
            "logging": {"level": "info"},
        });
        merge(&mut config, settings);
        directory.write("server.json", config.to_string())?;
        let mut server = Self {
            directory,
            port,
            transport,
            server: None,
            _signer: signer,
            database: None,
        };
        server.restart()?;
        Ok(server)
    }
}

impl Signer {
    fn start(certificates: &Certificates) -> Result<Self, HarnessError> {
        let directory = TempDir::new("notary-signer")?;
        let port = PortLease::new()?;
        let config = json!({
            "server": {
                "grpc_addr": port.address().to_string(), "client_ca_file": certificates.authority_file(),
                "tls_cert_file": certificates.leaf_file(), "tls_key_file": certificates.leaf_key_file(),
            },
            "storage": {"backend": "memory"},
            "logging": {"level": "error"},
        });
        let file = directory.write("signer.json", config.to_string())?;
        let mut command = Command::new("notary-signer");
        command.arg("-config").arg(file);
        let mut process = Process::start(&mut command, &directory.path().join("signer.log"))?;
        process.wait_until_listening(port.address())?;
        Ok(Self {
            _process: process,
            port,
            _directory: directory,
        })
    }
}

fn with_tls(certificates: &Certificates) -> Value {
    json!({
        "server": {"tls_cert_file": certificates.leaf_file(), "tls_key_file": certificates.leaf_key_file()},
        "trust_service": {"type": "local"},
    })
}

/// Lays `from` over `into`, object by object.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
