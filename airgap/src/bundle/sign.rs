//! Adding signatures to a bundle file.

use vouchsafe_trust::key::PublicKey;

use super::source::Form;
use super::write::{Packing, write_as};
use super::{Bundle, WriteBundleError};
use crate::{Signature, SigningKey};

impl Bundle {
    /// Signs the manifest and writes the file anew with the signature, in the place of one by the
    /// same key. The manifest stays as it is.
    ///
    /// # Errors
    ///
    /// [`SignBundleError`]; the file is unchanged then.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), SignBundleError> {
        let signature = key.sign(self.manifest_bytes());
        self.rewrite(&signature)
    }

    /// Adds a signature that another tool made with `key`, as `openssl` or `cosign` writes it.
    ///
    /// # Errors
    ///
    /// [`SignBundleError::Invalid`] if it is not that key's over the manifest.
    pub fn attach(&mut self, signature: &[u8], key: &PublicKey) -> Result<(), SignBundleError> {
        let signature = Signature::accept(self.manifest_bytes(), signature, key);
        self.rewrite(&signature.ok_or(SignBundleError::Invalid)?)
    }

    fn rewrite(&mut self, signature: &Signature) -> Result<(), SignBundleError> {
        let packing = match self.form {
            Form::Compressed => Packing::Zstd,
            Form::Plain => Packing::None,
            Form::Folder | Form::Split => return Err(SignBundleError::NotOneFile),
        };
        let mut contents = self.contents();
        contents.add(signature);
        write_as(&self.path, &contents, packing, None)?;
        self.adopt(&contents)?;
        Ok(())
    }
}

/// Why a signature could not be added to a bundle.
#[derive(Debug, thiserror::Error)]
pub enum SignBundleError {
    /// Not a signature of the key over the manifest.
    #[error("this is no signature over the bundle's manifest by the key that is given with it")]
    Invalid,
    /// A folder, or parts of a bundle.
    #[error("only a bundle that is one file can be signed; sign it before it is split")]
    NotOneFile,
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteBundleError),
}
