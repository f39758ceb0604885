//! The files of one repository: those that are stored, and those that have to be fetched.

use std::collections::BTreeMap;

use vouchsafe_trust::update::{Limits, Wanted};
use vouchsafe_trust::{Fault, Gun, Role, Server, Sha256, VerifyError};

use super::{CollectError, Stored};
use crate::aside::aside;
use crate::notary::{Cause, NotaryClient, RequestError, RoleFile};

/// Fetches the files of one repository; none twice, and none beyond the repository's limit.
pub(super) struct Files<'a> {
    client: &'a NotaryClient,
    gun: &'a Gun,
    stored: Option<&'a Stored>,
    /// What is stored, by hash; filled when first needed.
    known: Option<BTreeMap<Sha256, &'a [u8]>>,
    fetched: BTreeMap<Sha256, Vec<u8>>,
    limits: Limits,
    /// Bytes that may still be fetched.
    left: u64,
}

impl<'a> Files<'a> {
    pub(super) const fn new(
        client: &'a NotaryClient,
        gun: &'a Gun,
        stored: Option<&'a Stored>,
        limits: Limits,
    ) -> Self {
        Self {
            client,
            gun,
            stored,
            known: None,
            fetched: BTreeMap::new(),
            limits,
            left: limits.repository,
        }
    }

    pub(super) const fn server(&self) -> &'a Server {
        self.client.server()
    }

    pub(super) const fn gun(&self) -> &'a Gun {
        self.gun
    }

    /// Fetches a file that nobody stated anything about.
    pub(super) async fn fetch(
        &mut self,
        file: RoleFile,
        limit: u64,
    ) -> Result<Vec<u8>, RequestError> {
        let bytes = self
            .client
            .role(self.gun, file, limit.min(self.left))
            .await?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(length);
        Ok(bytes)
    }

    /// Fetches a root. Nothing states how long it is, and nothing about it is proven yet.
    pub(super) async fn root(&mut self, file: RoleFile) -> Result<Vec<u8>, RequestError> {
        self.fetch(file, self.limits.root).await
    }

    /// The file that a parent states: the stored one if it has the stated hash, or else the
    /// server's. It is checked by whoever asks for it.
    pub(super) async fn stated(&mut self, wanted: &Wanted) -> Result<Vec<u8>, CollectError> {
        let Wanted { role, file: stated } = wanted;
        let Some(sha256) = stated.sha256 else {
            return Err(self.refused(role, Fault::FileMissing));
        };
        if let Some(bytes) = self.at_hand(sha256).await {
            return Ok(bytes.to_vec());
        }
        let file = RoleFile::Content(role.clone(), sha256);
        let error = match self.fetch(file, stated.length).await {
            Ok(bytes) => {
                let sha256 = aside(bytes.len(), || Sha256::of(&bytes)).await;
                self.fetched.insert(sha256, bytes.clone());
                return Ok(bytes);
            }
            Err(error) => error,
        };
        if is_missing(&error.cause, role) {
            return Err(self.refused(role, Fault::FileMissing));
        }
        if let Cause::TooLarge { length, limit } = *error.cause
            && limit == stated.length
        {
            let fault = Fault::WrongLength {
                stated: limit,
                found: length,
            };
            return Err(self.refused(role, fault));
        }
        Err(error.into())
    }

    fn refused(&self, role: &Role, fault: Fault) -> CollectError {
        let error = VerifyError::new(self.gun, role, fault);
        CollectError::refused(self.client.server(), error)
    }

    async fn at_hand(&mut self, sha256: Sha256) -> Option<&[u8]> {
        if self.known.is_none() {
            let stored = self.stored;
            let bytes = stored.map_or(0, |stored| below_timestamp(stored).map(Vec::len).sum());
            self.known = Some(aside(bytes, || by_hash(stored)).await);
        }
        self.known
            .as_ref()?
            .get(&sha256)
            .copied()
            .or_else(|| self.fetched.get(&sha256).map(Vec::as_slice))
    }
}

fn by_hash(stored: Option<&Stored>) -> BTreeMap<Sha256, &[u8]> {
    let files = stored.into_iter().flat_map(below_timestamp);
    files
        .map(|bytes| (Sha256::of(bytes), bytes.as_slice()))
        .collect()
}

/// The stored files that a parent states by their hash.
fn below_timestamp(stored: &Stored) -> impl Iterator<Item = &Vec<u8>> {
    let metadata = &stored.metadata;
    [&metadata.snapshot, &metadata.targets]
        .into_iter()
        .chain(metadata.delegations.values())
}

/// Whether the server does not have the file. On SQL it says 500 where a delegation is missing
/// (notary server/handlers/default.go).
const fn is_missing(cause: &Cause, role: &Role) -> bool {
    matches!(
        (cause, role),
        (Cause::Status { status: 404, .. }, _)
            | (Cause::Status { status: 500, .. }, Role::Delegation(_))
    )
}
