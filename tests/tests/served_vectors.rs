//! The vectors, served: the real `notary` client is asked what Vouchsafe is asked, over the wire.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use vouchsafe_tests::harness::notary_client::TrustPinning;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{HarnessError, NotaryClient, ScriptedServer};
use vouchsafe_tests::vector::{self, Client, Query, Vector};

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

/// The files of a step, as a server that lies about hashes has them.
fn served(vector: &Vector, step: usize) -> RoleFiles {
    let folder = vector::root()
        .join(&vector.name)
        .join(&vector.steps.get(step).unwrap().dir);
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
