//! The root keys that a server shows, for an operator to compare and pin.

use serde::Serialize;
use vouchsafe_trust::metadata::{Envelope, MetadataError, RoleKeys, Root};
use vouchsafe_trust::repository::Validity;
use vouchsafe_trust::update::Limits;
use vouchsafe_trust::{Gun, KeyId, Role, Timestamp, Version};

use crate::notary::{NotaryClient, RequestError, RoleFile};

/// The keys of the root role as a server shows them. Nothing about them is verified: whoever
/// answers for the server can show any.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootKeys {
    /// The repository.
    pub gun: Gun,
    /// The root's version.
    pub version: Version,
    /// When the root expires.
    pub expires: Timestamp,
    /// How many of the keys must sign.
    pub threshold: u64,
    /// The keys.
    pub keys: Vec<RootKey>,
}

/// One key of the root role.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootKey {
    /// The ID under which the root lists it; it changes with the certificate.
    pub key_id: KeyId,
    /// The ID of the key itself, as `notary key list` shows it.
    pub canonical_key_id: KeyId,
    /// The public key as PEM, to be pinned.
    pub pem: String,
    /// The common name of its certificate, which should be the repository.
    pub common_name: Option<String>,
    /// The time in which its certificate is valid; `None` if it has none.
    pub validity: Option<Validity>,
}

/// Why no root keys can be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeysError {
    /// The root cannot be read.
    #[error("{gun}: root: {source}")]
    Metadata {
        /// The repository.
        gun: Gun,
        /// Why.
        #[source]
        source: MetadataError,
    },
    /// The server did not serve it.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Fetches the newest root of `gun` and lists its root keys, **unverified**.
///
/// # Errors
///
/// [`RootKeysError`] if there is no root, or it cannot be read.
pub async fn fetch_root_keys(client: &NotaryClient, gun: &Gun) -> Result<RootKeys, RootKeysError> {
    let file = RoleFile::Newest(Role::Root);
    let bytes = client.role(gun, file, Limits::default().root).await?;
    let unreadable = |source| RootKeysError::Metadata {
        gun: gun.clone(),
        source,
    };
    let envelope = Envelope::parse(&bytes).map_err(|error| unreadable(error.into()))?;
    let root = Root::read(envelope.signed()).map_err(unreadable)?;
    let certificates: std::collections::BTreeMap<_, _> = root.certificates().collect();
    let role_keys = root.role_keys(&Role::Root);
    let keys = role_keys
        .iter()
        .flat_map(RoleKeys::iter)
        .map(|(key_id, key)| {
            let certificate = certificates.get(key_id);
            RootKey {
                key_id: *key_id,
                canonical_key_id: key.canonical_key_id(),
                pem: key.to_pem(),
                common_name: certificate
                    .and_then(|certificate| certificate.common_name())
                    .map(str::to_owned),
                validity: certificate.map(|certificate| certificate.validity()),
            }
        })
        .collect();
    Ok(RootKeys {
        gun: gun.clone(),
        version: root.common.version,
        expires: root.common.expires,
        threshold: role_keys.as_ref().map_or(0, RoleKeys::threshold),
        keys,
    })
}
