//! Signing as the Docker CLI does it.

use super::HarnessError;
use super::notary_client::{NotaryClient, RotatedRole, SignerKey, Tag};

/// A repository in the shape that `docker trust sign` leaves: the snapshot key with the server, and the roles `targets/releases` and
/// `targets/<signer>`, the latter one per signer, for all tags.
#[derive(Debug)]
pub struct DockerTrust<'client> {
    client: &'client NotaryClient,
    gun: String,
    signers: Vec<(String, SignerKey)>,
}

impl<'client> DockerTrust<'client> {
    /// Creates and publishes the repository with its signers (`docker trust signer add`).
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the client refuses.
    pub fn init(
        client: &'client NotaryClient,
        gun: &str,
        signers: &[&str],
    ) -> Result<Self, HarnessError> {
        client.init_unpublished(gun)?;
        client.rotate(gun, RotatedRole::SnapshotToServer)?;
        let mut repository = Self {
            client,
            gun: gun.to_owned(),
            signers: Vec::new(),
        };
        for signer in signers {
            repository.add_signer(signer)?;
        }
        Ok(repository)
    }

    /// Adds a signer to `targets/releases` and gives it a role of its own.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the client refuses.
    pub fn add_signer(&mut self, name: &str) -> Result<&SignerKey, HarnessError> {
        let key = self.client.generate_signer(name)?;
        self.client
            .delegate(&self.gun, "targets/releases", &[&key], &[])?;
        self.client
            .delegate(&self.gun, &role_of(name), &[&key], &[])?;
        self.client.publish(&self.gun)?;
        self.signers.push((name.to_owned(), key));
        self.key(name)
    }

    /// Signs a tag as one signer: into `targets/releases` and into the signer's role.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the client refuses.
    pub fn sign(&self, tag: &Tag, signer: &str) -> Result<(), HarnessError> {
        self.client
            .sign(&self.gun, tag, &["targets/releases", &role_of(signer)])
    }

    /// A signer's key.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if there is no such signer.
    pub fn key(&self, signer: &str) -> Result<&SignerKey, HarnessError> {
        let found = self
            .signers
            .iter()
            .find(|(name, _)| name == signer)
            .map(|(_, key)| key);
        found.ok_or_else(|| HarnessError::Unexpected {
            what: self.gun.clone(),
            detail: format!("no signer {signer}"),
        })
    }

    /// The repository.
    pub fn gun(&self) -> &str {
        &self.gun
    }
}

fn role_of(signer: &str) -> String {
    format!("targets/{signer}")
}
