//! A store with a past, and what may be said of it: repositories that were tagged anew, withdrawn, forgotten and
//! rekeyed, a bundle that denies, an alert that waits.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use vouchsafe_store::{Alert, AlertOutcome, ImportedBundle, Opened, Store, StoreError};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{self as vector, Repository, digest_of};
use vouchsafe_trust::evidence::{Retained, Signers, Vouch, Wanted};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Denied, DeniedThing, Evidence, Gun, Pins, Query, RepositoryMetadata, Server, Sha256, TrustRoot,
    VerifiedRepository, verify,
};

/// What finally became of a repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It is at this version, and nothing that it said before counts since a key was taken from it.
    Rekeyed(u64),
    /// It is at this version.
    Stored(u64),
    Forgotten,
    Withdrawn,
}

/// What became of the repository of this number.
pub(crate) fn fate(number: usize) -> Fate {
    let version = 3 + u64::try_from(number % 4).unwrap();
    match number % 6 {
        0 => Fate::Withdrawn,
        1 if number % 12 == 1 => Fate::Forgotten,
        2 => Fate::Rekeyed(version),
        _ => Fate::Stored(version),
    }
}

/// Fills the store in `dir`. It is opened anew between two versions of everything where `reopens`.
pub(crate) fn fill(dir: &Path, reopens: bool) -> Store {
    let mut store = open(dir);
    for version in 1..=6 {
        for number in 0..REPOSITORIES {
            let last = match fate(number) {
                Fate::Rekeyed(last) | Fate::Stored(last) => last,
                Fate::Forgotten | Fate::Withdrawn => 3,
            };
            if version <= last {
                let state = state(number, version);
                store.commit(&server(), &state).unwrap();
            }
        }
        import(&store, version);
        if reopens {
            drop(store);
            store = open(dir);
        }
    }
    for number in 0..REPOSITORIES {
        match fate(number) {
            Fate::Forgotten => drop(store.forget(None, &gun(number)).unwrap()),
            Fate::Withdrawn => drop(store.withdraw(&server(), &gun(number), now()).unwrap()),
            Fate::Rekeyed(_) | Fate::Stored(_) => {}
        }
    }
    store.queue_alert(&alert(), &[receiver()]).unwrap();
    store.observe_time(now());
    store.reset_latest_time(now()).unwrap();
    store
}

/// What a store says of what it was filled with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Said {
    /// Answers that are as they should be.
    pub(crate) right: usize,
    /// Failures, which are no answers.
    pub(crate) failed: usize,
    /// What is said to be unknown and is not.
    pub(crate) lost: usize,
    /// Answers that are wrong otherwise: another digest, or a yes where there is none.
    pub(crate) wrong: usize,
}

impl Said {
    fn take(&mut self, said: &Result<Verdict, StoreError>) {
        match said {
            Ok(Verdict::Right) => self.right += 1,
            Ok(Verdict::Lost) => self.lost += 1,
            Ok(Verdict::Wrong) => self.wrong += 1,
            Err(_) => self.failed += 1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    Lost,
    Right,
    Wrong,
}

/// Asks for everything that the store was filled with, and for everything that it holds no longer.
pub(crate) fn interview(store: &Store) -> Said {
    let mut said = Said::default();
    for number in 0..REPOSITORIES {
        let last = match fate(number) {
            Fate::Rekeyed(last) | Fate::Stored(last) => last,
            Fate::Forgotten | Fate::Withdrawn => 0,
        };
        for tag in (number % 7..TAGS).step_by(7) {
            said.take(&ask_tag(store, number, tag, last));
            for version in 1..=6 {
                said.take(&ask_digest(store, number, tag, version));
            }
        }
        said.take(&floors(store, number));
    }
    said.take(&denied(store));
    said.take(&waiting(store));
    said.take(&Ok(match store.latest_time() {
        Some(latest) if latest == now() => Verdict::Right,
        None => Verdict::Lost,
        Some(_) => Verdict::Wrong,
    }));
    said
}

fn ask_tag(store: &Store, number: usize, tag: usize, last: u64) -> Result<Verdict, StoreError> {
    let query = query(number, Wanted::Tag(format!("tag-{tag}")));
    let evidence = store.evidence(&query)?;
    Ok(match (fate(number), evidence) {
        (Fate::Forgotten, Evidence::Unknown) | (Fate::Withdrawn, Evidence::Withdrawn { .. }) => {
            Verdict::Right
        }
        (_, Evidence::Unknown) => Verdict::Lost,
        (Fate::Rekeyed(_) | Fate::Stored(_), Evidence::Known(known)) => {
            let digest = known.signed(&query, now()).map(|signed| signed.digest);
            right_if(digest.is_ok_and(|digest| digest == image(number, tag, last)))
        }
        _ => Verdict::Wrong,
    })
}

/// Asks whether an image counts by its digest, if it was what its tag pointed to at `version`.
fn ask_digest(
    store: &Store,
    number: usize,
    tag: usize,
    version: u64,
) -> Result<Verdict, StoreError> {
    let digest = image(number, tag, version);
    let mut query = query(number, Wanted::Digest(digest));
    query.retained = Some(Retained {
        digest,
        since: Timestamp::MIN,
    });
    let evidence = store.evidence(&query)?;
    Ok(match (fate(number), evidence) {
        (Fate::Forgotten, Evidence::Unknown) | (Fate::Withdrawn, Evidence::Withdrawn { .. }) => {
            Verdict::Right
        }
        (_, Evidence::Unknown) => Verdict::Lost,
        (Fate::Rekeyed(last) | Fate::Stored(last), Evidence::Known(known)) => {
            let signed = known.signed(&query, now());
            let counts = signed.is_ok_and(|signed| signed.digest == digest);
            let former = matches!(fate(number), Fate::Stored(_)) && version < last;
            right_if(counts == (version == last || former))
        }
        _ => Verdict::Wrong,
    })
}

/// Whether a repository that was stored once may be rolled back.
fn floors(store: &Store, number: usize) -> Result<Verdict, StoreError> {
    let accepted = store.accepted(&server(), &gun(number))?;
    let last = match fate(number) {
        Fate::Rekeyed(last) | Fate::Stored(last) => last,
        Fate::Withdrawn => 3,
        Fate::Forgotten => return Ok(right_if(accepted.is_none())),
    };
    Ok(match accepted {
        None => Verdict::Lost,
        Some(accepted) => {
            let mut versions = accepted.roles.values().map(|role| role.version.get());
            right_if(versions.all(|version| version == last))
        }
    })
}

fn denied(store: &Store) -> Result<Verdict, StoreError> {
    Ok(match store.bundle(SERIES)? {
        None => Verdict::Lost,
        Some(bundle) => right_if(bundle == record(6)),
    })
}

fn waiting(store: &Store) -> Result<Verdict, StoreError> {
    Ok(match store.outbox_next(&receiver())? {
        None => Verdict::Lost,
        Some(waiting) => right_if(waiting.alert == alert()),
    })
}

fn right_if(holds: bool) -> Verdict {
    if holds {
        Verdict::Right
    } else {
        Verdict::Wrong
    }
}

/// Opens a store that must not have been set aside.
pub(crate) fn open(dir: &Path) -> Store {
    let Opened { store, set_aside } = Store::open(dir, now()).unwrap();
    assert_eq!(set_aside, None, "{:?}", store.set_aside());
    store
}

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn import(store: &Store, sequence: u64) {
    let vouch = Vouch {
        bundle: SERIES.to_owned(),
        sequence,
        created_at: now(),
        refresh_by: None,
        signers: [].into(),
    };
    let mut import = store.begin_import();
    let brought = state(REPOSITORIES, sequence);
    import.stage(&server(), &brought, vouch).unwrap();
    import.commit(&record(sequence)).unwrap();
}

fn record(sequence: u64) -> ImportedBundle {
    let digest = Sha256::of(&sequence.to_be_bytes());
    ImportedBundle {
        name: SERIES.to_owned(),
        sequence,
        manifest: digest,
        created_at: now(),
        refresh_by: None,
        imported_at: now(),
        signers: [].into(),
        repositories: 1,
        refused: 0,
        deny: vec![Denied {
            what: DeniedThing::Digest(digest),
            reason: "it mines coins".to_owned(),
        }],
    }
}

/// The repository of this number as its publisher leaves it at `version`.
fn state(number: usize, version: u64) -> VerifiedRepository {
    let gun = gun(number);
    let mut repository = Repository::plain(gun.as_str());
    if fate(number) == Fate::Rekeyed(version) {
        repository = repository
            .next_root()
            .keys("targets", &[Key::p256("fresh targets")]);
    }
    for role in ["targets", "snapshot", "timestamp"] {
        repository = repository.version(role, version);
    }
    for tag in 0..TAGS {
        repository = repository.tag(
            "targets",
            &format!("tag-{tag}"),
            &name(number, tag, version),
        );
    }
    let vector::Metadata {
        roots,
        timestamp,
        snapshot,
        targets,
        ..
    } = repository.metadata();
    let metadata = RepositoryMetadata {
        roots,
        timestamp,
        snapshot,
        targets,
        delegations: [].into(),
        gun,
    };
    verified(&metadata, version)
}

fn verified(metadata: &RepositoryMetadata, version: u64) -> VerifiedRepository {
    let key = Key::p256("root").certified(metadata.gun.as_str());
    let pins = Pins {
        roots: vec![TrustRoot::from_pem(&key.public_key_pem()).unwrap()],
        ..Pins::default()
    };
    let later = SignedDuration::from_mins(i64::try_from(version).unwrap());
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: now() - SignedDuration::from_hours(1) + later,
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    verify(metadata, terms).unwrap()
}

fn query(number: usize, wanted: Wanted) -> Query {
    Query {
        server: server(),
        gun: gun(number),
        signers: Signers::Default,
        wanted,
        retained: None,
    }
}

fn alert() -> Alert {
    Alert {
        outcome: AlertOutcome::Rejected,
        message: "not signed".to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: String::new(),
        images: "registry.example.com/app:1".to_owned(),
        uid: "1".to_owned(),
        at: now(),
    }
}

fn receiver() -> Sha256 {
    Sha256::of(b"receiver")
}

fn image(number: usize, tag: usize, version: u64) -> Sha256 {
    let digest = digest_of(&name(number, tag, version));
    digest.strip_prefix("sha256:").unwrap().parse().unwrap()
}

fn name(number: usize, tag: usize, version: u64) -> String {
    format!("image-{number}-{tag}-{version}")
}

fn gun(number: usize) -> Gun {
    let name = format!("registry.example.com/app-{number}");
    name.parse().unwrap()
}

fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

const SERIES: &str = "site";
const REPOSITORIES: usize = 36;
const TAGS: usize = 40;
