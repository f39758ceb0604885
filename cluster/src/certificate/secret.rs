//! The Secret: type `kubernetes.io/tls`, with `ca.crt` and `ca.key` besides.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use zeroize::{Zeroize as _, Zeroizing};

/// What stands in the Secret, all of it PEM; what is not there is empty.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Contents {
    /// `ca.crt`: the authorities, the oldest first.
    pub authorities: Vec<u8>,
    /// `ca.key`: the key of the newest authority.
    pub authority_key: Zeroizing<Vec<u8>>,
    /// `tls.crt`: the leaf.
    pub chain: Vec<u8>,
    /// `tls.key`: its key.
    pub key: Zeroizing<Vec<u8>>,
}

/// Where contents are kept, as it was read: what is written is conditioned on that.
#[derive(Clone, Debug, Default)]
pub struct KeptIn {
    metadata: ObjectMeta,
    kind: Option<String>,
}

impl KeptIn {
    /// Takes a Secret apart. Nothing of its keys stays behind.
    pub fn take(mut secret: Secret) -> (Self, Contents) {
        let mut data = secret.data.take().unwrap_or_default();
        let mut take = |key: &str| data.remove(key).map(|value| value.0).unwrap_or_default();
        let contents = Contents {
            authorities: take(AUTHORITIES),
            authority_key: Zeroizing::new(take(AUTHORITY_KEY)),
            chain: take(CHAIN),
            key: Zeroizing::new(take(KEY)),
        };
        for value in data.values_mut() {
            value.0.zeroize();
        }
        let kept = Self {
            metadata: secret.metadata,
            kind: secret.type_,
        };
        (kept, contents)
    }

    /// The Secret with these contents instead, and nothing beside them; a new one of this name where there was none.
    pub fn with(&self, name: &str, contents: &Contents) -> Secret {
        let bytes = |bytes: &[u8]| ByteString(bytes.to_vec());
        let data = BTreeMap::from([
            (AUTHORITIES.to_owned(), bytes(&contents.authorities)),
            (AUTHORITY_KEY.to_owned(), bytes(&contents.authority_key)),
            (CHAIN.to_owned(), bytes(&contents.chain)),
            (KEY.to_owned(), bytes(&contents.key)),
        ]);
        let mut metadata = self.metadata.clone();
        metadata.name = Some(name.to_owned());
        metadata.managed_fields = None;
        Secret {
            metadata,
            data: Some(data),
            // What a Secret is of cannot be changed.
            type_: Some(self.kind.clone().unwrap_or_else(|| TYPE.to_owned())),
            ..Secret::default()
        }
    }

    /// Whether there is no Secret yet.
    pub fn is_new(&self) -> bool {
        self.metadata.resource_version.is_none()
    }
}

/// Shows no key.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

const AUTHORITIES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";
const TYPE: &str = "kubernetes.io/tls";
