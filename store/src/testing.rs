//! Verified repositories to store, and stores to put them in.

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{self as vector, Repository, digest_of};
use vouchsafe_trust::evidence::{Retained, Signers, Wanted};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Evidence, Gun, Pins, Query, RepositoryMetadata, Server, Sha256, TrustRoot, VerifiedRepository,
    verify,
};

use crate::Store;

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

pub(crate) fn gun(name: &str) -> Gun {
    format!("registry.example.com/{name}").parse().unwrap()
}

pub(crate) fn open(dir: &Path) -> Store {
    let opened = Store::open(dir, now()).unwrap();
    assert_eq!(opened.set_aside, None, "{:?}", opened.store.set_aside());
    opened.store
}

/// The pin of the first root key.
pub(crate) fn pins(gun: &Gun) -> Pins {
    let pem = Key::p256("root").certified(gun.as_str()).public_key_pem();
    Pins {
        roots: vec![TrustRoot::from_pem(&pem).unwrap()],
        ..Pins::default()
    }
}

pub(crate) fn metadata(gun: &Gun, repository: &Repository) -> RepositoryMetadata {
    let vector::Metadata {
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

pub(crate) fn verified(gun: &Gun, repository: &Repository) -> VerifiedRepository {
    verified_at(gun, repository, now())
}

pub(crate) fn verified_at(
    gun: &Gun,
    repository: &Repository,
    now: Timestamp,
) -> VerifiedRepository {
    let terms = Terms {
        pins: &pins(gun),
        accepted: None,
        now,
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    verify(&metadata(gun, repository), terms).unwrap()
}

/// The state of a repository after some publications: every tag points to an image named for it
/// and the state, and is signed by `targets/releases`. The tag `gone-N` is there in state N only.
pub(crate) fn state(gun: &Gun, tags: usize, number: u64) -> Repository {
    let mut repository = Repository::delegated(gun.as_str());
    for tag in 0..tags {
        let image = format!("image-{tag}-{number}");
        repository = repository.tag("targets/releases", &format!("tag-{tag}"), &image);
    }
    repository
        .tag("targets/releases", &format!("gone-{number}"), "gone")
        .version("targets/releases", number)
        .version("snapshot", number)
        .version("timestamp", number)
}

/// [`state`]s 1 to 6 of one repository, verified.
pub(crate) fn states() -> &'static [VerifiedRepository] {
    static STATES: LazyLock<Vec<VerifiedRepository>> = LazyLock::new(|| {
        let gun = gun("app");
        (1..=6)
            .map(|number| verified(&gun, &state(&gun, 100, number)))
            .collect()
    });
    &STATES
}

pub(crate) fn tag(gun: &Gun, tag: &str) -> Query {
    Query {
        server: server(),
        gun: gun.clone(),
        signers: Signers::Default,
        wanted: Wanted::Tag(tag.to_owned()),
        retained: None,
    }
}

/// The digest that [`Repository::tag`] gives an image.
pub(crate) fn image(name: &str) -> Sha256 {
    let digest = digest_of(name);
    digest.strip_prefix("sha256:").unwrap().parse().unwrap()
}

/// The digest that the store proves for a query; `None` if the repository is known and the image
/// is not signed.
#[track_caller]
pub(crate) fn signed(store: &Store, query: &Query) -> Option<Sha256> {
    match store.evidence(query).unwrap() {
        Evidence::Known(known) => known.signed(query, now()).ok().map(|signed| signed.digest),
        other @ (Evidence::Unknown | Evidence::Withdrawn { .. }) => panic!("{other:?}"),
    }
}

/// Whether an image counts for what was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    Before(Timestamp),
    Never,
    Now,
}

/// What the store proves of an image, where what was said at `since` or later still counts.
#[track_caller]
pub(crate) fn proof_since(store: &Store, query: &Query, name: &str, since: Timestamp) -> Proof {
    let digest = image(name);
    let mut query = query.clone();
    query.retained = Some(Retained { digest, since });
    let known = match store.evidence(&query).unwrap() {
        Evidence::Known(known) => known,
        other @ (Evidence::Unknown | Evidence::Withdrawn { .. }) => panic!("{other:?}"),
    };
    match known.signed(&query, now()) {
        Ok(signed) if signed.digest == digest => {
            signed.superseded.map_or(Proof::Now, Proof::Before)
        }
        Ok(_) | Err(_) => Proof::Never,
    }
}

/// What the store proves of an image, however long ago it was stated.
#[track_caller]
pub(crate) fn proof(store: &Store, query: &Query, name: &str) -> Proof {
    proof_since(store, query, name, Timestamp::MIN)
}
