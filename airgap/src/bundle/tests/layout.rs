//! Bundles by hand: nothing here is shared with what reads and writes them.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::TempDir;
use vouchsafe_trust::Sha256;

use super::super::{Bundle, Limits, OpenBundleError};
use super::{contents, metadata};

/// An entry of an archive: name, kind, contents.
pub(super) type Entry = (String, u8, Vec<u8>);

/// The parts of a bundle, to be put together rightly or wrongly.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) manifest: Value,
    pub(super) pack: Vec<u8>,
    pub(super) signatures: Vec<([u8; 32], Vec<u8>)>,
    pub(super) artifact: fn(&mut Value),
    pub(super) index: fn(&mut Value),
}

impl Parts {
    /// Parts that fit together.
    pub(super) fn good() -> Self {
        let folder = TempDir::new().unwrap();
        let repositories = [
            metadata("docker.io/a/a", &noise(20_000)),
            metadata("docker.io/a/b", "2"),
        ];
        let written = contents(folder.path(), &repositories);
        let (_, blobs) = written.blobs().unwrap();
        let mut pack = Vec::new();
        std::io::copy(&mut blobs[2].reader(), &mut pack).unwrap();
        Self {
            manifest: serde_json::from_slice(written.manifest_bytes()).unwrap(),
            pack,
            signatures: vec![([7; 32], vec![1; 70])],
            artifact: |_| (),
            index: |_| (),
        }
    }

    /// The entries of the archive in the order in which we write them.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let manifest = serde_json::to_vec(&self.manifest).unwrap();
        let mut layers = vec![descriptor("bundle.manifest.v1+json", &manifest)];
        let mut blobs = vec![b"{}".to_vec(), manifest];
        if !self.pack.is_empty() {
            layers.push(descriptor("bundle.files.v1", &self.pack));
            blobs.push(self.pack.clone());
        }
        for (key, signature) in &self.signatures {
            let mut layer = descriptor("bundle.signature.v1", signature);
            let key = Sha256::from_bytes(*key).to_string();
            layer["annotations"] = json!({ "dev.vouchsafe.key": key });
            layers.push(layer);
            blobs.push(signature.clone());
        }
        let mut artifact = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.vouchsafe.bundle.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": format!("sha256:{}", Sha256::of(b"{}")),
                "size": 2,
            },
            "layers": layers,
        });
        (self.artifact)(&mut artifact);
        let artifact = serde_json::to_vec(&artifact).unwrap();
        let mut image = descriptor("", &artifact);
        image["mediaType"] = "application/vnd.oci.image.manifest.v1+json".into();
        let mut index = json!({ "schemaVersion": 2, "manifests": [image] });
        (self.index)(&mut index);
        let mut entries = vec![
            file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
            file("index.json", &serde_json::to_vec(&index).unwrap()),
            blob(&artifact),
        ];
        entries.extend(blobs.iter().map(|bytes| blob(bytes)));
        entries
    }
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": format!("application/vnd.vouchsafe.{kind}"),
        "digest": format!("sha256:{}", Sha256::of(bytes)),
        "size": bytes.len(),
    })
}

pub(super) fn file(name: &str, contents: &[u8]) -> Entry {
    (name.to_owned(), b'0', contents.to_vec())
}

pub(super) fn blob(contents: &[u8]) -> Entry {
    file(&format!("blobs/sha256/{}", Sha256::of(contents)), contents)
}

/// A header of an archive.
pub(super) fn header(name: &str, kind: u8, size: u64) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000600\0");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

pub(super) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, contents) in entries {
        let size = contents.len();
        bytes.extend(header(name, *kind, u64::try_from(size).unwrap()));
        bytes.extend(contents);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What opening a file with these bytes says: the refusal's label, or `accepted`.
pub(super) fn label(bytes: &[u8]) -> &'static str {
    label_within(bytes, &Limits::default())
}

pub(super) fn label_within(bytes: &[u8], limits: &Limits) -> &'static str {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bundle");
    fs::write(&path, bytes).unwrap();
    label_of(Bundle::open(&path, limits, folder.path()))
}

pub(super) fn label_of(opened: Result<Bundle, OpenBundleError>) -> &'static str {
    match opened {
        Ok(_) => "accepted",
        Err(OpenBundleError::Refused(refusal)) => refusal.label(),
        Err(error @ OpenBundleError::Io { .. }) => panic!("{error:?}"),
    }
}

/// Digits that do not compress to nothing, always the same ones.
pub(super) fn noise(len: usize) -> String {
    let mut random = Random(1);
    (0..len)
        .map(|_| char::from_digit(u32::try_from(random.below(16)).unwrap(), 16).unwrap())
        .collect()
}

/// Numbers without a pattern, the same in every run (Knuth's MMIX generator).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}
