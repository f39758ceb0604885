//! A connected side with a store of verified repositories, and a gapped side that takes in bundles.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vouchsafe_airgap::bundle::{Limits as BundleLimits, write};
use vouchsafe_airgap::create::{CreateError, Gathered};
use vouchsafe_airgap::import::Fate;
use vouchsafe_airgap::{
    Bundle, ImportError, ImportReport, ImportTerms, OpenBundleError, Order, Refusal, SigningKey,
    gather, import,
};
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Metadata, Repository};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{Gun, Pins, RepositoryMetadata, Server, TrustRoot, verify};

pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(crate) fn server() -> Server {
    SERVER.parse().unwrap()
}

pub(crate) fn gun(name: &str) -> Gun {
    format!("registry.example.com/{name}").parse().unwrap()
}

/// A repository that `targets/releases` signs one tag of.
pub(crate) fn app(name: &str) -> Repository {
    Repository::delegated(gun(name).as_str())
}

/// The same at a later version, with another tag.
pub(crate) fn later(name: &str) -> Repository {
    app(name)
        .tag("targets/releases", "2.0", "the second")
        .version("targets/releases", 9)
        .version("snapshot", 9)
        .version("timestamp", 2)
}

pub(crate) fn metadata(gun: &Gun, repository: &Repository) -> RepositoryMetadata {
    let Metadata {
        roots,
        timestamp,
        snapshot,
        targets,
        delegations,
    } = repository.metadata();
    let delegations = delegations.into_iter();
    RepositoryMetadata {
        gun: gun.clone(),
        roots,
        timestamp,
        snapshot,
        targets,
        delegations: delegations
            .map(|(name, bytes)| (name.parse().unwrap(), bytes))
            .collect(),
    }
}

/// The side that has servers.
pub(crate) struct Connected {
    pub(crate) store: Store,
    pub(crate) dir: TempDir,
    bundles: Cell<u32>,
}

impl Connected {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new("connected").unwrap();
        let opened = Store::open(&dir.path().join("store"), now()).unwrap();
        Self {
            store: opened.store,
            dir,
            bundles: Cell::new(0),
        }
    }

    /// Has the store hold a repository, as a sync leaves it.
    pub(crate) fn hold(&self, name: &str, repository: &Repository) {
        self.hold_at(name, repository, now());
    }

    pub(crate) fn hold_at(&self, name: &str, repository: &Repository, at: Timestamp) {
        let gun = gun(name);
        let pins = pins();
        let accepted = self.store.accepted(&server(), &gun).unwrap();
        let terms = Terms {
            pins: &pins,
            accepted: accepted.as_ref(),
            now: at,
            expiry: Expiry::Enforce,
            limits: Limits::default(),
        };
        let verified = verify(&metadata(&gun, repository), terms).unwrap();
        self.store.commit(&server(), &verified).unwrap();
    }

    pub(crate) fn gather(
        &self,
        order: &Order<'_>,
        names: &[&str],
    ) -> Result<Gathered, CreateError> {
        let wanted: BTreeSet<_> = names.iter().map(|name| (server(), gun(name))).collect();
        gather(&self.store, &wanted, order, self.dir.path())
    }

    /// Makes a bundle as `order` says, signed by these keys.
    pub(crate) fn bundle(&self, order: &Order<'_>, names: &[&str], keys: &[&str]) -> Bundle {
        let Gathered {
            mut contents,
            left_out,
            ..
        } = self.gather(order, names).unwrap();
        assert_eq!(left_out, []);
        for key in keys {
            contents.add(&signing(key).sign(contents.manifest_bytes()));
        }
        let number = self.bundles.replace(self.bundles.get() + 1);
        let path = self.dir.path().join(format!("{number}.tar.zst"));
        write(&path, &contents, None).unwrap();
        open(&path)
    }
}

pub(crate) fn open(path: &Path) -> Bundle {
    Bundle::open(path, &BundleLimits::default(), &std::env::temp_dir()).unwrap()
}

/// What most bundles here are to be.
pub(crate) fn order(sequence: u64) -> Order<'static> {
    Order::new("site".parse().unwrap(), sequence, now(), now())
}

/// The side without a way out.
pub(crate) struct Gapped {
    pub(crate) store: Store,
    pub(crate) config: Config,
    _dir: TempDir,
}

impl Gapped {
    /// With these keys pinned, all of which have to sign.
    pub(crate) fn new(keys: &[&str]) -> Self {
        Self::with(json!({}), keys)
    }

    /// With more settings of `bundles`.
    pub(crate) fn with(mut bundles: Value, keys: &[&str]) -> Self {
        if !keys.is_empty() {
            let pinned = keys.iter().map(|name| {
                let key = signing(name).public().to_pem();
                json!({"name": name, "key": key})
            });
            bundles["keys"] = pinned.collect();
            if bundles.get("threshold").is_none() {
                bundles["threshold"] = keys.len().into();
            }
        }
        let dir = TempDir::new("gapped").unwrap();
        let opened = Store::open(dir.path(), now()).unwrap();
        Self {
            store: opened.store,
            config: config(&bundles),
            _dir: dir,
        }
    }

    pub(crate) fn terms(&self, now: Timestamp) -> ImportTerms<'_> {
        ImportTerms {
            config: &self.config,
            now,
            strict: false,
            dry_run: false,
        }
    }

    pub(crate) fn import(&self, bundle: &Bundle) -> Result<ImportReport, ImportError> {
        import(&self.store, bundle, self.terms(now()))
    }

    /// Why the bundle is refused; the store must be as before.
    #[track_caller]
    pub(crate) fn refused(&self, bundle: &Bundle, now: Timestamp) -> Refusal {
        let before = self.everything();
        let refusal = match import(&self.store, bundle, self.terms(now)) {
            Err(ImportError::Bundle(OpenBundleError::Refused(refusal))) => refusal,
            other => panic!("{other:?}"),
        };
        assert_eq!(self.everything(), before);
        refusal
    }

    /// All that the store has, as text.
    pub(crate) fn everything(&self) -> String {
        let (status, bundles) = (self.store.status().unwrap(), self.store.bundles().unwrap());
        format!("{status:#?} {bundles:#?}")
    }

    pub(crate) fn version(&self, name: &str) -> Option<u64> {
        let facts = self.store.facts(&server(), &gun(name)).unwrap()?;
        Some(facts.roles[&vouchsafe_trust::Role::Timestamp].version.get())
    }
}

/// What became of a repository.
pub(crate) fn fate<'r>(report: &'r ImportReport, name: &str) -> &'r Fate {
    let mut repositories = report.repositories.iter();
    &repositories.find(|it| it.gun == gun(name)).unwrap().fate
}

/// The label of what failed, if it did.
pub(crate) fn failure<'r>(report: &'r ImportReport, name: &str) -> Option<&'r str> {
    if let Fate::Failed { label, .. } = fate(report, name) {
        Some(label)
    } else {
        None
    }
}

/// The private key of that name, the same every time.
pub(crate) fn signing(name: &str) -> SigningKey {
    SigningKey::from_pem(&Key::p256(name).private_key_pem()).unwrap()
}

pub(crate) fn pins() -> Pins {
    let pem = Key::p256("root").public_key_pem();
    Pins {
        roots: vec![TrustRoot::from_pem(&pem).unwrap()],
        ..Pins::default()
    }
}

fn config(bundles: &Value) -> Config {
    let text = json!({
        "validators": [{
            "name": "default", "type": "notaryv1", "host": SERVER,
            "trustRoots": [{"name": "default", "key": Key::p256("root").public_key_pem()}],
        }],
        "policy": [{"pattern": "registry.example.com/*:*"}],
        "bundles": bundles,
    });
    Config::parse(&text.to_string(), "config.yaml").unwrap()
}

const SERVER: &str = "https://notary.example.com";
