//! What the tests stand on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use vouchsafe_store::Store;
use vouchsafe_syncer::collect::{CollectError, Collected, Stored, collect};
use vouchsafe_syncer::notary::{Backoff, Credentials, NotaryClient, Pace};
use vouchsafe_syncer::{Mirror, Options, PassReport, Progress, Scope, ServerEndpoint, Syncer};
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{Certificates, ScriptedServer, TempDir};
use vouchsafe_tests::vector::Files;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::update::{Limits, Terms};
use vouchsafe_trust::{Clock, Gun, Pins, Server, Sha256, Timestamp, TrustRoot};

pub(crate) const NOW: &str = "2026-11-24T00:00:00Z";

pub(crate) fn gun(name: &str) -> Gun {
    name.parse().unwrap()
}

pub(crate) fn pins(keys: &[Key]) -> Pins {
    let root = |key: &Key| TrustRoot::from_pem(&key.public_key_pem()).unwrap();
    Pins {
        roots: keys.iter().map(root).collect(),
        ..Pins::default()
    }
}

/// The pin that fits what [`Repository`] makes.
pub(crate) fn root_pin() -> Pins {
    pins(&[Key::p256("root")])
}

/// The files as an honest server serves them.
pub(crate) fn served(files: &Files) -> RoleFiles {
    let mut served = RoleFiles::new();
    for (path, bytes) in files {
        let stem = path.strip_suffix(".json").unwrap();
        let version = stem.strip_suffix(".root").and_then(|n| n.parse().ok());
        served = match version {
            Some(version) => served.with_version("root", version, bytes.clone()),
            None => served.with(stem, bytes.clone()),
        };
    }
    served
}

pub(crate) fn publish(server: &ScriptedServer, name: &str, repository: &Repository) -> Sha256 {
    let files = repository.files();
    server.serve(name, served(&files));
    Sha256::of(&files["timestamp.json"])
}

pub(crate) const QUICK: Pace = Pace {
    connect: Duration::from_secs(2),
    answer: Duration::from_millis(700),
    grace: Duration::from_millis(900),
    least_speed: 1000,
    total: Duration::from_secs(3),
};

pub(crate) const BACKOFF: Backoff = Backoff {
    attempts: 3,
    first: Duration::from_millis(10),
    longest: Duration::from_secs(1),
};

pub(crate) fn client(
    server: &ScriptedServer,
    certificates: Option<&Certificates>,
    credentials: Option<Credentials>,
) -> NotaryClient {
    let authority = certificates.map(|c| c.authority_pem().to_owned());
    let url = server.url().parse().unwrap();
    NotaryClient::new(url, authority, credentials, QUICK, BACKOFF).unwrap()
}

/// A repository as it was collected so far.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) stored: Option<Stored>,
    pub(crate) accepted: Option<Accepted>,
}

impl Kept {
    /// Collects once more, keeps what is new, and says in a word what came of it.
    pub(crate) async fn collect(
        &mut self,
        client: &NotaryClient,
        name: &str,
        pins: &Pins,
    ) -> Result<&'static str, CollectError> {
        let terms = Terms {
            pins,
            accepted: self.accepted.as_ref(),
            now: NOW.parse().unwrap(),
            expiry: vouchsafe_trust::update::Expiry::Enforce,
            limits: Limits::default(),
        };
        let gun = gun(name);
        match collect(client, &gun, self.stored.as_ref(), terms).await? {
            Collected::Unchanged => Ok("unchanged"),
            Collected::Withdrawn => Ok("withdrawn"),
            Collected::Updated(repository) => {
                self.accepted = Some(repository.accepted().clone());
                self.stored = Some(Stored {
                    metadata: repository.metadata().clone(),
                    facts: repository.facts().clone(),
                });
                Ok("updated")
            }
        }
    }
}

/// The last parts of the paths that were asked for: `timestamp.json`, `snapshot.<hash>.json` as
/// `snapshot`.
pub(crate) fn asked(server: &ScriptedServer) -> Vec<String> {
    server
        .requests()
        .iter()
        .map(|request| {
            let path = request.path();
            let file = path.rsplit_once("/tuf/").map_or(path, |(_, file)| file);
            let stem = file.strip_suffix(".json").unwrap_or(file);
            match stem.rsplit_once('.') {
                Some((role, hash)) if hash.len() == 64 => role.to_owned(),
                _ => file.to_owned(),
            }
        })
        .collect()
}

/// A configuration: some servers, all with the same pins and repositories.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) servers: Vec<ServerEndpoint>,
    pub(crate) named: Vec<Gun>,
    pub(crate) pins: Pins,
    /// What the names of mirrored repositories begin with.
    pub(crate) prefix: &'static str,
}

impl Configuration {
    pub(crate) fn of(servers: &[&ScriptedServer], certificates: Option<&Certificates>) -> Self {
        let endpoint = |server: &&ScriptedServer| ServerEndpoint {
            server: server.url().parse().unwrap(),
            certificates: certificates.map(|c| c.authority_pem().to_owned()),
            credentials: None,
        };
        Self {
            servers: servers.iter().map(endpoint).collect(),
            named: Vec::new(),
            pins: root_pin(),
            prefix: "example.com/",
        }
    }

    pub(crate) fn naming(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.named = names.into_iter().map(|name| gun(&name)).collect();
        self
    }
}

impl Mirror for Configuration {
    fn servers(&self) -> Vec<ServerEndpoint> {
        self.servers.clone()
    }

    fn pins(&self, _server: &Server, gun: &Gun) -> Option<Pins> {
        gun.as_str()
            .starts_with(self.prefix)
            .then(|| self.pins.clone())
    }

    fn mirrors(&self, server: &Server, gun: &Gun) -> bool {
        self.pins(server, gun).is_some()
    }

    fn selection(&self, _server: &Server) -> Sha256 {
        Sha256::of(self.prefix.as_bytes())
    }

    fn named(&self, _server: &Server) -> Vec<Gun> {
        self.named.clone()
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_second()))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A syncer with a store of its own.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) syncer: Syncer,
    pub(crate) clock: Arc<SetClock>,
    _directory: TempDir,
}

impl Bench {
    pub(crate) fn new(configuration: Configuration) -> Self {
        Self::with(configuration, |options| options)
    }

    pub(crate) fn with(configuration: Configuration, change: impl Fn(Options) -> Options) -> Self {
        let directory = TempDir::new("syncer").unwrap();
        let now: Timestamp = NOW.parse().unwrap();
        let store = Store::open(&directory.path().join("store"), now)
            .unwrap()
            .store;
        let clock = Arc::new(SetClock::at(now));
        let options = change(quick());
        Self {
            syncer: syncer(&store, configuration, &clock, options),
            store,
            clock,
            _directory: directory,
        }
    }

    /// The same store under another configuration.
    pub(crate) fn reconfigured(self, configuration: Configuration) -> Self {
        Self {
            syncer: syncer(&self.store, configuration, &self.clock, quick()),
            ..self
        }
    }

    pub(crate) async fn pass(&self) -> PassReport {
        self.pass_over(&Scope::Due).await
    }

    pub(crate) async fn pass_over(&self, scope: &Scope) -> PassReport {
        self.syncer.pass(scope, &nobody()).await
    }
}

pub(crate) fn nobody() -> Arc<dyn Progress> {
    Arc::new(())
}

pub(crate) fn quick() -> Options {
    Options {
        pace: QUICK,
        backoff: BACKOFF,
        ..Options::default()
    }
}

fn syncer(
    store: &Store,
    configuration: Configuration,
    clock: &Arc<SetClock>,
    options: Options,
) -> Syncer {
    let clock = Arc::<SetClock>::clone(clock);
    Syncer::new(store.clone(), Arc::new(configuration), clock, options)
}
