//! The syncer in this process, with less patience than the command has.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use vouchsafe_policy::{Allowed, Asked, Config, Purpose};
use vouchsafe_store::Store;
use vouchsafe_syncer::notary::{Backoff, Pace};
use vouchsafe_syncer::{Configured, Options, PassReport, Progress, Scope, Sightings, Syncer};
use vouchsafe_tests::harness::answers::Verdict;
use vouchsafe_tests::harness::{Configuration, TempDir};
use vouchsafe_trust::{Clock, Timestamp};

/// A syncer with a store of its own.
pub(crate) struct InProcess {
    syncer: Syncer,
    store: Store,
    config: Config,
    runtime: Runtime,
    _directory: TempDir,
}

impl InProcess {
    /// A syncer of this configuration that tries once, and waits for seconds where the command waits for minutes.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        Self::with(configuration, impatient())
    }

    /// A syncer of this configuration.
    pub(crate) fn with(configuration: &Configuration, options: Options) -> Self {
        let directory = TempDir::new("store").unwrap();
        let config = Config::parse(&configuration.to_string(), "test.yaml").unwrap();
        let opened = Store::open(&directory.path().join("store"), SystemClock.now());
        let store = opened.unwrap().store;
        let mirror = Arc::new(Configured {
            config: config.clone(),
            secrets: PathBuf::new(),
            sightings: Sightings::default(),
        });
        Self {
            syncer: Syncer::new(store.clone(), mirror, Arc::new(SystemClock), options),
            store,
            config,
            runtime: Runtime::new().unwrap(),
            _directory: directory,
        }
    }

    /// Makes a pass over these repositories.
    pub(crate) fn pass(&self, guns: &[&str]) -> PassReport {
        let guns = guns.iter().map(|gun| gun.parse().unwrap()).collect();
        self.run(&Scope::Only(guns))
    }

    /// Makes a pass.
    pub(crate) fn run(&self, scope: &Scope) -> PassReport {
        let progress: Arc<dyn Progress> = Arc::new(());
        self.runtime.block_on(self.syncer.pass(scope, &progress))
    }

    /// What would be answered about an image now.
    pub(crate) fn verdict(&self, image: &str) -> Verdict {
        let evidence = |query: &_| self.store.evidence(query);
        let asked = Asked {
            image,
            namespace: None,
            purpose: Purpose::Mutate,
            now: SystemClock.now(),
        };
        let decision = self.config.decide(&asked, evidence, || None);
        let allowed = decision.allowed().ok_or_else(|| decision.denial());
        let digest = |allowed: &Allowed| allowed.proof().unwrap().digest.to_string();
        allowed
            .map(digest)
            .map_err(|denial| denial.unwrap().label().to_owned())
    }
}

/// Options under which a server that does not answer is given up in seconds: a busy machine may need one for a good answer.
pub(crate) fn impatient() -> Options {
    Options {
        changefeed: false,
        per_server: 8,
        pace: Pace {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(3),
            grace: Duration::from_secs(4),
            total: Duration::from_secs(20),
            ..Pace::default()
        },
        backoff: Backoff {
            attempts: 1,
            ..Backoff::default()
        },
        ..Options::default()
    }
}

#[derive(Clone, Copy, Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
