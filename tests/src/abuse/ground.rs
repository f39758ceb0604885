//! A real `vouchsafe serve` to be abused, with a store that a sync has filled.

use std::sync::Arc;

use serde_json::json;

use super::Target;
use crate::harness::admission::pod_review;
use crate::harness::scripted_server::RoleFiles;
use crate::harness::vouchsafe::Serving;
use crate::harness::{Certificates, Configuration, HarnessError, ScriptedServer, Vouchsafe};
use crate::vector::key::Key;
use crate::vector::repository::{Repository, digest_of};

/// Everything that the abused process needs; it ends with this value.
#[derive(Debug)]
pub struct Ground {
    // Stopped before its directory is removed.
    serving: Serving,
    certificates: Certificates,
    vouchsafe: Vouchsafe,
    _notary: ScriptedServer,
}

impl Ground {
    /// Fills a store from a server, and serves from it; by `wrapper`, a program that starts it, unless that is empty.
    ///
    /// # Errors
    ///
    /// [`HarnessError`] if any of it cannot be started.
    pub fn new(wrapper: &[&str]) -> Result<Self, HarnessError> {
        let notary = ScriptedServer::plain()?;
        let files = Repository::delegated(GUN).files();
        notary.serve(GUN, RoleFiles::new().with_files(files));
        let configuration = Configuration::new()
            .notary(&notary.url(), None, &Key::p256("root").public_key_pem())
            .rule(&format!("{GUN}:*"))
            // It is asked at the start, and then not before New Year.
            .setting("sync", json!({"schedule": "0 0 1 1 *"}));
        let vouchsafe = Vouchsafe::new(&configuration.to_string())?.under(wrapper);
        vouchsafe.succeed(&["sync"])?;
        let certificates = Certificates::new()?;
        let serving = vouchsafe.serve(&certificates)?;
        Ok(Self {
            serving,
            certificates,
            vouchsafe,
            _notary: notary,
        })
    }

    /// The server, as those see it who abuse it.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Tls`] if there is no TLS.
    pub fn target(&self) -> Result<Arc<Target>, HarnessError> {
        let image = format!("{GUN}:signed@{}", digest_of("image"));
        Ok(Arc::new(Target {
            admission: ([127, 0, 0, 1], self.serving.port()).into(),
            operations: self.serving.metrics_address(),
            socket: self.vouchsafe.store().join("vouchsafe.sock"),
            tls: self.certificates.client_config()?,
            review: pod_review(&[&image]).to_string().into_bytes(),
        }))
    }

    /// What runs.
    pub fn serving(&mut self) -> &mut Serving {
        &mut self.serving
    }
}

const GUN: &str = "registry.example.com/team/app";
