//! Which bundles were taken in.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::{Denied, Sha256};

use crate::{Store, StoreError};

/// The latest bundle of a series that was taken in. Its JSON form is stable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedBundle {
    /// The series.
    pub name: String,
    /// Its number in the series.
    pub sequence: u64,
    /// The digest of its manifest.
    pub manifest: Sha256,
    /// When its contents were complete and current; of an earlier one, if that was made later.
    pub created_at: Timestamp,
    /// Until when whoever signed it vouches for that, if they do.
    pub refresh_by: Option<Timestamp>,
    /// When it was taken in.
    pub imported_at: Timestamp,
    /// The pinned keys whose signatures were good then.
    pub signers: BTreeSet<Fingerprint>,
    /// How many repositories it lists.
    pub repositories: u64,
    /// How many of them were left out.
    pub refused: u64,
    /// What it lists to be denied.
    pub deny: Vec<Denied>,
}

/// What was made of a series.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct MadeBundle {
    /// The highest number that was given out.
    pub sequence: u64,
    /// What the series denies since.
    pub deny: Vec<Denied>,
}

impl ImportedBundle {
    pub(crate) fn encode(&self) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let value = postcard::to_stdvec(self).map_err(StoreError::Unencodable)?;
        Ok((self.name.as_bytes().to_vec(), value))
    }
}

impl Store {
    /// The latest bundle of each series that was taken in, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn bundles(&self) -> Result<Vec<ImportedBundle>, StoreError> {
        let values = self.0.trees.bundle.iter().values();
        let bundles = values.map(|value| decode(&value?));
        let bundles: Result<_, _> = bundles.collect();
        bundles.map_err(|error| self.note(error))
    }

    /// The latest bundle of the series `name` that was taken in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn bundle(&self, name: &str) -> Result<Option<ImportedBundle>, StoreError> {
        let value = self.0.trees.bundle.get(name.as_bytes())?;
        let bundle = value.map(|value| decode(&value)).transpose();
        bundle.map_err(|error| self.note(error))
    }
}

impl Store {
    /// Forgets which bundle of the series `name` was taken in last, and what the series denies. Returns
    /// whether one was. What bundles brought stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn forget_bundle(&self, name: &str) -> Result<bool, StoreError> {
        // One that is being taken in is remembered afterwards.
        let importing = self.0.importing.lock();
        let _alone = importing.unwrap_or_else(PoisonError::into_inner);
        self.0.durable.room()?;
        let known = self.0.trees.bundle.remove(name)?;
        self.0.durable.sync()?;
        Ok(known)
    }

    /// The latest bundle of the series `name` that was made of this store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn made(&self, name: &str) -> Result<Option<MadeBundle>, StoreError> {
        let Some(value) = self.0.trees.made.get(name.as_bytes())? else {
            return Ok(None);
        };
        postcard::from_bytes(&value).map(Some).map_err(|_error| {
            self.note(StoreError::damaged("the record of a bundle that was made"))
        })
    }

    /// Remembers that a bundle of the series `name` was made, on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn record_made(&self, name: &str, made: &MadeBundle) -> Result<(), StoreError> {
        self.0.durable.room()?;
        let value = postcard::to_stdvec(made).map_err(StoreError::Unencodable)?;
        self.0.trees.made.insert(name, &value)?;
        self.0.durable.sync()
    }
}

fn decode(value: &[u8]) -> Result<ImportedBundle, StoreError> {
    postcard::from_bytes(value)
        .map_err(|_error| StoreError::damaged("the record of a bundle cannot be read"))
}
