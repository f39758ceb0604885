//! The vectors, served: the real `notary` client and Vouchsafe's syncer are asked the same over the wire, and each answers as
//! the vector says.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::Runtime;
use vouchsafe_store::Store;
use vouchsafe_syncer::notary::Backoff;
use vouchsafe_syncer::{Options, Progress, Scope, Syncer};
use vouchsafe_tests::harness::notary_client::TrustPinning;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{HarnessError, NotaryClient, ScriptedServer, TempDir};
use vouchsafe_tests::vector::{self, Client, Expect, Query, Vector};
use vouchsafe_trust::evidence::{Signers, Wanted};
use vouchsafe_trust::{Clock as _, Evidence, Gun, Pins, Role, Server, Timestamp, TrustRoot};

use pinned::{Pinned, Stopped};

#[path = "support/pinned.rs"]
mod pinned;

#[test]
fn the_notary_client_answers_every_served_vector_as_it_says() {
    let vectors = vector::load_all().unwrap();
    let wrong = in_parallel(&vectors, client_differences);
    assert!(
        wrong.is_empty(),
        "of {} vectors:\n{}",
        vectors.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_syncer_answers_every_served_vector_as_it_says() {
    let directory = TempDir::new("store").unwrap();
    let vectors = vector::load_all().unwrap();
    let now = vectors[0].now.parse().unwrap();
    // Every vector is served by a server of its own, so one store keeps them apart.
    let store = Store::open(&directory.path().join("store"), now)
        .unwrap()
        .store;
    let runtime = Runtime::new().unwrap();
    let wrong = in_parallel(&vectors, |vector| {
        syncer_differences(vector, &store, &runtime)
    });
    assert!(
        wrong.is_empty(),
        "of {} vectors:\n{}",
        vectors.len(),
        wrong.join("\n")
    );
}

/// Where the real client, which keeps its trust directory over the steps, answers otherwise than the vector says.
fn client_differences(vector: &Vector) -> Vec<String> {
    let server = ScriptedServer::plain().unwrap();
    let pinning = TrustPinning::RootKeyIds {
        gun: vector.gun.clone(),
        key_ids: vector.client_pins.clone(),
    };
    let client = NotaryClient::verifier(&server.url(), None, &pinning).unwrap();
    let mut wrong = Vec::new();
    let mut accepted = false;
    for (index, step) in vector.steps.iter().enumerate() {
        server.serve(&vector.gun, served(vector, index));
        let (found, words) = match client.notary(&["list", &vector.gun]) {
            Ok(_) => (Client::Accepts, String::new()),
            Err(HarnessError::Command { output, .. }) => (Client::Refuses, output),
            Err(error) => panic!("{}: {error}", vector.name),
        };
        accepted = found == Client::Accepts;
        if step.client != Client::CannotBeAsked && step.client != found {
            let (name, dir) = (&vector.name, &step.dir);
            wrong.push(format!("{name}, {dir}: it {found:?}: {words}"));
        }
    }
    // A client that refuses the repository lists nothing of it.
    for query in vector.queries.iter().filter(|_| accepted) {
        wrong.extend(listing_differences(&client, vector, query));
    }
    wrong
}

/// Where the client lists another digest for a tag than the vector says.
fn listing_differences(client: &NotaryClient, vector: &Vector, query: &Query) -> Vec<String> {
    let mut wrong = Vec::new();
    for (role, wanted) in &query.client {
        let table = client.notary(&["list", &vector.gun, "--roles", role]);
        let table = table.unwrap();
        // Names with blanks of all kinds make it no table that can be split into columns.
        let start = format!("{} ", query.tag);
        let line = table
            .lines()
            .map(|line| line.trim_start_matches(' '))
            .find(|line| line.starts_with(&start))
            // A target without a SHA-256 is listed with blanks in its place.
            .filter(|line| line.split(' ').any(|word| word.len() == 64));
        let fits = match (line, wanted) {
            (None, None) => true,
            (Some(line), Some(digest)) => line.contains(digest.trim_start_matches("sha256:")),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !fits {
            wrong.push(format!(
                "{}, `{}` in {role}: {line:?}, not {wanted:?}",
                vector.name, query.tag
            ));
        }
    }
    wrong
}

/// Where the syncer, whose store remembers the steps, answers otherwise than the vector says.
fn syncer_differences(vector: &Vector, store: &Store, runtime: &Runtime) -> Vec<String> {
    let served_by = ScriptedServer::plain().unwrap();
    let server: Server = served_by.url().parse().unwrap();
    let gun: Gun = vector.gun.parse().unwrap();
    let pinned = Arc::new(Pinned {
        server: server.clone(),
        pins: pins(vector),
    });
    let options = Options {
        changefeed: false,
        backoff: Backoff {
            attempts: 1,
            ..Backoff::default()
        },
        ..Options::default()
    };
    let clock = Arc::new(Stopped(vector.now.parse().unwrap()));
    let syncer = Syncer::new(
        store.clone(),
        pinned,
        Arc::<Stopped>::clone(&clock),
        options,
    );
    let progress: Arc<dyn Progress> = Arc::new(());
    let mut wrong = Vec::new();
    for (index, step) in vector.steps.iter().enumerate() {
        served_by.serve(&vector.gun, served(vector, index));
        let scope = Scope::Only(vec![gun.clone()]);
        let report = runtime.block_on(syncer.pass(&scope, &progress));
        let found = match report.servers[0].failures.first() {
            Some(failure) => Expect::Refused {
                role: failure
                    .role
                    .as_ref()
                    .map(Role::to_string)
                    .unwrap_or_default(),
                label: failure.label.to_owned(),
            },
            None => accepted(vector, store, &server, &gun, &step.expect),
        };
        if found != step.expect && !is_told_otherwise(vector, &found) {
            let (name, dir, wanted) = (&vector.name, &step.dir, &step.expect);
            wrong.push(format!("{name}, {dir}: {found:?}, not {wanted:?}"));
        }
    }
    for query in &vector.queries {
        let found = answer(store, &server, &gun, query, clock.now());
        if found != query.answer {
            let (name, tag, wanted) = (&vector.name, &query.tag, &query.answer);
            wrong.push(format!("{name}, `{tag}`: {found}, not {wanted}"));
        }
    }
    // The next vector may get the same port.
    store.forget(Some(&server), &gun).unwrap();
    wrong
}

/// Whether the syncer's answer stands in [`TOLD_OTHERWISE`].
fn is_told_otherwise(vector: &Vector, found: &Expect) -> bool {
    TOLD_OTHERWISE.iter().any(|(name, told)| {
        let label = matches!(found, Expect::Refused { label, .. } if label == told);
        vector.name == *name && label
    })
}

/// What the store has after an update, as far as the vector speaks of it.
fn accepted(vector: &Vector, store: &Store, server: &Server, gun: &Gun, wanted: &Expect) -> Expect {
    let facts = store.facts(server, gun).unwrap().unwrap();
    let mut versions = BTreeMap::new();
    if let Expect::Accepted {
        versions: wanted, ..
    } = wanted
    {
        for (name, version) in wanted {
            // An under-signed delegation has none.
            let found = facts.roles.get(&name.parse::<Role>().unwrap());
            let found = found.map_or(*version, |file| file.version.get());
            versions.insert(name.clone(), found);
        }
    }
    let roots = vector.trust_roots.iter().zip(pins(vector).roots);
    let anchors = roots
        .filter(|(_, root)| facts.anchors.contains(&root.key().fingerprint()))
        .map(|(name, _)| name.clone())
        .collect();
    Expect::Accepted { versions, anchors }
}

/// What the store proves about one tag.
fn answer(store: &Store, server: &Server, gun: &Gun, query: &Query, now: Timestamp) -> String {
    let delegation = |name: &String| format!("targets/{name}").parse().unwrap();
    let signers = match query.signers.as_slice() {
        [] => Signers::Default,
        names => Signers::All(names.iter().map(delegation).collect()),
    };
    let question = vouchsafe_trust::Query {
        server: server.clone(),
        gun: gun.clone(),
        signers,
        wanted: Wanted::Tag(query.tag.clone()),
        retained: None,
    };
    match store.evidence(&question).unwrap() {
        Evidence::Known(known) => match known.signed(&question, now) {
            Ok(signed) => format!("signed sha256:{}", signed.digest),
            Err(reason) => reason.label().to_owned(),
        },
        nothing @ (Evidence::Unknown | Evidence::Withdrawn { .. }) => format!("{nothing:?}"),
    }
}

fn pins(vector: &Vector) -> Pins {
    let pems = vector.trust_root_pems().unwrap();
    let roots = pems.iter().map(|pem| TrustRoot::from_pem(pem).unwrap());
    Pins {
        roots: roots.collect(),
        ..Pins::default()
    }
}

/// The files of a step, as a server that lies about hashes has them.
fn served(vector: &Vector, step: usize) -> RoleFiles {
    let folder = vector::root()
        .join(&vector.name)
        .join(&vector.steps[step].dir);
    RoleFiles::hostile().with_directory(&folder).unwrap()
}

/// What `check` finds about every vector; the client's process mostly waits, so more run than there are processors.
fn in_parallel(vectors: &[Vector], check: impl Fn(&Vector) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(vector) = vectors.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(check(vector));
        }
        found
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let found = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        found.collect()
    })
}

const WORKERS: usize = 4;

/// What a server cannot be asked: whether a root version that it does not serve ever was. So the search for the pinned key ends
/// there, and says that it found none.
const TOLD_OTHERWISE: [(&str, &str); 1] = [("rotation-old-pin-lacks-version", "not_pinned")];
