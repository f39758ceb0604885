//! Bundles by hand: nothing here is shared with what reads and writes them.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::input::Input;
use crate::program::{self, BASES, GUN};

/// An archive whose digests fit, with what the input says for the rest.
pub(super) fn assembled(input: &mut Input<'_>) -> Vec<u8> {
    let (mut pack, mut repositories) = (Vec::new(), Vec::new());
    for _ in 0..input.below(3) {
        repositories.push(repository(input, &mut pack));
    }
    let mut manifest = json!({
        "schema": "vouchsafe.dev/bundle/v1",
        "name": "site",
        "sequence": input.byte(),
        "createdAt": "2026-11-23T00:00:00Z",
        "generator": "vouchsafe",
        "repositories": repositories,
    });
    if !pack.is_empty() {
        manifest["pack"] = json!({"sha256": hex(&pack), "size": pack.len()});
    }
    change(input, &mut manifest);
    let manifest = manifest.to_string().into_bytes();
    let mut blobs = vec![b"{}".to_vec(), manifest.clone()];
    let mut layers = vec![descriptor("bundle.manifest.v1+json", &manifest)];
    if !pack.is_empty() {
        layers.push(descriptor("bundle.files.v1", &pack));
        blobs.push(pack);
    }
    if input.flag() {
        let signature = input.text().into_bytes();
        let mut layer = descriptor("bundle.signature.v1", &signature);
        layer["annotations"] = json!({"dev.vouchsafe.key": hex(b"key")});
        layers.push(layer);
        blobs.push(signature);
    }
    let mut artifact = artifact(&layers);
    change(input, &mut artifact);
    let artifact = artifact.to_string().into_bytes();
    let mut image = descriptor("", &artifact);
    image["mediaType"] = "application/vnd.oci.image.manifest.v1+json".into();
    let mut index = json!({"schemaVersion": 2, "manifests": [image]});
    change(input, &mut index);
    blobs.push(artifact);
    let mut entries = vec![
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ),
        ("index.json".to_owned(), index.to_string().into_bytes()),
    ];
    entries.extend(
        blobs
            .into_iter()
            .map(|blob| (format!("blobs/sha256/{}", hex(&blob)), blob)),
    );
    let count = entries.len();
    entries.swap(input.below(count), input.below(count));
    let mut archive: Vec<u8> = entries
        .iter()
        .flat_map(|(name, bytes)| entry(name, bytes))
        .collect();
    archive.resize(archive.len() + 1024, 0);
    while !input.is_empty() {
        let at = usize::from(input.byte()) * 256 + usize::from(input.byte());
        let length = archive.len();
        archive[at % length] = input.byte();
    }
    archive
}

/// The OCI image manifest of these layers.
fn artifact(layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.vouchsafe.bundle.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": format!("sha256:{}", hex(b"{}")),
            "size": 2,
        },
        "layers": layers,
    })
}

/// A repository as the manifest lists it; its role files are added to `pack`.
fn repository(input: &mut Input<'_>, pack: &mut Vec<u8>) -> Value {
    let base = input.below(BASES.len());
    let length = input.below(32);
    let metadata = program::run(base, &mut Input::new(input.bytes(length)));
    let rest = [
        ("timestamp", &metadata.timestamp),
        ("snapshot", &metadata.snapshot),
        ("targets", &metadata.targets),
    ];
    let roots = metadata.roots.iter().map(|root| ("root", root));
    let delegations = metadata
        .delegations
        .iter()
        .map(|(name, file)| (name.as_str(), file));
    let mut files = Vec::new();
    for (role, bytes) in roots.chain(rest).chain(delegations) {
        let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
        files.push(json!({
            "role": role,
            "version": document["signed"]["version"],
            "expires": document["signed"]["expires"],
            "sha256": hex(bytes),
            "size": bytes.len(),
            "offset": pack.len(),
        }));
        pack.extend_from_slice(bytes);
    }
    json!({
        "server": "https://notary.example.com",
        "gun": GUN,
        "verifiedAt": "2026-11-23T00:00:00Z",
        "tags": 1,
        "files": files,
    })
}

/// Replaces places of a document, if the input wants it.
fn change(input: &mut Input<'_>, document: &mut Value) {
    for _ in 0..input.below(4) {
        let depth = input.below(6);
        let here = place(document, input, depth);
        let text = input.text();
        match (serde_json::from_str(&text), here) {
            (Ok(value), here) => *here = value,
            (Err(_), Value::Object(members)) => drop(members.insert(text, Value::Null)),
            (Err(_), here) => *here = text.into(),
        }
    }
}

/// A place that is `depth` levels down, or as far as it goes.
fn place<'v>(here: &'v mut Value, input: &mut Input<'_>, depth: usize) -> &'v mut Value {
    let count = match here {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    if depth == 0 || count == 0 {
        return here;
    }
    let choice = input.below(count);
    let next = match here {
        Value::Array(items) => items.get_mut(choice),
        Value::Object(members) => members.values_mut().nth(choice),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    place(next.expect("it is there"), input, depth - 1)
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": format!("application/vnd.vouchsafe.{kind}"),
        "digest": format!("sha256:{}", hex(bytes)),
        "size": bytes.len(),
    })
}

/// An entry of an archive (POSIX ustar).
fn entry(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000600\0");
    header[124..135].copy_from_slice(format!("{:011o}", contents.len()).as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend_from_slice(contents);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn hex(bytes: &[u8]) -> String {
    vouchsafe_trust::Sha256::from_bytes(Sha256::digest(bytes).into()).to_string()
}
