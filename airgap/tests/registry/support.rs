//! What the tests stand on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use vouchsafe_airgap::registry::{
    ARTIFACT_TYPE, Backoff, Blob, RegistryClient, RegistryLimits, RegistryOptions, RegistryRef,
    RegistryTimeouts,
};
use vouchsafe_tests::harness::{Registry, TempDir};
use vouchsafe_trust::Sha256;

/// A bundle as the archive layer would hand it over.
pub(crate) struct Bundle {
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: Vec<Blob>,
}

impl Bundle {
    /// A bundle; another `content` makes another one with the same signature.
    pub(crate) fn new(content: &str) -> Self {
        let list = format!("{{\"schema\":\"vouchsafe.dev/bundle/v1\",\"x\":\"{content}\"}}\n");
        let pack = content.repeat(100_000);
        let parts = [
            ("application/vnd.vouchsafe.bundle.manifest.v1+json", list),
            ("application/vnd.vouchsafe.bundle.pack.v1", pack),
            (
                "application/vnd.vouchsafe.bundle.signature.v1",
                "signature\n".to_owned(),
            ),
        ];
        let blobs = parts.map(|(kind, content)| (kind, Blob::of_bytes(content.into_bytes())));
        Self {
            manifest: manifest(&blobs).to_string().into_bytes(),
            blobs: blobs.map(|(_, blob)| blob).into(),
        }
    }

    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of(&self.manifest)
    }

    /// Everything by digest, as it has to lie in a layout.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let blobs = self.blobs.iter().map(read);
        let others = [self.manifest.clone(), b"{}".to_vec()];
        let all = blobs.chain(others);
        all.map(|bytes| (Sha256::of(&bytes).to_string(), bytes))
            .collect()
    }

    /// The path of the largest part below `/v2/`, and its bytes.
    pub(crate) fn pack(&self) -> Vec<u8> {
        read(&self.blobs[1])
    }
}

pub(crate) fn read(blob: &Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut blob.source.open().unwrap(), &mut bytes).unwrap();
    bytes
}

pub(crate) fn manifest(layers: &[(&str, Blob)]) -> Value {
    let layers: Vec<Value> = layers
        .iter()
        .map(|(kind, blob)| {
            json!({"mediaType": kind, "digest": format!("sha256:{}", blob.digest), "size": blob.size})
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": ARTIFACT_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": format!("sha256:{}", Sha256::of(b"{}")),
            "size": 2,
        },
        "layers": layers,
    })
}

/// Options that do not try a test's patience.
pub(crate) fn quick() -> RegistryOptions {
    RegistryOptions {
        limits: RegistryLimits { total: 64 << 20 },
        timeouts: RegistryTimeouts {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(2),
            idle: Duration::from_millis(700),
            total: Duration::from_secs(20),
        },
        backoff: Backoff {
            attempts: 3,
            first: Duration::from_millis(10),
            longest: Duration::from_millis(200),
        },
        ..RegistryOptions::default()
    }
}

pub(crate) fn client() -> RegistryClient {
    RegistryClient::new(quick()).unwrap()
}

/// A reference within a registry without TLS.
pub(crate) fn plain(registry: &Registry, rest: &str) -> RegistryRef {
    format!("http://{}/{rest}", registry.host())
        .parse()
        .unwrap()
}

/// The blobs of a layout by name. Whatever else lies in it, or is not what its name says, fails.
pub(crate) fn layout(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(folder), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(names(&folder.join("blobs")), ["sha256"]);
    let blobs = folder.join("blobs/sha256");
    names(&blobs)
        .into_iter()
        .map(|name| {
            let bytes = fs::read(blobs.join(&name)).unwrap();
            assert_eq!(Sha256::of(&bytes).to_string(), name);
            (name, bytes)
        })
        .collect()
}

pub(crate) fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn folder() -> TempDir {
    TempDir::new("pulled").unwrap()
}
