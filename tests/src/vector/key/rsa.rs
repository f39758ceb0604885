//! RSA signatures by two checked-in throw-away keys, the salt of PSS being fixed.

use std::convert::Infallible;

use rsa::PrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::pss;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use sha2::Sha256;

/// Which of the two keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    /// 2048 bits.
    Good,
    /// 1024 bits, which Notary does not verify with.
    Short,
}

pub(super) fn spki(size: Size) -> Vec<u8> {
    key(size)
        .to_public_key()
        .to_public_key_der()
        .expect("a key encodes")
        .into_vec()
}

pub(super) fn sign_pkcs1(message: &[u8]) -> Vec<u8> {
    pkcs1v15::SigningKey::<Sha256>::new(key(Size::Good))
        .sign(message)
        .to_vec()
}

/// Salt length 32 (the digest's), as Notary has it.
pub(super) fn sign_pss(size: Size, message: &[u8]) -> Vec<u8> {
    pss::SigningKey::<Sha256>::new(key(size))
        .sign_with_rng(&mut Constant, message)
        .to_vec()
}

fn key(size: Size) -> PrivateKey {
    let file = match size {
        Size::Good => include_str!("../rsa-2048-throw-away-test-key.pem"),
        Size::Short => include_str!("../rsa-1024-throw-away-test-key.pem"),
    };
    let pem = file.split_once('\n').map_or(file, |(_remark, pem)| pem);
    PrivateKey::from_pkcs8_pem(pem).expect("the checked-in key reads")
}

/// "Random" bytes that are all the same: the salt, and a blinding factor that cancels out.
struct Constant;

impl TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0x5a5a_5a5a)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0x5a5a_5a5a_5a5a_5a5a)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0x5a);
        Ok(())
    }
}

impl TryCryptoRng for Constant {}
