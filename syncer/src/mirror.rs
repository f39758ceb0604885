//! What is to be mirrored, from where, and under which pins.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use vouchsafe_policy::{Auth, Config, NotaryServer};
use vouchsafe_trust::{Gun, Pins, Server, Sha256, Timestamp};

use crate::notary::Credentials;
use crate::sightings::{Sighted, Sightings};

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

    /// The repositories to mirror from `server` since images of them were sighted, without those that are `known`; as
    /// many as a pass at `now` asks for. It may take a while. Nobody sights any, unless that is said.
    fn sighted(&self, _server: &Server, _known: &BTreeSet<Gun>, _now: Timestamp) -> Sighted {
        Sighted::default()
    }
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

/// What a configuration says, and where the secrets lie that it names.
#[derive(Debug)]
pub struct Configured {
    /// The configuration.
    pub config: Config,
    /// The folder with a folder for each secret.
    pub secrets: PathBuf,
    /// The images that were sighted somewhere.
    pub sightings: Sightings,
}

/// How to log in as `auth` says; `secrets` is the folder with a folder for each secret.
pub fn credentials(auth: &Auth, secrets: &Path) -> Credentials {
    match auth {
        Auth::Basic { username, password } => Credentials::Inline {
            username: username.clone(),
            password: password.clone(),
        },
        Auth::DockerConfig { file } => Credentials::DockerConfig(file.clone()),
        Auth::Files { username, password } => Credentials::Files {
            username: username.clone(),
            password: password.clone(),
        },
        Auth::Secret { name } => Credentials::Secret(secrets.join(name)),
    }
}

impl Mirror for Configured {
    fn servers(&self) -> Vec<ServerEndpoint> {
        let endpoint = |notary: &NotaryServer| ServerEndpoint {
            server: notary.server.clone(),
            certificates: notary.cert.clone(),
            credentials: notary
                .auth
                .as_ref()
                .map(|auth| credentials(auth, &self.secrets)),
        };
        self.config.notary_servers().iter().map(endpoint).collect()
    }

    fn pins(&self, server: &Server, gun: &Gun) -> Option<Pins> {
        self.config.pins(server, gun)
    }

    fn mirrors(&self, server: &Server, gun: &Gun) -> bool {
        self.config.mirrors(server, gun)
    }

    fn selection(&self, server: &Server) -> Sha256 {
        self.config.selection(server)
    }

    fn named(&self, server: &Server) -> Vec<Gun> {
        self.config.named_repositories(server)
    }

    fn sighted(&self, server: &Server, known: &BTreeSet<Gun>, now: Timestamp) -> Sighted {
        if !self.config.sync().cluster {
            return Sighted::default();
        }
        let repository = |image: &str, namespace: &str| {
            let (of, gun) = self.config.notary_repository(image, namespace)?;
            (of == server && !known.contains(&gun)).then_some(gun)
        };
        self.sightings.select(repository, now)
    }
}
