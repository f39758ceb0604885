//! What was made with a key is kept for a while: whoever makes many repositories needs the same of it again and again, and
//! curves are slow in a build for debugging.

use std::cell::RefCell;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Key, Signature};

#[derive(Default)]
struct Memo {
    /// Public keys as metadata lists them, and as operators pin them.
    texts: BTreeMap<(Use, Key), Vec<u8>>,
    signatures: BTreeMap<(Key, [u8; 32]), Signature>,
}

/// What a text is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Use {
    Listed,
    Pinned,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// What `make` makes of the public key.
pub(super) fn text(key: &Key, purpose: Use, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let wanted = (purpose, key.clone());
    let known = MEMO.with_borrow(|memo| memo.texts.get(&wanted).cloned());
    known.unwrap_or_else(|| {
        let text = make();
        MEMO.with_borrow_mut(|memo| memo.texts.insert(wanted, text.clone()));
        text
    })
}

/// The signature that `make` makes over `message`.
pub(super) fn signature(key: &Key, message: &[u8], make: impl FnOnce() -> Signature) -> Signature {
    let wanted = (key.clone(), Sha256::digest(message).into());
    let known = MEMO.with_borrow(|memo| memo.signatures.get(&wanted).cloned());
    known.unwrap_or_else(|| {
        let signature = make();
        MEMO.with_borrow_mut(|memo| {
            if memo.signatures.len() >= MOST {
                memo.signatures.clear();
            }
            memo.signatures.insert(wanted, signature.clone());
        });
        signature
    })
}

const MOST: usize = 2000;
