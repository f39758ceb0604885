//! Keys of delegations.

use std::fs;
use std::path::{Path, PathBuf};

use super::NotaryClient;
use crate::harness::HarnessError;
use crate::harness::root_key::{der_of_public_key, ecdsa_key_id};

/// A signer's ECDSA key pair, as `notary key generate` writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignerKey {
    name: String,
    id: String,
    public_key: PathBuf,
    private_key: PathBuf,
}

impl SignerKey {
    /// The TUF key ID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as a PEM file, which a delegation is made of.
    pub fn public_key_file(&self) -> &Path {
        &self.public_key
    }
}

impl NotaryClient {
    /// Makes a key pair for a signer and lets this client sign with it. Its files live as long as this client.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the client refuses.
    pub fn generate_signer(&self, name: &str) -> Result<SignerKey, HarnessError> {
        let stem = self.directory.path().join(name).display().to_string();
        self.notary(&[
            "key", "generate", "ecdsa", "--role", name, "--output", &stem,
        ])?;
        let public_key = PathBuf::from(format!("{stem}.pem"));
        let private_key = PathBuf::from(format!("{stem}-key.pem"));
        let pem = fs::read_to_string(&public_key).map_err(HarnessError::file(&public_key))?;
        let id = ecdsa_key_id(&der_of_public_key(&pem)?);

        // `key import` takes an encrypted key only with a PEM header that names its ID.
        let private = fs::read_to_string(&private_key).map_err(HarnessError::file(&private_key))?;
        let named = private.replacen("role: ", &format!("path: {id}\nrole: "), 1);
        fs::write(&private_key, named).map_err(HarnessError::file(&private_key))?;

        let key = SignerKey {
            name: name.to_owned(),
            id,
            public_key,
            private_key,
        };
        self.import_signer(&key)?;
        Ok(key)
    }

    /// Lets this client sign with a key that another made.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the client refuses.
    pub fn import_signer(&self, key: &SignerKey) -> Result<(), HarnessError> {
        self.notary(&[
            "key",
            "import",
            &key.private_key.display().to_string(),
            "--role",
            &key.name,
        ])
        .map(drop)
    }
}
