//! Two sites with one policy: one that reaches the Notary server, and one that nothing reaches but
//! bundles.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vouchsafe_tests::harness::{Configuration, Vouchsafe};
use vouchsafe_tests::vector::key::{Key, Kind};

use crate::published::{GUN, Published, root_key};

pub(crate) struct Sites {
    pub(crate) published: Published,
    pub(crate) connected: Vouchsafe,
    pub(crate) gapped: Vouchsafe,
}

impl Sites {
    /// With the bundle keys that the gapped side pins, all of which have to sign.
    pub(crate) fn new(keys: &[&Key]) -> Self {
        let published = Published::new();
        let connected = published.unsynced();
        let gapped = gapped(&published, keys, json!({}));
        let gapped = Vouchsafe::new(&gapped.to_string()).unwrap();
        Self {
            published,
            connected,
            gapped,
        }
    }

    /// A file of the connected side.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.connected.directory().write(name, text).unwrap();
        path.display().to_string()
    }

    /// Makes a bundle of the whole configuration, and returns its path.
    pub(crate) fn bundle(&self, more: &[&str]) -> String {
        let folder = self.connected.directory().path().display().to_string();
        let create = ["bundle", "create", "-o", "json", "--directory", &folder];
        let made = self
            .connected
            .json(&[&create, more].concat(), &[0])
            .unwrap();
        made["files"][0].as_str().unwrap().to_owned()
    }

    /// The private key in a file of the connected side.
    pub(crate) fn private(&self, key: &Key) -> String {
        self.file(&format!("{}.pem", key.id()), &key.private_key_pem())
    }

    /// The public key in a file of the connected side.
    pub(crate) fn public(&self, key: &Key) -> String {
        self.file(&format!("{}.pub", key.id()), &key.public_key_pem())
    }
}

/// The configuration of a site that nothing reaches; `bundles` are more settings of it.
pub(crate) fn gapped(published: &Published, keys: &[&Key], mut bundles: Value) -> Configuration {
    let settings = bundles.as_object_mut().unwrap();
    if !keys.is_empty() {
        let pinned = keys.iter().map(|key| {
            let name = format!("courier-{}", key.id());
            json!({"name": name, "key": key.public_key_pem()})
        });
        settings.insert("keys".to_owned(), pinned.collect());
        settings.insert("threshold".to_owned(), keys.len().into());
    }
    Configuration::new()
        .notary(&published.server.url(), None, &root_key())
        .rule(&format!("{GUN}*:*"))
        .setting("sync", json!({"schedule": "never"}))
        .setting("bundles", bundles)
}

pub(crate) fn p256(label: &str) -> Key {
    Key::p256(label)
}

pub(crate) fn ed25519(label: &str) -> Key {
    Key::new(Kind::Ed25519, label)
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

/// What is in a folder, by name.
pub(crate) fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
