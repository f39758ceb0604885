//! What is to be mirrored, from where, and under which pins.

use std::fmt;

use vouchsafe_policy::{Auth, Config};
use vouchsafe_trust::{Gun, Pins, Server, Sha256};

use crate::notary::Credentials;

/// The part of the configuration that a syncer goes by.
pub trait Mirror: fmt::Debug + Send + Sync {
    /// The Notary servers, and how to reach them.
    fn servers(&self) -> Vec<ServerEndpoint>;

    /// What is pinned for `gun` on `server`; `None` if nobody there could be asked about it.
    fn pins(&self, server: &Server, gun: &Gun) -> Option<Pins>;

    /// Whether `gun` is to be mirrored from `server`.
    fn mirrors(&self, server: &Server, gun: &Gun) -> bool;

    /// An identity of what decides [`Mirror::mirrors`] for `server`. Where it changed, other
    /// repositories may be wanted, and what was discovered before is discovered anew.
    fn selection(&self, server: &Server) -> Sha256;

    /// The repositories to mirror from `server` that need not be discovered.
    fn named(&self, server: &Server) -> Vec<Gun>;
}

/// A Notary server, and how to reach it.
#[derive(Clone, Debug)]
pub struct ServerEndpoint {
    /// Its base URL.
    pub server: Server,
    /// PEM certificates that replace the system's roots for its host.
    pub certificates: Option<String>,
    /// How to log in; `None` for anonymous access.
    pub credentials: Option<Credentials>,
}

impl Mirror for Config {
    fn servers(&self) -> Vec<ServerEndpoint> {
        let endpoint = |notary: &vouchsafe_policy::NotaryServer| ServerEndpoint {
            server: notary.server.clone(),
            certificates: notary.cert.clone(),
            credentials: notary.auth.as_ref().map(Credentials::from),
        };
        self.notary_servers().iter().map(endpoint).collect()
    }

    fn pins(&self, server: &Server, gun: &Gun) -> Option<Pins> {
        Self::pins(self, server, gun)
    }

    fn mirrors(&self, server: &Server, gun: &Gun) -> bool {
        Self::mirrors(self, server, gun)
    }

    fn selection(&self, server: &Server) -> Sha256 {
        Self::selection(self, server)
    }

    fn named(&self, server: &Server) -> Vec<Gun> {
        self.named_repositories(server)
    }
}

impl From<&Auth> for Credentials {
    fn from(auth: &Auth) -> Self {
        match auth {
            Auth::Basic { username, password } => Self::Inline {
                username: username.clone(),
                password: password.clone(),
            },
            Auth::DockerConfig { file } => Self::DockerConfig(file.clone()),
            Auth::Files { username, password } => Self::Files {
                username: username.clone(),
                password: password.clone(),
            },
        }
    }
}
