//! A role file as it arrives: signed bytes and signatures, nothing proven.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::canonical;
use crate::json::{Fields, Json, JsonError};
use crate::key::{Fingerprint, ListedKeys, PublicKey, Scheme};
use crate::name::KeyId;

/// A parsed role file whose signatures nobody has checked yet.
#[derive(Clone, Debug)]
pub struct Envelope {
    signed: Json,
    signatures: Signatures,
}

impl Envelope {
    /// Parses a role file.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if it does not have the form of one.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let document = Json::parse(bytes)?;
        let fields = Fields::new("the document", &document, &["signed", "signatures"])?;
        let signed = fields.required("signed")?;
        if !matches!(signed, Json::Object(_)) {
            return Err(fields.invalid("signed", "an object"));
        }
        let list = match fields.optional("signatures") {
            Some(_) => fields.array("signatures")?,
            None => &[],
        };
        if list.len() > MAX_SIGNATURES {
            return Err(fields.invalid("signatures", "a list of at most 64 signatures"));
        }
        let list = list.iter().map(Signature::read).collect::<Result<_, _>>()?;
        let message = canonical::to_vec(signed);
        let signed = match document {
            Json::Object(members) => members.into_member("signed"),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::String(_) | Json::Array(_) => {
                Json::Null
            }
        };
        let signatures = Signatures { message, list };
        Ok(Self { signed, signatures })
    }

    /// The part that signatures are over, unproven.
    pub const fn signed(&self) -> &Json {
        &self.signed
    }

    /// The signatures.
    pub const fn signatures(&self) -> &Signatures {
        &self.signatures
    }
}

/// The signatures of a role file, with the bytes that they are over.
#[derive(Clone, Debug)]
pub struct Signatures {
    message: Vec<u8>,
    list: Vec<Signature>,
}

impl Signatures {
    /// Whether there is none at all.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The distinct keys among `keys` that made one of the signatures.
    ///
    /// As Notary does, a signature by an unknown key ID, of an unknown method or with a wrong value
    /// is passed over. Departs from Notary: it counts key IDs, so that one key behind two
    /// certificates counts twice there.
    pub fn signers(&self, keys: &RoleKeys) -> BTreeSet<Fingerprint> {
        let mut signers = BTreeSet::new();
        let mut looked_at = BTreeMap::new();
        for signature in &self.list {
            let Some((id, key)) = signature
                .key_id
                .and_then(|id| keys.by_id.get_key_value(&id))
            else {
                continue;
            };
            // A verification is what a signature costs, so a key does not get many.
            let tried = looked_at.entry(*id).or_insert(0);
            *tried += 1;
            if *tried > MAX_TRIES || signers.contains(&key.fingerprint()) {
                continue;
            }
            let good = signature
                .scheme
                .is_some_and(|scheme| key.verifies(scheme, &self.message, &signature.value));
            if good {
                signers.insert(key.fingerprint());
            }
        }
        signers
    }
}

/// The usable keys of a role, and how many of them must sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleKeys {
    by_id: BTreeMap<KeyId, PublicKey>,
    threshold: u64,
}

impl RoleKeys {
    /// The keys of `ids` among `listed` that are strong enough to count, and so are their
    /// certificates (Notary fails the whole file of a role with a weak one).
    pub fn new(ids: &BTreeSet<KeyId>, threshold: u64, listed: &ListedKeys) -> Self {
        let by_id = ids
            .iter()
            .filter_map(|id| Some((*id, listed.get(id)?.strong()?.clone())))
            .collect();
        Self { by_id, threshold }
    }

    /// How many distinct keys must sign, from 1.
    pub const fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The identities of the keys.
    pub fn fingerprints(&self) -> BTreeSet<Fingerprint> {
        self.by_id.values().map(PublicKey::fingerprint).collect()
    }

    /// Every ID of the usable keys: as listed, and without the certificate (Notary: canonical key ID).
    pub fn ids(&self) -> BTreeSet<KeyId> {
        let keys = self.by_id.iter();
        keys.flat_map(|(id, key)| [*id, key.canonical_key_id()])
            .collect()
    }

    /// The usable keys, by key ID.
    pub fn iter(&self) -> impl Iterator<Item = (&KeyId, &PublicKey)> {
        self.by_id.iter()
    }
}

#[derive(Clone, Debug)]
struct Signature {
    /// `None` where the text is no key ID: it names no key.
    key_id: Option<KeyId>,
    /// `None` where the method is unknown.
    scheme: Option<Scheme>,
    value: Vec<u8>,
}

impl Signature {
    fn read(signature: &Json) -> Result<Self, JsonError> {
        let fields = Fields::new("a signature", signature, &["keyid", "method", "sig"])?;
        Ok(Self {
            key_id: fields.string("keyid")?.parse().ok(),
            scheme: Scheme::from_method(fields.string("method")?),
            value: STANDARD
                .decode(fields.string("sig")?)
                .map_err(|_error| fields.invalid("sig", "base64"))?,
        })
    }
}

/// Each signature costs a verification, so their number is bounded. Genuine files have a few.
const MAX_SIGNATURES: usize = 64;
/// How many signatures are looked at for one key ID.
const MAX_TRIES: u32 = 2;
