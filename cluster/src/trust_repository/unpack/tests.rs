use serde_json::json;
use vouchsafe_tests::vector::repository::Repository;

use super::*;
use crate::trust_repository::{Packed, pack, withdrawn};

const GUN: &str = "registry.example.com/team/app";

fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

/// What a server serves of a repository with so many tags.
fn served(tags: usize) -> RepositoryMetadata {
    let repository = (0..tags).fold(Repository::plain(GUN), |repository, at| {
        repository.tag("targets", &format!("v{at}"), &format!("image {at}"))
    });
    let mut files: BTreeMap<String, Vec<u8>> = repository.files().into_iter().collect();
    let mut take = |name: &str| files.remove(name).unwrap();
    RepositoryMetadata {
        gun: GUN.parse().unwrap(),
        timestamp: take("timestamp.json"),
        snapshot: take("snapshot.json"),
        targets: take("targets.json"),
        roots: vec![take("root.json")],
        delegations: BTreeMap::new(),
    }
}

fn packed(tags: usize) -> (RepositoryMetadata, Packed) {
    let metadata = served(tags);
    let packed = pack(&server(), &metadata, Timestamp::UNIX_EPOCH).unwrap();
    (metadata, packed)
}

fn claimed(spec: &impl serde::Serialize) -> Result<Claim, UnpackError> {
    let name = object_name(&server(), &GUN.parse().unwrap());
    claim(&name, &serde_json::to_value(spec).unwrap())
}

#[test]
fn what_is_packed_is_what_is_unpacked() {
    for tags in [0, 20_000] {
        let (metadata, packed) = packed(tags);
        let claim = claimed(&packed.spec).unwrap();
        assert_eq!(claim.identity, packed.spec.identity());
        assert_eq!(claim.parts().count(), packed.parts.len());
        assert_eq!(packed.parts.is_empty(), tags == 0);
        let unpacked = claim.unpack(&packed.parts, Limits::default()).unwrap();
        assert_eq!(unpacked, metadata);
        // What the API server and etcd take is 1.5 MiB.
        let object = serde_json::to_vec(&packed.spec).unwrap();
        let largest = packed
            .parts
            .values()
            .map(String::len)
            .max()
            .unwrap_or_default();
        assert!(
            object.len().max(largest) < 1 << 20,
            "{} {largest}",
            object.len()
        );
    }
}

#[test]
fn a_withdrawal_may_have_files_and_nothing_else_may_have_none() {
    let packed = withdrawn(&server(), &GUN.parse().unwrap(), Timestamp::UNIX_EPOCH);
    let claim = claimed(&packed.spec).unwrap();
    assert_eq!(claim.withdrawn_at, Some(Timestamp::UNIX_EPOCH));
    let mut both = packed.spec;
    both.files = self::packed(0).1.spec.files;
    assert!(claimed(&both).unwrap().has_files());
    both.files.clear();
    both.withdrawn_at = None;
    assert_eq!(claimed(&both).unwrap_err().label(), "malformed");
}

#[test]
fn each_fault_has_its_name() {
    let (_, packed) = packed(0);
    let mut spec = serde_json::to_value(&packed.spec).unwrap();
    spec["files"][0]["parts"] = json!([]);
    let with = |pointer: &str, value: Value| {
        let mut spec = spec.clone();
        *spec.pointer_mut(pointer).unwrap() = value;
        let unpack = |claim: Claim| claim.unpack(&BTreeMap::new(), Limits::default());
        claimed(&spec)
            .and_then(unpack)
            .map(drop)
            .map_err(|error| error.label())
    };
    assert_eq!(with("/syncedAt", json!("2026-11-26T00:00:00Z")), Ok(()));
    for (pointer, value, label) in [
        ("/gun", json!("no repository"), "malformed"),
        ("/gun", json!("registry.example.com/other"), "foreign_name"),
        (
            "/server",
            json!("https://elsewhere.example.com"),
            "foreign_name",
        ),
        ("/server", json!("ftp://x"), "malformed"),
        ("/syncedAt", json!("yesterday"), "malformed"),
        ("/files/0/role", json!("no role"), "malformed"),
        ("/files/0/role", json!("targets"), "malformed"),
        ("/files/0/sha256", json!("0"), "damaged"),
        ("/files/0/size", json!(1), "damaged"),
        ("/files/0/size", json!(-1), "too_large"),
        ("/files/0/size", json!(1_i64 << 40), "too_large"),
        ("/files/0/data", json!("AAAA"), "damaged"),
        ("/files/0/data", json!("not base64"), "malformed"),
        ("/files/0/data", json!(7), "malformed"),
        ("/files/0/parts", json!(["0".repeat(64)]), "malformed"),
        ("/files", json!({}), "malformed"),
    ] {
        assert_eq!(
            with(pointer, value.clone()),
            Err(label),
            "{pointer}: {value}"
        );
    }
    let (_, large) = self::packed(20_000);
    let unpack = |parts: &BTreeMap<String, String>| {
        let claim = claimed(&large.spec).unwrap();
        claim.unpack(parts, Limits::default()).unwrap_err().label()
    };
    assert_eq!(unpack(&BTreeMap::new()), "part_missing");
    let mut swapped = large.parts.clone();
    for data in swapped.values_mut() {
        "AAAA".clone_into(data);
    }
    assert_eq!(unpack(&swapped), "part_missing");
    // Requests are made of these names.
    for name in ["?watch=1", "", "..", &"A".repeat(64), &"0".repeat(63)] {
        let mut spec = large.spec.clone();
        let file = spec.files.iter_mut().find(|file| file.role == "targets");
        file.unwrap().parts = vec![name.to_owned()];
        assert_eq!(claimed(&spec).unwrap_err().label(), "malformed", "{name}");
    }
    let mut many = large.spec.clone();
    let file = many.files.iter_mut().find(|file| file.role == "targets");
    file.unwrap().parts = vec!["0".repeat(64); MAX_PARTS + 1];
    assert_eq!(claimed(&many).unwrap_err().label(), "too_large");
}

#[test]
fn nothing_is_unpacked_beyond_what_is_stated() {
    let (_, packed) = packed(0);
    let mut spec = packed.spec;
    // 64 MiB of blanks in some KiB, said to be what they are.
    let bomb = zstd::bulk::compress(&vec![b' '; 64 << 20], 19).unwrap();
    let timestamp = spec
        .files
        .iter_mut()
        .find(|file| file.role == "timestamp")
        .unwrap();
    timestamp.data = Some(STANDARD.encode(bomb));
    let unpack = |spec: &TrustRepositorySpec| {
        let claim = claimed(spec).unwrap();
        claim
            .unpack(&BTreeMap::new(), Limits::default())
            .unwrap_err()
            .label()
    };
    assert_eq!(unpack(&spec), "damaged");
    let timestamp = spec
        .files
        .iter_mut()
        .find(|file| file.role == "timestamp")
        .unwrap();
    timestamp.size = 64 << 20;
    assert_eq!(unpack(&spec), "too_large");
    let limits = Limits {
        repository: 1000,
        ..Limits::default()
    };
    let whole = claimed(&self::packed(0).1.spec).unwrap();
    let label = whole.unpack(&BTreeMap::new(), limits).unwrap_err().label();
    assert_eq!(label, "too_large");
}

#[test]
fn an_object_has_so_many_files_and_no_more() {
    let (mut metadata, _) = packed(0);
    metadata.roots = vec![metadata.roots[0].clone(); MAX_FILES];
    assert!(pack(&server(), &metadata, Timestamp::UNIX_EPOCH).is_err());
    let (_, packed) = packed(0);
    let mut spec = packed.spec;
    spec.files = vec![spec.files[0].clone(); MAX_FILES + 1];
    assert_eq!(claimed(&spec).unwrap_err().label(), "too_large");
}
