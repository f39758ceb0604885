//! A signed repository on a server that counts what it is asked.

use serde_json::json;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

/// The repository and its server.
pub(crate) struct Published {
    pub(crate) server: ScriptedServer,
}

impl Published {
    pub(crate) fn new() -> Self {
        let server = ScriptedServer::plain().unwrap();
        let files = Repository::delegated(GUN).files();
        server.serve(GUN, RoleFiles::new().with_files(files));
        Self { server }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        configuration(&self.server.url(), None, &root_key())
    }

    /// A Vouchsafe that has not synced yet.
    pub(crate) fn unsynced(&self) -> Vouchsafe {
        Vouchsafe::new(&self.configuration().to_string()).unwrap()
    }

    pub(crate) fn synced(&self) -> Vouchsafe {
        let vouchsafe = self.unsynced();
        vouchsafe.succeed(&["sync"]).unwrap();
        vouchsafe
    }
}

/// What is pinned and allowed; the server is asked at a start, and then not before New Year.
pub(crate) fn configuration(url: &str, authority: Option<&str>, key: &str) -> Configuration {
    Configuration::new()
        .notary(url, authority, key)
        .fixed("allow", true)
        .rule(&format!("{GUN}:*"))
        .rule_of(json!({"pattern": "registry.example.com/*:*", "validator": "allow", "namespaces": ["lenient"]}))
        .setting("sync", json!({"schedule": "0 0 1 1 *"}))
}

pub(crate) fn root_key() -> String {
    Key::p256("root").public_key_pem()
}

pub(crate) fn image(tag: &str) -> String {
    format!("{GUN}:{tag}")
}

/// The repository.
pub(crate) const GUN: &str = "registry.example.com/team/app";
