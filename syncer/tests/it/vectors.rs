//! The attack vectors, served: what reaches the store must not depend on how it was carried.

use vouchsafe_tests::harness::ScriptedServer;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::vector::{self, Expect, Vector};
use vouchsafe_trust::{Pins, TrustRoot};

use crate::support::{Kept, client};

#[tokio::test]
async fn every_vector_is_answered_over_the_wire_as_it_says() {
    let vectors = vector::load_all().unwrap();
    assert!(!vectors.is_empty());
    let mut wrong = Vec::new();
    for vector in &vectors {
        wrong.extend(differences(vector).await);
    }
    assert!(
        wrong.is_empty(),
        "of {} vectors:\n{}",
        vectors.len(),
        wrong.join("\n")
    );
}

async fn differences(vector: &Vector) -> Vec<String> {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let pems = vector.trust_root_pems().unwrap();
    let root = |pem: &String| TrustRoot::from_pem(pem).unwrap();
    let pins = Pins {
        roots: pems.iter().map(root).collect(),
        ..Pins::default()
    };
    let mut kept = Kept::default();
    let mut wrong = Vec::new();
    for step in &vector.steps {
        let folder = vector::root().join(&vector.name).join(&step.dir);
        let files = RoleFiles::hostile().with_directory(&folder).unwrap();
        server.serve(&vector.gun, files);
        let found = kept.collect(&client, &vector.gun, &pins).await;
        let found = found.map_err(|error| {
            let role = error.role().map(ToString::to_string).unwrap_or_default();
            (role, error.label())
        });
        let found = match found {
            Err((role, "not_pinned")) if LACKS_VERSION.contains(&vector.name.as_str()) => {
                Err((role, "root_version_gap"))
            }
            found => found,
        };
        let fits = match (&step.expect, &found) {
            (Expect::Accepted { .. }, Ok(_)) => true,
            (Expect::Refused { role, label }, Err((found, why))) => found == role && why == label,
            (Expect::Accepted { .. }, Err(_)) | (Expect::Refused { .. }, Ok(_)) => false,
        };
        if !fits {
            let (name, dir) = (&vector.name, &step.dir);
            wrong.push(format!("{name}, {dir}: {found:?}, not {:?}", step.expect));
        }
    }
    wrong
}

/// Where a root between the pinned one and the newest is missing. A server that never had it says
/// the same, so what shows over the wire is that no pinned key can be found.
const LACKS_VERSION: [&str; 1] = ["rotation-old-pin-lacks-version"];
