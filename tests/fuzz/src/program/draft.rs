//! A repository that is being changed, and what it is published as.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};
use vouchsafe_tests::checker::json::Value;
use vouchsafe_tests::vector::repository::Metadata;

use super::base::{ids, keys};
use super::tree::{member_mut, object, text, wire};

/// The role files of a repository, those that state others after these: roots, delegations,
/// targets, snapshot, timestamp.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) files: Vec<File>,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) role: String,
    pub(super) signed: Value,
    /// Indices of [`keys`].
    pub(super) signers: Vec<usize>,
    /// Changes of the signatures.
    pub(super) forged: Vec<Forgery>,
    /// Bytes that are replaced before others state the file, and behind their back.
    pub(super) stated: Vec<(usize, u8)>,
    pub(super) served: Vec<(usize, u8)>,
    /// Whether what it states of others stays as it was.
    pub(super) stale: bool,
    pub(super) is_changed: bool,
    pub(super) is_gone: bool,
    original: Vec<u8>,
}

/// What is changed of the signature number `at`.
#[derive(Clone, Debug)]
pub(super) struct Forgery {
    pub(super) at: usize,
    pub(super) member: &'static str,
    pub(super) value: Value,
}

impl Draft {
    pub(super) fn of(base: &Metadata) -> Self {
        let roots = base.roots.iter().map(|bytes| ("root", bytes));
        let delegations = base.delegations.iter();
        let delegations = delegations.map(|(name, bytes)| (name.as_str(), bytes));
        let rest = [
            ("targets", &base.targets),
            ("snapshot", &base.snapshot),
            ("timestamp", &base.timestamp),
        ];
        let files = roots.chain(delegations).chain(rest);
        Self {
            files: files.map(|(role, bytes)| File::read(role, bytes)).collect(),
        }
    }

    /// Signs what was changed, states it, and gives what a server serves.
    pub(super) fn publish(mut self) -> Metadata {
        let mut metadata = Metadata::default();
        let mut stated: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for file in &mut self.files {
            if !file.stale {
                file.state(&stated);
            }
            let bytes = file.bytes();
            // The newest root is the last one.
            stated.insert(file.role.clone(), bytes.clone());
            if file.is_gone {
                continue;
            }
            let served = replace(bytes, &file.served);
            match file.role.as_str() {
                "root" => metadata.roots.push(served),
                "targets" => metadata.targets = served,
                "snapshot" => metadata.snapshot = served,
                "timestamp" => metadata.timestamp = served,
                _ => drop(metadata.delegations.insert(file.role.clone(), served)),
            }
        }
        metadata
    }
}

impl File {
    fn read(role: &str, bytes: &[u8]) -> Self {
        let document = Value::parse(bytes).expect("a base reads");
        let signatures = document.get("signatures").and_then(Value::items);
        let signers = signatures.unwrap_or_default().iter().map(|signature| {
            let id = signature.get("keyid").and_then(Value::text);
            let known = ids().iter().position(|known| Some(known.as_str()) == id);
            known.expect("a base is signed by known keys")
        });
        Self {
            role: role.to_owned(),
            signers: signers.collect(),
            signed: document.get("signed").expect("a base is signed").clone(),
            forged: Vec::new(),
            stated: Vec::new(),
            served: Vec::new(),
            stale: false,
            is_changed: false,
            is_gone: false,
            original: bytes.to_vec(),
        }
    }

    /// States the `files` that snapshot or timestamp states and that are other ones now.
    fn state(&mut self, files: &BTreeMap<String, Vec<u8>>) {
        if !matches!(self.role.as_str(), "snapshot" | "timestamp") {
            return;
        }
        let Some(Value::Members(meta)) = member_mut(&mut self.signed, "meta") else {
            return;
        };
        for (role, stated) in meta {
            let Some(bytes) = files.get(role) else {
                continue;
            };
            let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            let hash = |hash: &[u8]| text(&STANDARD.encode(hash));
            let now = [
                ("sha256", hash(&Sha256::digest(bytes))),
                ("sha512", hash(&Sha512::digest(bytes))),
            ];
            for (name, hash) in now {
                let hashes = member_mut(stated, "hashes");
                let Some(known) = hashes.and_then(|hashes| member_mut(hashes, name)) else {
                    continue;
                };
                if matches!(known, Value::Text(_)) && *known != hash {
                    *known = hash;
                    self.is_changed = true;
                }
            }
            if let Some(known @ Value::Int(_)) = member_mut(stated, "length") {
                self.is_changed |= *known != Value::Int(length);
                *known = Value::Int(length);
            }
        }
    }

    /// The file as others state it.
    fn bytes(&self) -> Vec<u8> {
        if !self.is_changed {
            return replace(self.original.clone(), &self.stated);
        }
        let message = self.signed.canonical().into_bytes();
        let mut signatures: Vec<Value> = self
            .signers
            .iter()
            .map(|signer| signature(*signer, &message))
            .collect();
        for Forgery { at, member, value } in &self.forged {
            let count = signatures.len().max(1);
            let forged = signatures.get_mut(at % count);
            if let Some(old) = forged.and_then(|forged| member_mut(forged, member)) {
                *old = value.clone();
            }
        }
        let document = object([
            ("signed", self.signed.clone()),
            ("signatures", Value::List(signatures)),
        ]);
        replace(wire(&document).into_bytes(), &self.stated)
    }
}

/// The signature of a key, made once: the same program is run many times with little changed.
fn signature(signer: usize, message: &[u8]) -> Value {
    static MADE: LazyLock<Mutex<BTreeMap<[u8; 32], Value>>> = LazyLock::new(Mutex::default);
    let key = &keys()[signer];
    let known = Sha256::new()
        .chain_update(signer.to_be_bytes())
        .chain_update(message);
    let known: [u8; 32] = known.finalize().into();
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.len() > MOST_MADE {
        made.clear();
    }
    let sign = || {
        let signature = key.sign(message);
        object([
            ("keyid", text(&ids()[signer])),
            ("method", text(signature.method)),
            ("sig", text(&STANDARD.encode(signature.bytes))),
        ])
    };
    made.entry(known).or_insert_with(sign).clone()
}

fn replace(mut bytes: Vec<u8>, replaced: &[(usize, u8)]) -> Vec<u8> {
    for (at, byte) in replaced {
        let length = bytes.len().max(1);
        if let Some(old) = bytes.get_mut(at % length) {
            *old = *byte;
        }
    }
    bytes
}

const MOST_MADE: usize = 4096;
