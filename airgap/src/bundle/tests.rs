mod damage;
mod folder;
mod hostile;
mod layout;
mod signing;
mod whole;

use vouchsafe_trust::{Gun, Server};

use super::*;
use crate::manifest::Repository;

/// The role files of a repository that nobody verifies here.
pub(super) fn metadata(gun: &str, filling: &str) -> RepositoryMetadata {
    let file = |role: &str| {
        let signed = format!(
            r#"{{"_type":"{role}","expires":"2030-01-01T00:00:00Z","version":1,"x":"{filling}"}}"#
        );
        format!(r#"{{"signed":{signed},"signatures":[]}}"#).into_bytes()
    };
    RepositoryMetadata {
        gun: gun.parse::<Gun>().unwrap(),
        roots: vec![file("Root")],
        timestamp: file("Timestamp"),
        snapshot: file("Snapshot"),
        targets: file("Targets"),
        delegations: [("targets/releases".parse().unwrap(), file("Targets"))].into(),
    }
}

/// A bundle with `repositories`, which must be in order.
pub(super) fn contents(folder: &Path, repositories: &[RepositoryMetadata]) -> Contents {
    let server: Server = "notary.example.com".parse().unwrap();
    let mut pack = PackWriter::new(folder).unwrap();
    let listed = repositories.iter().map(|metadata| Repository {
        server: server.clone(),
        gun: metadata.gun.clone(),
        verified_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        tags: 1,
        files: pack.add(metadata).unwrap(),
    });
    let repositories = listed.collect();
    let pack = pack.finish().unwrap();
    let manifest = Manifest {
        pack: pack.as_ref().map(PackFile::pack),
        repositories,
        ..Manifest::empty(
            "site".parse().unwrap(),
            7,
            "2026-11-01T00:00:00Z".parse().unwrap(),
        )
    };
    Contents::new(&manifest, pack).unwrap()
}

pub(super) fn open(path: &Path) -> Result<Bundle, OpenBundleError> {
    Bundle::open(path, &Limits::default(), &std::env::temp_dir())
}
