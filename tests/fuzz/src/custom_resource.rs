//! `TrustRepository` objects and their parts: what of them becomes role files.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe_cluster::trust_repository::{claim, object_name};
use vouchsafe_trust::update::Limits;
use vouchsafe_trust::{Gun, Server, Sha256};

use crate::input::Input;

pub(crate) fn run(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    if input.flag() {
        let (spec, parts) = packed(&mut input);
        unpack(&spec, &parts)
    } else {
        let spec = serde_json::from_slice(input.rest());
        spec.is_ok_and(|spec| unpack(&spec, &BTreeMap::new()))
    }
}

/// Takes a spec under the name that it would have to have, and under another one.
fn unpack(spec: &Value, parts: &BTreeMap<String, String>) -> bool {
    assert!(
        claim("another", spec).is_err(),
        "a name is one of its repository"
    );
    let named = |member: &str| spec[member].as_str().unwrap_or_default().to_owned();
    let (server, gun) = (
        named("server").parse::<Server>(),
        named("gun").parse::<Gun>(),
    );
    let (Ok(server), Ok(gun)) = (server, gun) else {
        return false;
    };
    let Ok(claim) = claim(&object_name(&server, &gun), spec) else {
        return false;
    };
    let limits = Limits {
        repository: LARGEST,
        ..Limits::default()
    };
    let Ok(metadata) = claim.unpack(parts, limits) else {
        return false;
    };
    assert_eq!(metadata.gun, gun, "the repository");
    let rest = [&metadata.timestamp, &metadata.snapshot, &metadata.targets];
    let files: Vec<&Vec<u8>> = metadata
        .roots
        .iter()
        .chain(rest)
        .chain(metadata.delegations.values())
        .collect();
    let stated = spec["files"].as_array().map_or(0, Vec::len);
    assert_eq!(files.len(), stated, "every file");
    let size: usize = files.iter().map(|file| file.len()).sum();
    assert!(
        u64::try_from(size).expect("it is in memory") <= LARGEST,
        "no more than allowed"
    );
    for file in files {
        let sha256 = Sha256::of(file).to_string();
        let is_stated = |stated: &Value| stated["sha256"].as_str() == Some(&sha256);
        let list = spec["files"].as_array().into_iter().flatten();
        assert!(list.clone().any(is_stated), "a file that is stated");
    }
    true
}

/// A spec whose digests fit, with what the input says for the rest.
fn packed(input: &mut Input<'_>) -> (Value, BTreeMap<String, String>) {
    const ROLES: [&str; 8] = [
        "root",
        "timestamp",
        "snapshot",
        "targets",
        "targets/releases",
        "targets/a/b",
        "targets/A",
        "",
    ];
    let mut parts = BTreeMap::new();
    let mut files = Vec::new();
    for _ in 0..input.below(10) {
        let role = *input.one_of(&ROLES);
        let how = input.byte();
        let contents = input.text().into_bytes();
        // As it is, compressed, or said to be compressed.
        let compressed = match how % 4 {
            0 => contents.clone(),
            _ => zstd::bulk::compress(&contents, 1).expect("it compresses"),
        };
        let mut size = i64::try_from(contents.len()).expect("it is short");
        if how & 0x10 != 0 {
            size = i64::from(input.byte()) - 8;
        }
        let mut file = json!({
            "role": role,
            "sha256": Sha256::of(&contents).to_string(),
            "size": size,
        });
        if how & 0x20 == 0 {
            file["data"] = STANDARD.encode(&compressed).into();
        } else {
            let half = compressed.len() / 2;
            let pieces = [&compressed[..half], &compressed[half..]];
            let names = pieces.map(|piece| {
                let name = Sha256::of(piece).to_string();
                parts.insert(name.clone(), STANDARD.encode(piece));
                name
            });
            file["parts"] = names.to_vec().into();
        }
        files.push(file);
    }
    let mut spec = json!({
        "server": "https://notary.example.com",
        "gun": "registry.example.com/team/app",
        "syncedAt": "2026-11-24T00:00:00Z",
        "files": files,
    });
    if input.flag() {
        spec["withdrawnAt"] = input.text().into();
    }
    (spec, parts)
}

/// The most bytes of a repository here.
const LARGEST: u64 = 1 << 20;
