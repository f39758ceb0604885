use std::path::Path;

use tempfile::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository as Published, digest_of};
use vouchsafe_trust::{RepositoryMetadata, Role};

use super::*;
use crate::bundle::{Bundle, Contents, Limits, PackFile, PackWriter, describe, write};
use crate::manifest::{Base, Denied, DeniedThing, Manifest, Repository, Withdrawn};

/// The metadata that a server has of a repository.
fn metadata(gun: &str, published: &Published) -> RepositoryMetadata {
    let mut files = published.files();
    let mut file = |name: &str| files.remove(name).unwrap();
    let [timestamp, snapshot, targets] =
        ["timestamp.json", "snapshot.json", "targets.json"].map(&mut file);
    file("root.json");
    let mut roots: Vec<_> = files
        .iter()
        .filter(|(name, _)| name.ends_with(".root.json"))
        .collect();
    roots.sort_by_key(|(name, _)| name.split('.').next().unwrap().parse::<u64>().unwrap());
    let roots = roots.into_iter().map(|(_, file)| file.clone()).collect();
    files.retain(|name, _| !name.ends_with(".root.json"));
    let delegations = files.into_iter().map(|(name, file)| {
        let name = name.strip_suffix(".json").unwrap();
        (name.parse().unwrap(), file)
    });
    RepositoryMetadata {
        gun: gun.parse().unwrap(),
        roots,
        timestamp,
        snapshot,
        targets,
        delegations: delegations.collect(),
    }
}

/// A bundle of these repositories, of which some are only described.
fn bundle(
    folder: &Path,
    repositories: &[(&RepositoryMetadata, bool)],
    edit: impl FnOnce(&mut Manifest),
) -> Bundle {
    let mut pack = PackWriter::new(folder).unwrap();
    let listed = repositories.iter().map(|(metadata, carried)| Repository {
        server: "notary.example.com".parse().unwrap(),
        gun: metadata.gun.clone(),
        verified_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        tags: 1,
        files: if *carried {
            pack.add(metadata).unwrap()
        } else {
            describe(metadata).unwrap()
        },
    });
    let repositories = listed.collect();
    let pack = pack.finish().unwrap();
    let mut manifest = Manifest {
        pack: pack.as_ref().map(PackFile::pack),
        repositories,
        ..Manifest::empty(
            "site".parse().unwrap(),
            7,
            "2026-11-01T00:00:00Z".parse().unwrap(),
        )
    };
    edit(&mut manifest);
    let path = folder.join(format!("{}.tar.zst", manifest.sequence));
    write(&path, &Contents::new(&manifest, pack).unwrap(), None).unwrap();
    Bundle::open(&path, &Limits::default(), folder).unwrap()
}

fn base(of: &Bundle) -> impl FnOnce(&mut Manifest) {
    let base = Base {
        sequence: of.manifest().sequence,
        manifest: of.manifest_sha256(),
    };
    |manifest| {
        manifest.sequence += 1;
        manifest.base = Some(base);
    }
}

#[test]
fn images_are_read_as_docker_content_trust_reads_them() {
    let folder = TempDir::new().unwrap();
    let plain = metadata("docker.io/a/plain", &Published::plain("docker.io/a/plain"));
    let released = Published::delegated("docker.io/a/released")
        .tag("targets", "unheard", "other")
        .tag("targets/alice", "also", "image");
    let released = metadata("docker.io/a/released", &released);
    let mut broken = plain.clone();
    broken.gun = "docker.io/a/unread".parse().unwrap();
    broken.targets = plain.snapshot.clone();
    let left_out = metadata(
        "docker.io/b/left-out",
        &Published::plain("docker.io/b/left-out"),
    );
    let before = bundle(folder.path(), &[(&plain, true)], |_| ());
    let repositories = [
        (&plain, true),
        (&released, true),
        (&broken, true),
        (&left_out, false),
    ];
    let bundle = bundle(folder.path(), &repositories, base(&before));
    let found = images(&bundle).unwrap();
    let lines: Vec<_> = found.images.iter().map(ToString::to_string).collect();
    let digest = digest_of("image");
    assert_eq!(
        lines,
        [
            format!("docker.io/a/plain@{digest}"),
            format!("docker.io/a/released@{digest}")
        ]
    );
    assert_eq!(
        found.images[1].tags,
        ["also", "signed"].map(str::to_owned).into()
    );
    assert_eq!(found.in_base, ["docker.io/b/left-out".parse().unwrap()]);
    assert_eq!(found.unread.len(), 1);
    assert_eq!(found.unread[0].gun, broken.gun);
}

#[test]
fn an_inspection_is_what_the_manifest_says() {
    let folder = TempDir::new().unwrap();
    let published = Published::delegated("docker.io/a/a")
        .rotate_root(&Key::p256("new"))
        .expires("timestamp", "2027-01-01T00:00:00Z");
    let repository = metadata("docker.io/a/a", &published);
    let before = bundle(folder.path(), &[(&repository, true)], |_| ());
    let Summary {
        carried,
        versions,
        first_expiry,
        ..
    } = inspect(&before).repositories.remove(0);
    assert!(carried);
    assert_eq!(versions[&Role::Root].get(), 2);
    assert_eq!(first_expiry.unwrap().role, Role::Timestamp);
    let after = bundle(folder.path(), &[(&repository, false)], base(&before));
    assert!(!inspect(&after).repositories[0].carried);
    let json = serde_json::to_value(inspect(&after)).unwrap();
    assert_eq!(json["base"]["sequence"], 7);
    assert_eq!(json["repositories"][0]["firstExpiry"]["role"], "timestamp");
    assert_eq!(json["repositories"][0]["versions"]["targets/releases"], 1);
}

#[test]
fn a_difference_names_tags_keys_versions_and_expiries() {
    let folder = TempDir::new().unwrap();
    let gun = "docker.io/a/a";
    let first = Published::delegated(gun)
        .tag("targets/releases", "gone", "image")
        .tag("targets/releases", "moved", "image");
    let second = Published::delegated(gun)
        .tag("targets/releases", "moved", "another")
        .tag("targets/releases", "new", "image")
        .publish(&["targets/releases", "targets", "snapshot", "timestamp"])
        .keys(
            "targets/releases",
            &[Key::p256("alice"), Key::p256("carol")],
        )
        .expires("targets", "2098-01-01T00:00:00Z")
        .rotate_root(&Key::p256("new"));
    let [first, second] = [first, second].map(|published| metadata(gun, &published));
    let old = bundle(folder.path(), &[(&first, true)], |_| ());
    let new = bundle(folder.path(), &[(&second, true)], base(&old));

    let found = diff(&old, &new).unwrap();
    let change = &found.changed[0];
    let tags: Vec<_> = change
        .tags
        .iter()
        .map(|change| {
            let Change { from, to } = change.digest;
            (change.tag.as_str(), from.is_some(), to.is_some())
        })
        .collect();
    let expected = [
        ("gone", true, false),
        ("moved", true, true),
        ("new", false, true),
    ];
    assert_eq!(tags, expected);
    let roles: Vec<_> = change.keys.keys().map(Role::as_str).collect();
    assert_eq!(roles, ["root", "targets/releases"]);
    let keys = &change.keys[&"targets/releases".parse().unwrap()];
    assert_eq!((keys.added.len(), keys.removed.len()), (1, 1));
    assert_eq!(change.versions[&Role::Root].to.unwrap().get(), 2);
    let roles: Vec<_> = change.expires.keys().map(Role::as_str).collect();
    assert_eq!(roles, ["targets"]);
    assert_eq!(change.not_compared, None);

    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["changed"][0]["gun"], gun);
    assert_eq!(json["changed"][0]["tags"][0]["tag"], "gone");
}

#[test]
fn a_difference_names_what_came_and_what_went() {
    let folder = TempDir::new().unwrap();
    let [gone, same, new] = ["docker.io/a/gone", "docker.io/a/same", "docker.io/b/new"]
        .map(|gun| metadata(gun, &Published::plain(gun)));
    let denied = Denied {
        what: DeniedThing::Gun(gone.gun.clone()),
        reason: "stolen".to_owned(),
    };
    let withdrawn = Withdrawn {
        server: "notary.example.com".parse().unwrap(),
        gun: gone.gun.clone(),
        at: "2026-10-31T00:00:00Z".parse().unwrap(),
    };
    let old = bundle(folder.path(), &[(&gone, true), (&same, true)], |_| ());
    let incremental = base(&old);
    let new = bundle(folder.path(), &[(&same, false), (&new, true)], |manifest| {
        incremental(manifest);
        manifest.deny = vec![denied.clone()];
        manifest.withdrawn = vec![withdrawn.clone()];
    });
    let found = diff(&old, &new).unwrap();
    assert_eq!(found.added[0].gun.as_str(), "docker.io/b/new");
    assert_eq!(found.removed[0].gun, gone.gun);
    assert_eq!((found.unchanged, found.changed.len()), (1, 0));
    assert_eq!(found.deny.added, [denied]);
    assert_eq!(found.withdrawn.added, [withdrawn]);
    assert!(!found.is_empty());
    assert!(diff(&new, &new).unwrap().is_empty());
}

#[test]
fn what_one_side_leaves_out_is_compared_by_what_the_manifests_say() {
    let folder = TempDir::new().unwrap();
    let gun = "docker.io/a/a";
    let first = metadata(gun, &Published::plain(gun));
    let second = metadata(
        gun,
        &Published::plain(gun).publish(&["snapshot", "timestamp"]),
    );
    let old = bundle(folder.path(), &[(&first, true)], |_| ());
    let new = bundle(folder.path(), &[(&second, false)], base(&old));
    let found = diff(&old, &new).unwrap();
    let change = &found.changed[0];
    let roles: Vec<_> = change.versions.keys().map(Role::as_str).collect();
    assert_eq!(roles, ["timestamp", "snapshot"]);
    assert!(change.not_compared.is_some());
}
