//! From roles to files: signed, hashed by their parents, and served.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256, Sha512};

use super::super::json::Json;
use super::{Edit, Files, Repository, Role, base64, signed};

impl Repository {
    /// The role files that a server serves, by plain and, for roots, by versioned name.
    pub fn files(&self) -> Files {
        let mut built: BTreeMap<String, Built> = BTreeMap::new();
        let published = |(_, role): &&(String, Role)| role.published;
        for (name, role) in self.roles.iter().filter(published) {
            if !matches!(name.as_str(), "snapshot" | "timestamp") {
                built.insert(name.clone(), self.file(name, role));
            }
        }
        for name in ["snapshot", "timestamp"] {
            let role = self.role(name);
            let meta = match name {
                "snapshot" => built
                    .iter()
                    .map(|(name, file)| (name.as_str(), file.meta()))
                    .collect(),
                _ => vec![("snapshot", built["snapshot"].meta())],
            };
            let signed = signed::listing(name, role, meta);
            let file = finish(role, signed);
            built.insert(name.to_owned(), file);
        }
        let mut files = self.past_roots.clone();
        files.insert(self.role("root").version, built["root"].served.clone());
        let roots = files
            .into_iter()
            .map(|(version, file)| (format!("{version}.root.json"), file));
        built
            .into_iter()
            .map(|(name, file)| (format!("{name}.json"), file.served))
            .chain(roots)
            .filter(|(name, _)| !self.withheld.contains(name))
            .collect()
    }

    /// The newest root's file.
    pub(super) fn root_file(&self) -> Vec<u8> {
        self.file("root", self.role("root")).hashed
    }

    fn file(&self, name: &str, role: &Role) -> Built {
        let signed = match name {
            "root" => signed::root(self),
            _ => signed::targets(self, name, role),
        };
        finish(role, signed)
    }
}

/// A file as its parent hashed it, and as it is served.
struct Built {
    hashed: Vec<u8>,
    served: Vec<u8>,
}

impl Built {
    fn meta(&self) -> Json {
        meta(&self.hashed)
    }
}

/// Signs a role's content and applies its edits in their order: content, envelope, bytes.
fn finish(role: &Role, mut signed: Json) -> Built {
    for edit in &role.edits {
        if let Edit::Signed(edit) = edit {
            edit(&mut signed);
        }
    }
    let message = signed.canonical();
    let signers = role.signers.as_ref().unwrap_or(&role.keys);
    let signatures = signers
        .iter()
        .map(|key| key.sign(&message).to_json(&key.id()))
        .collect();
    let mut envelope = Json::object([("signed", signed), ("signatures", Json::Array(signatures))]);
    envelope.members().reverse();
    for edit in &role.edits {
        if let Edit::Envelope(edit) = edit {
            edit(&mut envelope);
        }
    }
    let mut hashed = envelope.wire();
    for edit in &role.edits {
        if let Edit::Bytes(edit) = edit {
            edit(&mut hashed);
        }
    }
    let mut served = hashed.clone();
    for edit in &role.edits {
        if let Edit::Served(edit) = edit {
            edit(&mut served);
        }
    }
    Built { hashed, served }
}

/// What a parent states about `file`.
pub(in super::super) fn meta(file: &[u8]) -> Json {
    let hashes = [
        ("sha256", base64(&Sha256::digest(file))),
        ("sha512", base64(&Sha512::digest(file))),
    ];
    let length = u64::try_from(file.len()).expect("a file is not that long");
    Json::object([
        ("hashes", Json::object(hashes)),
        ("length", Json::Int(length)),
    ])
}
